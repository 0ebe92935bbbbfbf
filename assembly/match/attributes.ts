import { Bytes } from "../bytes/bytes";
import { RequestView } from "../request-view";
import { Attribute } from "./attribute";

/** The request's method, in the case it came in. */
@final
export class MethodAttribute extends Attribute {
  find(request: RequestView): Bytes {
    return request.method();
  }
}

/** The path without query. */
@final
export class PathAttribute extends Attribute {
  find(request: RequestView): Bytes {
    return request.path();
  }
}

/** The host without port, in lower case. */
@final
export class HostAttribute extends Attribute {
  find(request: RequestView): Bytes {
    return request.host();
  }
}

/** All values of a header, joined. */
@final
export class HeaderAttribute extends Attribute {
  find(request: RequestView): Bytes {
    return request.headers.get(this.name);
  }
}

/** The first value of a query parameter, decoded. */
@final
export class QueryParamAttribute extends Attribute {
  find(request: RequestView): Bytes {
    return request.queryParam(this.name);
  }
}

/** The first value of a cookie, raw. */
@final
export class CookieAttribute extends Attribute {
  find(request: RequestView): Bytes {
    return request.cookie(this.name);
  }
}

import { baggageMember, countMembers } from "../baggage";
import { ABSENT, byteAt, Bytes, indexOfByte, lengthOf, slice } from "../bytes/bytes";
import { countCookies, countQueryParams } from "../members";
import { routeName } from "../properties";
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

/** The path without query, of which only so many segments count: `/a/b` of `/a/b/c` for 2, all for 0. */
@final
export class PathSegmentsAttribute extends Attribute {
  constructor(
    name: Bytes,
    private readonly segments: i32,
  ) {
    super(name);
  }

  find(request: RequestView): Bytes {
    const path = request.path();
    if (this.segments == 0 || path == ABSENT) return path;
    let left = this.segments;
    for (let at: u32 = 1; at < lengthOf(path); at++) {
      if (byteAt(path, at) == 0x2f && --left == 0) return slice(path, 0, at);
    }
    return path;
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

  /** Of a form (`application/x-www-form-urlencoded`) a `+` is a space; here it stays. */
  isAmbiguous(request: RequestView): bool {
    return countQueryParams(request, this.name) > 1 || indexOfByte(this.read(request), 0x2b) >= 0;
  }
}

/** The first value of a cookie, raw. */
@final
export class CookieAttribute extends Attribute {
  find(request: RequestView): Bytes {
    return request.cookie(this.name);
  }

  isAmbiguous(request: RequestView): bool {
    return countCookies(request, this.name) > 1;
  }
}

/** The first value of a baggage member, decoded. */
@final
export class BaggageAttribute extends Attribute {
  find(request: RequestView): Bytes {
    return baggageMember(request, this.name);
  }

  isAmbiguous(request: RequestView): bool {
    return countMembers(request, this.name) > 1;
  }
}

/** The name of the route that Envoy has chosen, as far as it is known before the filters behind change anything. */
@final
export class RouteNameAttribute extends Attribute {
  find(_request: RequestView): Bytes {
    return routeName();
  }
}

/** The same text for every request: its name. */
@final
export class ConstantAttribute extends Attribute {
  find(_request: RequestView): Bytes {
    return this.name;
  }
}

import { HeaderMapTypeValues } from "../../../assembly/abi/values";
import { concatenate, lowerCase } from "../../../assembly/bytes/arena";
import {
  ABSENT,
  byteAt,
  Bytes,
  bytesOf,
  equals,
  indexOfByte,
  lengthOf,
  literal,
  slice,
  trim,
} from "../../../assembly/bytes/bytes";
import { getHeaderPairs } from "../../../assembly/host/headers";
import { pairs, PairsReader } from "../../../assembly/host/pairs";
import { RequestView } from "../../../assembly/request-view";
import { CallAnswer, callHttp } from "../../../assembly/waiting";
import { Change } from "./change";
import { decision, Outcome } from "./decision";
import { HeaderList } from "./header-list";
import { MergedHeaders } from "./merged-headers";
import { Failure, Transport } from "./transport";

/** What of requests and answers goes to the other side, beside what always does. */
@final
export class HttpHeaders {
  constructor(
    /** Of the request, to the service. */
    readonly toService: HeaderList,
    /** Of an answer that allows, to the request. */
    readonly toUpstream: HeaderList,
    /** Of an answer that allows, to the response. */
    readonly toClientOnAllow: HeaderList,
    /** Of an answer that denies, to the reply. All go there where it is empty. */
    readonly toClientOnDeny: HeaderList,
    /** Headers that are added to the request to the service, in the place of the request's own. */
    readonly addedNames: StaticArray<Bytes>,
    readonly addedValues: StaticArray<Bytes>,
  ) {}
}

/**
 * A request to the service with the request's method, path and host, without a body; what its status says, and headers both ways, as Envoy's
 * `ext_authz_http_impl.cc` has it: 200 allows, 5xx is an error, any other status denies.
 */
@final
export class HttpTransport extends Transport {
  private readonly merged: MergedHeaders = new MergedHeaders();
  private readonly reader: PairsReader = new PairsReader(ABSENT);

  constructor(
    cluster: Bytes,
    timeout: u32,
    private readonly pathPrefix: Bytes,
    private readonly headers: HttpHeaders,
  ) {
    super(cluster, timeout);
  }

  send(_request: RequestView, memo: u32): bool {
    const merged = this.merged;
    const headers = this.headers;
    pairs.begin();
    merged.begin();
    while (merged.next()) {
      const name = merged.name;
      if (equals(name, PATH)) pairs.add(name, concatenate(this.pathPrefix, EMPTY, merged.value));
      else if (this.sends(name)) pairs.add(name, merged.value);
    }
    pairs.add(CONTENT_LENGTH, ZERO);
    for (let at = 0; at < headers.addedNames.length; at++) {
      pairs.add(unchecked(headers.addedNames[at]), unchecked(headers.addedValues[at]));
    }
    return callHttp(this.cluster, pairs.finish(), ABSENT, this.timeout, memo);
  }

  private sends(name: Bytes): bool {
    if (byteAt(name, 0) == COLON) return equals(name, METHOD) || equals(name, AUTHORITY);
    if (equals(name, CONTENT_LENGTH)) return false;
    const added = this.headers.addedNames;
    for (let at = 0; at < added.length; at++) if (equals(name, unchecked(added[at]))) return false;
    return equals(name, AUTHORIZATION) || this.headers.toService.matches(name);
  }

  read(answer: CallAnswer): Failure {
    const status = answer.status;
    decision.begin();
    if (status < 200 || status > 599) return status == 0 ? Failure.Unavailable : Failure.Malformed;
    if (status >= 500) {
      // Envoy answers so itself where there was no connection, no HTTP, or no time.
      return status == 500 || status == 501 || status > 504 ? Failure.Status : Failure.Unavailable;
    }
    decision.outcome = status == 200 ? Outcome.Allowed : Outcome.Denied;
    decision.status = status;
    const reader = this.reader;
    reader.begin(getHeaderPairs(HeaderMapTypeValues.HttpCallResponseHeaders));
    while (reader.next()) {
      if (byteAt(reader.name, 0) == COLON) continue;
      if (equals(reader.name, TO_REMOVE)) {
        if (status == 200) removeAll(reader.value);
      } else if (status == 200) this.allow(reader.name, reader.value);
      else this.deny(reader.name, reader.value);
    }
    if (status != 200) decision.body = answer.body();
    return decision.isTooLarge ? Failure.Malformed : Failure.None;
  }

  private allow(name: Bytes, value: Bytes): void {
    if (this.headers.toUpstream.matches(name)) decision.add(Change.Set, name, value);
    if (this.headers.toClientOnAllow.matches(name)) decision.add(Change.AddToResponse, name, value);
  }

  private deny(name: Bytes, value: Bytes): void {
    // The reply has a body and a length of its own.
    if (equals(name, CONTENT_LENGTH) || equals(name, TRANSFER_ENCODING)) return;
    const list = this.headers.toClientOnDeny;
    const isTold =
      list.size == 0 || equals(name, WWW_AUTHENTICATE) || equals(name, LOCATION) || list.matches(name);
    if (isTold) decision.add(Change.Reply, name, value);
  }
}

/** Of the request's headers those that the list names, by commas. */
function removeAll(list: Bytes): void {
  const length = lengthOf(list);
  for (let start: u32 = 0; start < length;) {
    const comma = indexOfByte(list, 0x2c, start);
    const end = comma < 0 ? length : <u32>comma;
    const name = trim(slice(list, start, end));
    if (lengthOf(name) > 0) decision.add(Change.Remove, lowerCase(name), ABSENT);
    start = end + 1;
  }
}

const COLON: u8 = 0x3a;
const EMPTY: Bytes = bytesOf(memory.data(8), 0);

// @ts-ignore: decorator
@lazy const METHOD = literal(":method");
// @ts-ignore: decorator
@lazy const PATH = literal(":path");
// @ts-ignore: decorator
@lazy const AUTHORITY = literal(":authority");
// @ts-ignore: decorator
@lazy const AUTHORIZATION = literal("authorization");
// @ts-ignore: decorator
@lazy const CONTENT_LENGTH = literal("content-length");
// @ts-ignore: decorator
@lazy const TRANSFER_ENCODING = literal("transfer-encoding");
// @ts-ignore: decorator
@lazy const WWW_AUTHENTICATE = literal("www-authenticate");
// @ts-ignore: decorator
@lazy const LOCATION = literal("location");
// @ts-ignore: decorator
@lazy const TO_REMOVE = literal("x-envoy-auth-headers-to-remove");
// @ts-ignore: decorator
@lazy const ZERO = literal("0");

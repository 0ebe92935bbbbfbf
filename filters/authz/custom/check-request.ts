import {
  ABSENT,
  byteAt,
  Bytes,
  bytesOf,
  lastIndexOfByte,
  lengthOf,
  literal,
  slice,
} from "../../../assembly/bytes/bytes";
import { ProtobufWriter } from "../../../assembly/bytes/protobuf";
import { utf8Of } from "../../../assembly/bytes/utf8";
import { getProperty } from "../../../assembly/host/properties";
import { directAddress, peerCertificateUri, sourceAddress } from "../../../assembly/properties";
import { RequestView } from "../../../assembly/request-view";
import { requestProtocol, requestTime } from "../../../assembly/stream-properties";
import { MergedHeaders } from "./merged-headers";

/**
 * Writes a `CheckRequest` (`envoy/service/auth/v3/external_auth.proto`, `attribute_context.proto`) with what Envoy's ext_authz filter puts
 * into it by the configuration that istiod gives it (`check_request_utils.cc`). A module cannot see some of that:
 * - `source.address` is the connection's peer only where a companion hands it over (`directAddress`), else the address that
 *   X-Forwarded-For was trusted for;
 * - `request.http.id` is Envoy's own number of the stream; here it is the request's `x-request-id`;
 * - `request.http.size` is what has come of the body when the headers are looked at, which is 0 here.
 */
@final
export class CheckRequest {
  private readonly outer: ProtobufWriter = new ProtobufWriter();
  private readonly inner: ProtobufWriter = new ProtobufWriter();
  private readonly entry: ProtobufWriter = new ProtobufWriter();
  private readonly headers: MergedHeaders = new MergedHeaders();

  /** The message, in the arena. */
  write(request: RequestView): Bytes {
    const isTls = getProperty(TLS_VERSION) != ABSENT;
    const source = this.source(request, isTls);
    const destination = this.destination(isTls);
    const asked = this.request(request);
    const attributes = this.outer;
    attributes.begin();
    attributes.bytes(1, source, true);
    attributes.bytes(2, destination, true);
    attributes.bytes(4, asked, true);
    // `metadata_context` and `route_metadata_context` are there, and empty, as istiod names no namespaces of either.
    attributes.bytes(11, EMPTY, true);
    attributes.bytes(13, EMPTY, true);
    const written = attributes.end();
    const message = this.inner;
    message.begin();
    message.bytes(1, written, true);
    return message.end();
  }

  /** `AttributeContext.Peer` of whoever sends the request. */
  private source(request: RequestView, isTls: bool): Bytes {
    const direct = directAddress();
    const address = this.address(direct == ABSENT ? sourceAddress() : direct);
    const service = request.headers.get(DOWNSTREAM_SERVICE_CLUSTER);
    let principal = ABSENT;
    if (isTls) {
      principal = peerCertificateUri();
      if (lengthOf(principal) == 0) principal = getProperty(PEER_DNS_NAME);
      if (lengthOf(principal) == 0) principal = getProperty(PEER_SUBJECT);
    }
    return this.peer(address, service, principal);
  }

  /** `AttributeContext.Peer` of this proxy. */
  private destination(isTls: bool): Bytes {
    const address = this.address(getProperty(DESTINATION_ADDRESS));
    let principal = ABSENT;
    if (isTls) {
      principal = getProperty(LOCAL_URI);
      if (lengthOf(principal) == 0) principal = getProperty(LOCAL_DNS_NAME);
      if (lengthOf(principal) == 0) principal = getProperty(LOCAL_SUBJECT);
    }
    return this.peer(address, ABSENT, principal);
  }

  private peer(address: Bytes, service: Bytes, principal: Bytes): Bytes {
    const peer = this.inner;
    peer.begin();
    peer.bytes(1, address, true);
    peer.bytes(2, utf8Of(service));
    peer.bytes(4, utf8Of(principal));
    return peer.end();
  }

  /** `envoy.config.core.v3.Address` of an address with a port, like `10.0.0.1:80` and `[::1]:80`, or of a Unix domain socket's path. */
  private address(text: Bytes): Bytes {
    const inner = this.inner;
    const colon = lastIndexOfByte(text, 0x3a);
    let port: u32 = 0;
    let isPort = colon >= 0;
    for (let at = <u32>(colon + 1); isPort && at < lengthOf(text); at++) {
      const digit = <u32>byteAt(text, at) - 0x30;
      isPort = digit < 10;
      port = port * 10 + digit;
    }
    inner.begin();
    if (isPort) {
      const isBracketed = colon > 1 && byteAt(text, 0) == 0x5b;
      inner.bytes(2, slice(text, isBracketed ? 1 : 0, isBracketed ? colon - 1 : colon));
      inner.number(3, port);
    } else inner.bytes(1, text);
    const inside = inner.end();
    inner.begin();
    inner.bytes(isPort ? 1 : 2, inside, true);
    return inner.end();
  }

  /** `AttributeContext.Request`. */
  private request(request: RequestView): Bytes {
    const time = <u64>requestTime();
    const timestamp = this.inner;
    timestamp.begin();
    timestamp.number(1, time / SECOND);
    timestamp.number(2, time % SECOND);
    const moment = timestamp.end();
    const http = this.http(request);
    const whole = this.inner;
    whole.begin();
    whole.bytes(1, moment, true);
    whole.bytes(2, http, true);
    return whole.end();
  }

  /** `AttributeContext.HttpRequest`. */
  private http(request: RequestView): Bytes {
    const http = this.inner;
    const entry = this.entry;
    const merged = this.headers;
    const own = request.headers;
    const protocol = requestProtocol();
    http.begin();
    http.bytes(1, utf8Of(own.get(REQUEST_ID)));
    http.bytes(2, utf8Of(request.method()));
    merged.begin();
    while (merged.next()) {
      entry.begin();
      entry.bytes(1, merged.name);
      entry.bytes(2, merged.value);
      http.bytes(3, entry.end(), true);
    }
    http.bytes(4, utf8Of(own.get(PATH)));
    http.bytes(5, utf8Of(own.get(AUTHORITY)));
    http.bytes(6, utf8Of(own.get(SCHEME)));
    http.bytes(10, protocol);
    return http.end();
  }
}

const SECOND: u64 = 1000000000;
const EMPTY: Bytes = bytesOf(memory.data(8), 0);

// @ts-ignore: decorator
@lazy const TLS_VERSION = literal("connection\0tls_version");
// @ts-ignore: decorator
@lazy const PEER_DNS_NAME = literal("connection\0dns_san_peer_certificate");
// @ts-ignore: decorator
@lazy const PEER_SUBJECT = literal("connection\0subject_peer_certificate");
// @ts-ignore: decorator
@lazy const LOCAL_URI = literal("connection\0uri_san_local_certificate");
// @ts-ignore: decorator
@lazy const LOCAL_DNS_NAME = literal("connection\0dns_san_local_certificate");
// @ts-ignore: decorator
@lazy const LOCAL_SUBJECT = literal("connection\0subject_local_certificate");
// @ts-ignore: decorator
@lazy const DESTINATION_ADDRESS = literal("destination\0address");
// @ts-ignore: decorator
@lazy const DOWNSTREAM_SERVICE_CLUSTER = literal("x-envoy-downstream-service-cluster");
// @ts-ignore: decorator
@lazy const REQUEST_ID = literal("x-request-id");
// @ts-ignore: decorator
@lazy const PATH = literal(":path");
// @ts-ignore: decorator
@lazy const AUTHORITY = literal(":authority");
// @ts-ignore: decorator
@lazy const SCHEME = literal(":scheme");

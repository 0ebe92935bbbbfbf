import { ABSENT, Bytes, byteAt, lengthOf, literal, startsWith } from "../../../assembly/bytes/bytes";
import { monotonicNow, now as wallNow } from "../../../assembly/host/clock";
import { routeName, sourceAddress } from "../../../assembly/properties";
import { RequestView } from "../../../assembly/request-view";
import { responseCode, responseGrpcStatus, upstreamAddress } from "../../../assembly/stream-properties";
import { addText, afterText, CLIENT, GRPC, Record, textAt, textsOf } from "../records";
import { Report } from "./config";
import { FIXED } from "./encoding";
import { MOST_OF_ONE } from "./json-writer";
import { Span } from "./span";

/** Bytes that count of a method, a path, a host and a tag; of a route's name and an address, as long as they may be. */
const MOST_METHOD: u32 = 16;
const MOST_PATH: u32 = 256;
const MOST_HOST: u32 = 128;
const MOST_TAG: u32 = 128;
const MOST_ROUTE: u32 = 128;
const MOST_PEER: u32 = 64;

/** Makes spans of requests that are sampled: notes what is known when they begin, and tells what came of them when they end. */
@final
export class SpanRecorder {
  private readonly span: Span = new Span();
  /** From the monotonic clock to the wall clock, as it was on the last tick. */
  private offset: u64 = 0;
  /** Bytes of texts of a record. */
  readonly room: u32;

  constructor(private readonly report: Report) {
    this.room = MOST_METHOD + MOST_PATH + MOST_HOST + 6 + <u32>report.tags.length * (MOST_TAG + 2);
    this.offset = wallNow() - monotonicNow();
  }

  /** Notes what of the request its span will say. */
  begin(record: Record, request: RequestView): void {
    addText(record, request.method(), MOST_METHOD);
    addText(record, request.path(), MOST_PATH);
    addText(record, request.headers.get(AUTHORITY), MOST_HOST);
    const tags = this.report.tags;
    for (let at = 0; at < tags.length; at++) addText(record, unchecked(tags[at]).read(request), MOST_TAG);
    if (isGrpc(request.headers.get(CONTENT_TYPE))) record.flags |= GRPC;
  }

  /** Tells the span of a request that has ended. The stream's properties can be read. */
  end(record: Record, now: u64): void {
    const span = this.span;
    span.high = record.high;
    span.low = record.low;
    span.span = record.span;
    span.parent = record.parent;
    span.isClient = (record.flags & CLIENT) != 0;
    span.start = record.began + this.offset;
    span.duration = now - record.began;
    let at = textsOf(record);
    span.method = textAt(at);
    at = afterText(at);
    span.path = textAt(at);
    at = afterText(at);
    span.host = textAt(at);
    span.tags = afterText(at);
    span.route = this.report.tellsRoute ? cut(routeName(), MOST_ROUTE) : ABSENT;
    if (!this.report.tellsPeer) span.peer = ABSENT;
    else span.peer = cut(span.isClient ? upstreamAddress() : sourceAddress(), MOST_PEER);
    span.status = <u32>responseCode();
    span.grpcStatus = (record.flags & GRPC) != 0 ? <i32>responseGrpcStatus() : -1;
    span.isError = span.status == 0 || span.status >= 500 || isGrpcError(span.grpcStatus, span.isClient);
    const texts = record.texts + 2 * lengthOf(span.route) + lengthOf(span.method) + lengthOf(span.peer);
    const tags = <u32>this.report.tags.length;
    this.report.reporter.add(span, FIXED + texts * MOST_OF_ONE + tags * MOST_TAG_NAME);
  }

  /** About a second has passed; `offset` leads from the monotonic clock to the wall clock. */
  tick(offset: u64): void {
    this.offset = offset;
    this.report.reporter.send();
  }

  countBusy(): void {
    this.report.reporter.countBusy();
  }
}

/** Bytes that the name of a tag takes at most, with what stands around name and value. */
const MOST_TAG_NAME: u32 = 255 * 2 + 64;

function cut(text: Bytes, most: u32): Bytes {
  return lengthOf(text) > most ? text - lengthOf(text) + most : text;
}

/** As OpenTelemetry's conventions for gRPC have it: to a caller all but OK is an error, to a server what is its own fault. */
function isGrpcError(status: i32, isClient: bool): bool {
  if (status <= 0) return false;
  // UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS
  return isClient || (status < 32 && ((0xf014 >>> status) & 1) != 0);
}

/** `application/grpc`, and that with a `+` or a `;` behind. */
function isGrpc(type: Bytes): bool {
  if (type == ABSENT || !startsWith(type, GRPC_TYPE)) return false;
  const length = lengthOf(GRPC_TYPE);
  return lengthOf(type) == length || byteAt(type, length) == 0x2b || byteAt(type, length) == 0x3b;
}

// @ts-ignore: decorator
@lazy const AUTHORITY = literal(":authority");
// @ts-ignore: decorator
@lazy const CONTENT_TYPE = literal("content-type");
// @ts-ignore: decorator
@lazy const GRPC_TYPE = literal("application/grpc");

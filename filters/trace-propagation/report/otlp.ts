import { ABSENT, Bytes, lengthOf, literal } from "../../../assembly/bytes/bytes";
import { Keeper } from "../../../assembly/bytes/keeper";
import { addressIn, Encoding, portIn } from "./encoding";
import { JsonWriter } from "./json-writer";
import { Span } from "./span";
import { quotedText } from "./quoted";

/**
 * OTLP/HTTP JSON, an `ExportTraceServiceRequest` (opentelemetry-proto, `POST /v1/traces`): ids are hexadecimal, numbers of 64 bits are
 * texts, enumerations numbers. Attributes are named as in OpenTelemetry's semantic conventions for HTTP.
 */
@final
export class OtlpEncoding extends Encoding {
  constructor(keeper: Keeper, serviceName: string, names: string[]) {
    const tags = new StaticArray<Bytes>(names.length);
    for (let at = 0; at < names.length; at++) {
      tags[at] = keeper.keepText(',{"key":' + quotedText(names[at]) + ',"value":{"stringValue":"');
    }
    super(
      keeper.keepText(
        '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":' +
          quotedText(serviceName) +
          '}}]},"scopeSpans":[{"scope":{"name":"outrigger"},"spans":[',
      ),
      literal("]}]}]}"),
      tags,
    );
  }

  write(json: JsonWriter, span: Span): void {
    json.raw(TRACE_ID);
    json.hex(span.high, 16);
    json.hex(span.low, 16);
    json.raw(SPAN_ID);
    json.hex(span.span, 16);
    if (span.parent != 0) {
      json.raw(PARENT_ID);
      json.hex(span.parent, 16);
    }
    json.raw(span.isClient ? CLIENT : SERVER);
    this.writeName(json, span);
    json.raw(START);
    json.decimal(span.start);
    json.raw(END);
    json.decimal(span.start + span.duration);
    json.raw(METHOD);
    json.text(span.method);
    json.raw(PATH);
    json.text(span.path);
    json.raw(HOST);
    json.text(span.host);
    json.raw(END_TEXT);
    if (lengthOf(span.route) > 0) {
      json.raw(ROUTE);
      json.text(span.route);
      json.raw(END_TEXT);
    }
    const address = addressIn(span.peer);
    if (address != ABSENT) {
      json.raw(PEER_ADDRESS);
      json.text(address);
      json.raw(END_TEXT);
      const port = portIn(span.peer);
      if (lengthOf(port) > 0) {
        json.raw(PEER_PORT);
        json.raw(port);
        json.raw(END_TEXT);
      }
    }
    if (span.status != 0) {
      json.raw(STATUS);
      json.decimal(span.status);
      json.raw(END_TEXT);
    }
    if (span.grpcStatus >= 0) {
      json.raw(GRPC_STATUS);
      json.decimal(span.grpcStatus);
      json.raw(END_TEXT);
    }
    if (span.isError) {
      json.raw(ERROR_TYPE);
      this.writeError(json, span);
      json.raw(END_TEXT);
    }
    this.writeTags(json, span, END_TEXT);
    json.raw(span.isError ? FAILED : UNSET);
  }
}

// @ts-ignore: decorator
@lazy const TRACE_ID = literal('{"traceId":"');
// @ts-ignore: decorator
@lazy const SPAN_ID = literal('","spanId":"');
// @ts-ignore: decorator
@lazy const PARENT_ID = literal('","parentSpanId":"');
// @ts-ignore: decorator
@lazy const CLIENT = literal('","kind":3,"name":"');
// @ts-ignore: decorator
@lazy const SERVER = literal('","kind":2,"name":"');
// @ts-ignore: decorator
@lazy const START = literal('","startTimeUnixNano":"');
// @ts-ignore: decorator
@lazy const END = literal('","endTimeUnixNano":"');
// @ts-ignore: decorator
@lazy
const METHOD = literal('","attributes":[{"key":"http.request.method","value":{"stringValue":"');
// @ts-ignore: decorator
@lazy const PATH = literal('"}},{"key":"url.path","value":{"stringValue":"');
// @ts-ignore: decorator
@lazy const HOST = literal('"}},{"key":"server.address","value":{"stringValue":"');
// @ts-ignore: decorator
@lazy const ROUTE = literal(',{"key":"http.route","value":{"stringValue":"');
// @ts-ignore: decorator
@lazy const PEER_ADDRESS = literal(',{"key":"network.peer.address","value":{"stringValue":"');
// @ts-ignore: decorator
@lazy const PEER_PORT = literal(',{"key":"network.peer.port","value":{"intValue":"');
// @ts-ignore: decorator
@lazy const STATUS = literal(',{"key":"http.response.status_code","value":{"intValue":"');
// @ts-ignore: decorator
@lazy const GRPC_STATUS = literal(',{"key":"rpc.grpc.status_code","value":{"intValue":"');
// @ts-ignore: decorator
@lazy const ERROR_TYPE = literal(',{"key":"error.type","value":{"stringValue":"');
// @ts-ignore: decorator
@lazy const END_TEXT = literal('"}}');
// @ts-ignore: decorator
@lazy const FAILED = literal('],"status":{"code":2}}');
// @ts-ignore: decorator
@lazy const UNSET = literal('],"status":{}}');

import { ABSENT, Bytes, lengthOf, literal } from "../../../assembly/bytes/bytes";
import { Keeper } from "../../../assembly/bytes/keeper";
import { addressIn, Encoding, isIpv6, portIn } from "./encoding";
import { JsonWriter } from "./json-writer";
import { Span } from "./span";
import { quotedText } from "./quoted";

/** Zipkin's JSON, a list of spans (openzipkin/zipkin-api `zipkin2-api.yaml`, `POST /api/v2/spans`). */
@final
export class ZipkinEncoding extends Encoding {
  private readonly localEndpoint: Bytes;

  constructor(keeper: Keeper, serviceName: string, names: string[]) {
    const tags = new StaticArray<Bytes>(names.length);
    for (let at = 0; at < names.length; at++) tags[at] = keeper.keepText("," + quotedText(names[at]) + ':"');
    super(literal("["), literal("]"), tags);
    this.localEndpoint = keeper.keepText(',"localEndpoint":{"serviceName":' + quotedText(serviceName) + "}");
  }

  write(json: JsonWriter, span: Span): void {
    json.raw(TRACE_ID);
    json.hex(span.high, 16);
    json.hex(span.low, 16);
    json.raw(ID);
    json.hex(span.span, 16);
    if (span.parent != 0) {
      json.raw(PARENT_ID);
      json.hex(span.parent, 16);
    }
    json.raw(span.isClient ? CLIENT : SERVER);
    this.writeName(json, span);
    json.raw(TIMESTAMP);
    json.decimal(span.start / 1000);
    json.raw(DURATION);
    // Of 0 Zipkin says that it is not known.
    json.decimal(max<u64>((span.duration + 500) / 1000, 1));
    json.raw(this.localEndpoint);
    const address = addressIn(span.peer);
    if (address != ABSENT) {
      json.raw(isIpv6(address) ? REMOTE_IPV6 : REMOTE_IPV4);
      json.text(address);
      const port = portIn(span.peer);
      if (lengthOf(port) > 0) {
        json.raw(PORT);
        json.raw(port);
        json.raw(END);
      } else json.raw(END_TEXT);
    }
    json.raw(METHOD);
    json.text(span.method);
    json.raw(PATH);
    json.text(span.path);
    json.raw(HOST);
    json.text(span.host);
    if (lengthOf(span.route) > 0) {
      json.raw(ROUTE);
      json.text(span.route);
    }
    json.raw(QUOTE);
    if (span.status != 0) {
      json.raw(STATUS);
      json.decimal(span.status);
      json.raw(QUOTE);
    }
    if (span.grpcStatus >= 0) {
      json.raw(GRPC_STATUS);
      json.decimal(span.grpcStatus);
      json.raw(QUOTE);
    }
    if (span.isError) {
      json.raw(ERROR);
      this.writeError(json, span);
      json.raw(QUOTE);
    }
    this.writeTags(json, span, QUOTE);
    json.raw(END_SPAN);
  }
}

// @ts-ignore: decorator
@lazy const TRACE_ID = literal('{"traceId":"');
// @ts-ignore: decorator
@lazy const ID = literal('","id":"');
// @ts-ignore: decorator
@lazy const PARENT_ID = literal('","parentId":"');
// @ts-ignore: decorator
@lazy const CLIENT = literal('","kind":"CLIENT","name":"');
// @ts-ignore: decorator
@lazy const SERVER = literal('","kind":"SERVER","name":"');
// @ts-ignore: decorator
@lazy const TIMESTAMP = literal('","timestamp":');
// @ts-ignore: decorator
@lazy const DURATION = literal(',"duration":');
// @ts-ignore: decorator
@lazy const REMOTE_IPV4 = literal(',"remoteEndpoint":{"ipv4":"');
// @ts-ignore: decorator
@lazy const REMOTE_IPV6 = literal(',"remoteEndpoint":{"ipv6":"');
// @ts-ignore: decorator
@lazy const PORT = literal('","port":');
// @ts-ignore: decorator
@lazy const END = literal("}");
// @ts-ignore: decorator
@lazy const END_TEXT = literal('"}');
// @ts-ignore: decorator
@lazy const METHOD = literal(',"tags":{"http.method":"');
// @ts-ignore: decorator
@lazy const PATH = literal('","http.path":"');
// @ts-ignore: decorator
@lazy const HOST = literal('","http.host":"');
// @ts-ignore: decorator
@lazy const ROUTE = literal('","http.route":"');
// @ts-ignore: decorator
@lazy const STATUS = literal(',"http.status_code":"');
// @ts-ignore: decorator
@lazy const GRPC_STATUS = literal(',"grpc.status_code":"');
// @ts-ignore: decorator
@lazy const ERROR = literal(',"error":"');
// @ts-ignore: decorator
@lazy const QUOTE = literal('"');
// @ts-ignore: decorator
@lazy const END_SPAN = literal("}}");

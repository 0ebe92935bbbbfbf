import { GrpcStatusValues } from "../abi/values";
import { ABSENT, byteAt, Bytes, lengthOf, literal } from "../bytes/bytes";
import { reply } from "../filter";
import { pairs, PairsWriter } from "../host/pairs";
import { ConfigReader } from "../json/config-reader";
import { JsonKind, JsonNode } from "../json/node";
import { positionAmong } from "../json/words";
import { emptyList } from "../list";
import { decimal } from "./limit-headers";

/**
 * What a refused request gets: `response: {status: 429, body: "..", headers: {..}}`. A gRPC request gets HTTP 200 with the status
 * `RESOURCE_EXHAUSTED` and the body as its message (Envoy's `Utility::sendLocalReply`).
 */
@final
export class Refusal {
  private status: u32 = 429;
  private body: Bytes = ABSENT;
  private readonly names: Bytes[] = emptyList<Bytes>();
  private readonly values: Bytes[] = emptyList<Bytes>();

  /** Reads the field `response`, which may be left out. */
  read(reader: ConfigReader, config: JsonNode): void {
    this.body = reader.keeper.keepText("rate limited");
    const node = reader.member(config, "response");
    if (node == null || !reader.object(node, "status body headers")) return;
    const status = reader.member(node, "status");
    if (status != null) this.status = reader.integer(status, 400, 599);
    const body = reader.member(node, "body");
    if (body != null) this.body = reader.text(body);
    const headers = reader.member(node, "headers");
    if (headers != null) this.readHeaders(reader, headers);
  }

  /** Makes it the reply. The pairs are to be finished by {@link finish}; more can be added before. */
  begin(reason: Bytes, body: Bytes = ABSENT): PairsWriter {
    reply.status = this.status;
    reply.details = reason;
    reply.body = body == ABSENT ? this.body : body;
    reply.grpcStatus = GrpcStatusValues.ResourceExhausted;
    pairs.begin();
    for (let at = 0; at < this.names.length; at++) {
      pairs.add(unchecked(this.names[at]), unchecked(this.values[at]));
    }
    return pairs;
  }

  /** `seconds` until it makes sense to ask again: at least 1, as RFC 9110 §10.2.3 has it in whole seconds. */
  finish(seconds: u32): void {
    reply.headers = pairs.add(RETRY_AFTER, decimal(max<u32>(seconds, 1))).finish();
  }

  private readHeaders(reader: ConfigReader, node: JsonNode): void {
    if (node.kind != JsonKind.Object) {
      reader.unexpected(node, "headers, like {x-reason: quota}");
      return;
    }
    let header = node.first;
    while (header != null) {
      const name = reader.headerNameOf(header.name);
      if (name == ABSENT || positionAmong(name, RESERVED) >= 0) {
        reader.problem(header, "not a header that a response can set");
      } else if (header.kind != JsonKind.String || !isHeaderValue(header.text)) {
        reader.unexpected(header, "a text without control characters");
      } else {
        this.names.push(name);
        this.values.push(reader.keeper.keep(header.text));
      }
      header = header.next;
    }
  }
}

/** Headers that the proxy or the filter writes itself. */
const RESERVED =
  "content-length transfer-encoding connection host te trailer upgrade keep-alive retry-after grpc-status grpc-message";

/** What a header may be: RFC 9110 §5.5, obs-text allowed. */
export function isHeaderValue(value: Bytes): bool {
  for (let at: u32 = 0; at < lengthOf(value); at++) {
    const byte = byteAt(value, at);
    if ((byte < 0x20 && byte != 0x09) || byte == 0x7f) return false;
  }
  return true;
}

// @ts-ignore: decorator
@lazy const RETRY_AFTER = literal("retry-after");

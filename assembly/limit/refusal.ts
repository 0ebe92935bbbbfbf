import { GrpcStatusValues } from "../abi/values";
import { ABSENT, Bytes, literal } from "../bytes/bytes";
import { ConfiguredReply } from "../configured-reply";
import { reply } from "../filter";
import { pairs, PairsWriter } from "../host/pairs";
import { ConfigReader } from "../json/config-reader";
import { JsonNode } from "../json/node";
import { decimal } from "./limit-headers";

/**
 * What a refused request gets: `response: {status: 429, body: "..", headers: {..}}`. A gRPC request gets HTTP 200 with the status
 * `RESOURCE_EXHAUSTED` and the body as its message (Envoy's `Utility::sendLocalReply`).
 */
@final
export class Refusal {
  private readonly configured: ConfiguredReply = new ConfiguredReply(429);
  private body: Bytes = ABSENT;

  /** Reads the field `response`, which may be left out. */
  read(reader: ConfigReader, config: JsonNode): void {
    this.body = reader.keeper.keepText("rate limited");
    const node = reader.member(config, "response");
    if (node == null || !reader.object(node, "status body headers")) return;
    const body = reader.member(node, "body");
    if (body != null) this.body = reader.text(body);
    this.configured.read(reader, node);
  }

  /** Makes it the reply. The pairs are to be finished by {@link finish}; more can be added before. */
  begin(reason: Bytes, body: Bytes = ABSENT): PairsWriter {
    reply.status = this.configured.status;
    reply.details = reason;
    reply.body = body == ABSENT ? this.body : body;
    reply.grpcStatus = GrpcStatusValues.ResourceExhausted;
    return this.configured.begin();
  }

  /** `seconds` until it makes sense to ask again: at least 1, as RFC 9110 §10.2.3 has it in whole seconds. */
  finish(seconds: u32): void {
    reply.headers = pairs.add(RETRY_AFTER, decimal(max<u32>(seconds, 1))).finish();
  }
}

// @ts-ignore: decorator
@lazy const RETRY_AFTER = literal("retry-after");

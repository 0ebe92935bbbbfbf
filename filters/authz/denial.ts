import { Bytes, literal } from "../../assembly/bytes/bytes";
import { ConfiguredReply } from "../../assembly/configured-reply";
import { reply } from "../../assembly/filter";
import { ConfigReader } from "../../assembly/json/config-reader";
import { JsonKind, JsonNode } from "../../assembly/json/node";
import { jsonText } from "./json-text";

/**
 * What a denied request gets: `deny: {status: 403, body: "..", headers: {..}}`. A body that is an object or a list is sent as JSON, with the `content-type` among
 * the headers, or else `application/json`. A gRPC request
 * gets HTTP 200, the gRPC status that Envoy makes of the status (403 is `PERMISSION_DENIED`), and the body as its message.
 */
@final
export class Denial {
  private readonly configured: ConfiguredReply = new ConfiguredReply(403);
  private body: Bytes = DENIED;
  /** It says by itself that the body is JSON. */
  private isJson: bool = false;

  /** Reads the field `deny`, which may be left out: null then. */
  static read(reader: ConfigReader, config: JsonNode): Denial | null {
    const node = reader.member(config, "deny");
    if (node == null || !reader.object(node, "status body headers")) return null;
    const denial = new Denial();
    denial.configured.read(reader, node);
    const body = reader.member(node, "body");
    if (body == null) return denial;
    if (body.kind == JsonKind.Object || body.kind == JsonKind.Array) {
      denial.body = reader.keeper.keepText(jsonText(body));
      denial.isJson = !denial.configured.has(CONTENT_TYPE);
    } else denial.body = reader.text(body, "a text, or an object that is sent as JSON");
    return denial;
  }

  /** Makes it the reply. */
  toReply(reason: Bytes): void {
    reply.status = this.configured.status;
    reply.details = reason;
    reply.body = this.body;
    const pairs = this.configured.begin();
    if (this.isJson) pairs.add(CONTENT_TYPE, JSON_TYPE);
    reply.headers = pairs.finish();
  }
}

/** As Envoy's RBAC filter has it. */
// @ts-ignore: decorator
@lazy const DENIED = literal("RBAC: access denied");
// @ts-ignore: decorator
@lazy const CONTENT_TYPE = literal("content-type");
// @ts-ignore: decorator
@lazy const JSON_TYPE = literal("application/json");

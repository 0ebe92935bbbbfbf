/**
 * A module of one filter that has remote keys and no tokens: it lets requests pass whose `x-kid` names a key that the source has, and
 * refuses the others with what it knows. Configuration: what a JWT rule says of its keys; `{"second": {..}}` is another rule.
 */
import {
  ABSENT,
  Bytes,
  CallAnswer,
  ConfigReader,
  equals,
  Filter,
  JsonNode,
  literal,
  registerFilter,
  reply,
  RequestView,
  Verdict,
} from "../../../assembly/index";
import { JsonKind } from "../../../assembly/json/node";
import { KeySet } from "../../../assembly/jwt/jwk";
import { park } from "../../../assembly/parking";
import { KeySource } from "../../../filters/authz/jwt/key-source";
import { RemoteSources } from "../../../filters/authz/jwt/remote-sources";

export {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_http_call_response,
  proxy_on_memory_allocate,
  proxy_on_request_headers,
  proxy_on_tick,
} from "../../../assembly/abi/exports";

const FIELDS = "jwksUri jwksCluster timeout jwksRefresh jwksMaxStale";
const X_KID = literal("x-kid");
const X_SECOND = literal("x-second");
const UNAVAILABLE = literal("keys:unavailable");
const UNKNOWN = literal("keys:unknown");

class Keys extends Filter {
  private readonly sources: RemoteSources = new RemoteSources();
  private first: KeySource | null = null;
  private second: KeySource | null = null;
  private firstTimeout: u32 = 0;
  private secondTimeout: u32 = 0;

  configure(config: JsonNode, reader: ConfigReader): void {
    if (!reader.object(config, FIELDS + " second")) return;
    this.first = this.read(config, reader);
    this.firstTimeout = this.sources.timeout;
    const second = reader.member(config, "second");
    if (second != null && reader.object(second, FIELDS)) this.second = this.read(second, reader);
    this.secondTimeout = this.sources.timeout;
    if (!reader.failed) this.sources.define();
  }

  onRequest(request: RequestView): Verdict {
    return this.decide(request, true);
  }

  onAnswer(request: RequestView, answer: CallAnswer): Verdict {
    return this.decide(request, !answer.timedOut);
  }

  onTick(): void {
    this.sources.keepUp();
  }

  onParked(): void {
    this.sources.keepUp();
  }

  onBackground(answer: CallAnswer): void {
    this.sources.onBackground(answer);
  }

  private read(rule: JsonNode, reader: ConfigReader): KeySource | null {
    const uri = reader.member(rule, "jwksUri");
    return uri == null || uri.kind == JsonKind.Null ? null : this.sources.read(reader, rule, uri);
  }

  private decide(request: RequestView, mayWait: bool): Verdict {
    const kid = request.headers.get(X_KID);
    const isSecond = request.headers.has(X_SECOND);
    const source = isSecond ? this.second : this.first;
    if (kid == ABSENT || source == null) return Verdict.Continue;
    const keys = source.keys;
    if (keys != null && knows(keys, kid)) return Verdict.Continue;
    const timeout = isSecond ? this.secondTimeout : this.firstTimeout;
    if (mayWait && source.mayCome(keys != null, timeout) && park(0, timeout)) return Verdict.Wait;
    return refuse(keys == null ? UNAVAILABLE : UNKNOWN);
  }
}

function knows(keys: KeySet, kid: Bytes): bool {
  for (let at = 0; at < keys.keys.length; at++) {
    const name = keys.keys[at].kid;
    if (name != ABSENT && equals(name, kid)) return true;
  }
  return false;
}

function refuse(details: Bytes): Verdict {
  reply.status = 401;
  reply.details = details;
  reply.body = details;
  reply.headers = ABSENT;
  return Verdict.Reply;
}

registerFilter("keys", () => new Keys());

/**
 * A filter that verifies the token of each request's `x-token` and replies with what came of it. The key set comes with the request too, as
 * `x-jwks`; without it that of the configuration counts, `{"jwks": ".."}`.
 */
import { ABSENT, Bytes, literal } from "../../../assembly/bytes/bytes";
import { Keeper } from "../../../assembly/bytes/keeper";
import { Filter, reply, Verdict } from "../../../assembly/filter";
import { registerFilter } from "../../../assembly/filter-root";
import { ConfigReader } from "../../../assembly/json/config-reader";
import { JsonNode } from "../../../assembly/json/node";
import { KeySet, keySetProblem, parseKeySet } from "../../../assembly/jwt/jwk";
import { jws, JwsProblem, JwsVerdict, parseJws, verifyJws } from "../../../assembly/jwt/jws";
import { pairs } from "../../../assembly/host/pairs";
import { RequestView } from "../../../assembly/request-view";

export {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_memory_allocate,
  proxy_on_request_headers,
} from "../../../assembly/abi/exports";

const X_TOKEN = literal("x-token");
const X_JWKS = literal("x-jwks");
const X_SKIPPED = literal("x-skipped");
const X_UNSUPPORTED = literal("x-unsupported");

class Verifier extends Filter {
  private keys: KeySet | null = null;

  configure(config: JsonNode, reader: ConfigReader): void {
    if (!reader.object(config, "jwks")) return;
    const jwks = reader.member(config, "jwks");
    if (jwks == null) return;
    this.keys = parseKeySet(jwks.text);
    if (this.keys == null) reader.problem(jwks, keySetProblem);
  }

  onRequest(request: RequestView): Verdict {
    let keys = this.keys;
    reply.headers = ABSENT;
    const jwks = request.headers.get(X_JWKS);
    if (jwks != ABSENT) {
      keys = parseKeySet(jwks);
      if (keys == null) return say(new Keeper().keepText("no keys: " + keySetProblem));
      if (keys.skipped.length > 0) {
        const line = keys.skipped.replaceAll("\n", "; ");
        reply.headers = pairs.begin().add(X_SKIPPED, new Keeper().keepText(line)).finish();
      }
    }
    const token = request.headers.get(X_TOKEN);
    if (keys == null || token == ABSENT) return say(NOTHING);
    const problem = parseJws(token);
    if (problem == JwsProblem.Unsupported) {
      reply.headers = pairs.begin().add(X_UNSUPPORTED, jws.unsupported).finish();
    }
    // RFC 7520 and some of RFC 7515 sign texts that are no claims.
    if (problem == JwsProblem.Payload)
      return say(verifyJws(keys) == JwsVerdict.Right ? SIGNED_TEXT : PAYLOAD);
    return say(problem == JwsProblem.None ? verdictText(verifyJws(keys)) : problemText(problem));
  }
}

function verdictText(verdict: JwsVerdict): Bytes {
  switch (verdict) {
    case JwsVerdict.Right:
      return jws.payload;
    case JwsVerdict.WrongSignature:
      return WRONG;
    case JwsVerdict.NoKey:
      return NO_KEY;
    default:
      return HOST_FAILED;
  }
}

function problemText(problem: JwsProblem): Bytes {
  switch (problem) {
    case JwsProblem.Malformed:
      return MALFORMED;
    case JwsProblem.Header:
      return HEADER;
    case JwsProblem.Unsecured:
      return UNSECURED;
    case JwsProblem.Unsupported:
      return UNSUPPORTED;
    case JwsProblem.UnknownAlgorithm:
      return UNKNOWN;
    default:
      return CRITICAL;
  }
}

function say(body: Bytes): Verdict {
  reply.status = 200;
  reply.details = X_TOKEN;
  reply.body = body;
  return Verdict.Reply;
}

const NOTHING = literal("nothing to verify");
const WRONG = literal("wrong signature");
const NO_KEY = literal("no key");
const HOST_FAILED = literal("host failed");
const MALFORMED = literal("malformed");
const HEADER = literal("header");
const UNSECURED = literal("unsecured");
const UNSUPPORTED = literal("unsupported");
const UNKNOWN = literal("unknown algorithm");
const CRITICAL = literal("critical");
const PAYLOAD = literal("payload");
const SIGNED_TEXT = literal("payload, signed");

registerFilter("verifier", () => new Verifier());

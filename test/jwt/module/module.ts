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
import { jws } from "../../../assembly/jwt/jws";
import { pairs } from "../../../assembly/host/pairs";
import { RequestView } from "../../../assembly/request-view";
import { UNSUPPORTED, verified } from "./answer";

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
    const answer = verified(keys, token);
    if (answer == UNSUPPORTED) reply.headers = pairs.begin().add(X_UNSUPPORTED, jws.unsupported).finish();
    return say(answer);
  }
}

function say(body: Bytes): Verdict {
  reply.status = 200;
  reply.details = X_TOKEN;
  reply.body = body;
  return Verdict.Reply;
}

const NOTHING = literal("nothing to verify");

registerFilter("verifier", () => new Verifier());

/** Tokens alone, for the tests: `{jwtRules: [..], claims: [[realm, roles], ..]}`. What identity has is written into the header `x-identity`. */
import { ABSENT, Bytes, literal } from "../../../assembly/bytes/bytes";
import { concatenate } from "../../../assembly/bytes/arena";
import { Filter, reply, Verdict } from "../../../assembly/filter";
import { registerFilter } from "../../../assembly/filter-root";
import { ConfigReader } from "../../../assembly/json/config-reader";
import { JsonNode } from "../../../assembly/json/node";
import { RequestView } from "../../../assembly/request-view";
import { Authentication, identity } from "../../../filters/authz/identity";
import { ClaimKind, ClaimPaths } from "../../../filters/authz/claims";
import { JwtAuthenticator } from "../../../filters/authz/jwt/authenticator";

export {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_memory_allocate,
  proxy_on_request_headers,
  proxy_on_tick,
} from "../../../assembly/abi/exports";

@final
class Tokens extends Filter {
  private authenticator: JwtAuthenticator | null = null;
  private paths: ClaimPaths = new ClaimPaths();

  configure(config: JsonNode, reader: ConfigReader): void {
    const rules = reader.member(config, "jwtRules");
    if (rules != null) this.authenticator = JwtAuthenticator.read(reader, rules);
    const claims = reader.list(config, "claims");
    let claim: JsonNode | null = null;
    if (claims != null) claim = claims.first;
    while (claim != null) {
      const path = new StaticArray<Bytes>(<i32>claim.count);
      let name = claim.first;
      for (let at = 0; name != null; at++) {
        path[at] = reader.text(name);
        name = name.next;
      }
      this.paths.add(path);
      claim = claim.next;
    }
    const authenticator = this.authenticator;
    if (reader.failed || authenticator == null) return;
    authenticator.prepare(this.paths);
    authenticator.define();
  }

  onTick(): void {
    const authenticator = this.authenticator;
    if (authenticator != null) authenticator.onTick();
  }

  onRequest(request: RequestView): Verdict {
    identity.begin();
    const authenticator = this.authenticator;
    if (authenticator == null) return Verdict.Continue;
    if (authenticator.authenticate(request) == Authentication.Refused) {
      reply.details = authenticator.rejection.reason;
      authenticator.rejection.tally();
      authenticator.rejection.toReply(request);
      return Verdict.Reply;
    }
    const claims = identity.claims;
    let text = concatenate(shown(claims.issuer()), SLASH, shown(claims.subject()));
    for (let at = 0; at < this.paths.size; at++) {
      const kind = claims.read(at);
      let value = kind == ClaimKind.Absent ? ABSENT_TEXT : kind == ClaimKind.Other ? OTHER : ABSENT;
      if (kind == ClaimKind.Text) value = concatenate(QUOTE, claims.text, QUOTE);
      else if (kind == ClaimKind.List) {
        value = OPEN;
        for (let item: u32 = 0; item < claims.count; item++) {
          value = concatenate(value, item == 0 ? NOTHING : COMMA, shown(claims.element(item)));
        }
        value = concatenate(value, NOTHING, CLOSE);
      }
      text = concatenate(text, SPACE, value);
    }
    request.headers.set(HEADER, text);
    return Verdict.Continue;
  }
}

function shown(text: Bytes): Bytes {
  return text == ABSENT ? DASH : text;
}

const SLASH = literal("|");
const SPACE = literal(" ");
const QUOTE = literal("'");
const COMMA = literal(",");
const OPEN = literal("[");
const CLOSE = literal("]");
const NOTHING = literal("");
const DASH = literal("-");
const OTHER = literal("other");
const ABSENT_TEXT = literal("absent");
const HEADER = literal("x-identity");

registerFilter("tokens", () => new Tokens());

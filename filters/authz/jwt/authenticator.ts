import { ABSENT, Bytes, equals, lengthOf, literal } from "../../../assembly/bytes/bytes";
import { declareProperty, LifeSpan, PropertyType } from "../../../assembly/host/filter-state";
import { setProperty } from "../../../assembly/host/properties";
import { ConfigReader } from "../../../assembly/json/config-reader";
import { JsonNode } from "../../../assembly/json/node";
import { RequestView } from "../../../assembly/request-view";
import { CallAnswer } from "../../../assembly/waiting";
import { ClaimPaths } from "../claims";
import { Authentication, identity, Rejection } from "../identity";
import { JwtRulesReader } from "./config";
import { forgetParsed } from "./parsed-token";
import { JwtProblem, rejectionsOf } from "./problem";
import { JwtRejection } from "./rejection";
import { JwtRule } from "./rule";
import { RemoteSources } from "./remote-sources";
import { tokenCache } from "./token-cache";
import { TokenLocation, TokenPlace } from "./token-place";
import { verified } from "./verified";
import { structOfToken, TokenClaims } from "./verified-token";
import { freshSeconds } from "./wall-clock";

/**
 * JSON Web Tokens as Istio's RequestAuthentication has them (`jwtRules`), decided as Envoy's jwt_authn decides with what istiod makes of them
 * (`policy_applier.go`, `convertToEnvoyJwtConfig`): a request without a token goes on, one with a token must have one that is right.
 */
@final
export class JwtAuthenticator {
  private rules: StaticArray<JwtRule> = new StaticArray<JwtRule>(0);
  private places: StaticArray<TokenPlace> = new StaticArray<TokenPlace>(0);
  private locations: StaticArray<TokenLocation> = new StaticArray<TokenLocation>(0);
  private outputs: StaticArray<Bytes> = new StaticArray<Bytes>(0);
  private sources: RemoteSources = new RemoteSources();
  private changes: bool = true;
  /** How often {@link verified} is told something of one request. */
  private mostEvents: u32 = 0;
  private readonly claims: TokenClaims = new TokenClaims();

  constructor(
    private readonly rejections: StaticArray<JwtRejection>,
    /** How the request is refused, after {@link Authentication.Refused}. */
    public rejection: Rejection,
  ) {}

  /** Reads the field `jwtRules`. Null where there are no rules; what is wrong in it is told. */
  static read(reader: ConfigReader, node: JsonNode): JwtAuthenticator | null {
    const rules = new JwtRulesReader(reader);
    rules.read(node);
    if (reader.failed || rules.rules.length == 0) return null;
    if (!tokenCache.prepare()) {
      reader.problem(node, "the proxy has no random bytes for the hash of tokens");
      return null;
    }
    const rejections = rejectionsOf(reader.keeper);
    const authenticator = new JwtAuthenticator(rejections, rejections[0]);
    authenticator.rules = StaticArray.fromArray(rules.rules);
    for (let at = 0; at < rules.rules.length; at++) {
      const rule = rules.rules[at];
      rule.number = at;
      // Each may look twice.
      if (rule.hasOutputs) authenticator.mostEvents += 2 * (1 + rule.locations.length);
    }
    authenticator.places = StaticArray.fromArray(rules.places);
    authenticator.locations = StaticArray.fromArray(rules.locations);
    authenticator.outputs = StaticArray.fromArray(rules.outputs);
    authenticator.sources = rules.sources;
    return authenticator;
  }

  /**
   * To be called when all of the configuration is read, with the claims that it asks for. Without `changes`, for the shadow mode, requests stay as
   * they are, and wait for nothing: changes are pretended for who looks through the view, and whoever calls takes them back.
   */
  prepare(paths: ClaimPaths, changes: bool): void {
    this.changes = changes;
    for (let at = 0; at < this.rules.length; at++) {
      this.rules[at].paths = paths;
      this.rules[at].isTrial = !changes;
    }
  }

  /** Defines metrics and properties: only for a configuration that is taken. */
  define(): void {
    for (let at = 0; at < this.rejections.length; at++) this.rejections[at].define();
    this.sources.define();
    // That of an earlier configuration of this plugin stays as it was, which is the same.
    declareProperty(CLAIMS, PropertyType.Protobuf, LifeSpan.FilterChain, false, STRUCT);
    freshSeconds();
  }

  /**
   * Looks at the request's tokens. On success {@link identity} has the claims, and the request has the headers that the rule writes, without the
   * token if that is not to be forwarded: before policies look at it, as in Istio. `mayWait`: the request may wait for keys.
   */
  authenticate(request: RequestView, mayWait: bool): Authentication {
    this.removeOutputs(request);
    if (isPreflight(request)) return Authentication.Passed;
    tokenCache.begin();
    forgetParsed();
    verified.begin(this.mostEvents);
    const locations = this.locations;
    for (let at = 0; at < locations.length; at++) unchecked(locations[at]).begin();
    // What istiod asks for is P1 or P2 .. or else all of (P1 or nothing), (P2 or nothing) ..
    const rules = this.rules;
    let first = JwtProblem.Missing;
    let told = JwtProblem.Missing;
    for (let at = 0; at < rules.length; at++) {
      const rule = unchecked(rules[at]);
      const problem = rule.verify(request, mayWait);
      if (rule.waits) return Authentication.Waits;
      if (problem == JwtProblem.None) return this.accept(request);
      if (first == JwtProblem.Missing) first = problem;
      told = graver(told, problem);
    }
    if (first == JwtProblem.Missing) return Authentication.Passed;
    // One rule alone is not asked twice; nor would several say anything else, unless a token that one has used was in another's way.
    if (rules.length > 1) {
      if (this.hasUsed()) {
        first = this.verifyAll(request, mayWait);
        if (first == JwtProblem.Missing) return Authentication.Waits;
        if (first == JwtProblem.None) return this.accept(request);
      }
      told = graver(told, first);
    }
    this.rejection = unchecked(this.rejections[told - JwtProblem.Issuer]);
    return Authentication.Refused;
  }

  /** Whether each rule finds right tokens or none; else what the first says that does not. {@link JwtProblem.Missing} when one waits. */
  private verifyAll(request: RequestView, mayWait: bool): JwtProblem {
    const rules = this.rules;
    for (let at = 0; at < rules.length; at++) {
      const rule = unchecked(rules[at]);
      const problem = rule.verify(request, mayWait);
      if (rule.waits) return JwtProblem.Missing;
      if (problem > JwtProblem.Missing) return problem;
    }
    return JwtProblem.None;
  }

  private hasUsed(): bool {
    const places = this.places;
    for (let at = 0; at < places.length; at++) if (unchecked(places[at]).used) return true;
    return false;
  }

  /** For the filter's `onTick`. */
  onTick(): void {
    freshSeconds();
    this.sources.keepUp();
  }

  /** For the filter's `onParked`. */
  onParked(): void {
    this.sources.keepUp();
  }

  /** For the filter's `onBackground`: whether the answer was to a call for keys. */
  onBackground(answer: CallAnswer): bool {
    return this.sources.onBackground(answer);
  }

  private accept(request: RequestView): Authentication {
    verified.write(request, this.rules);
    this.removeUsed(request);
    const token = verified.last;
    this.claims.token = token;
    identity.claims = this.claims;
    setProperty(CLAIMS, structOfToken(token));
    return Authentication.Passed;
  }

  private removeUsed(request: RequestView): void {
    const places = this.places;
    for (let at = 0; at < places.length; at++) {
      const place = unchecked(places[at]);
      if (!place.used) continue;
      if (this.changes) place.remove(request);
      else place.pretendRemoved(request);
    }
  }

  /** Removes what the client itself sent under the names of output headers, of all rules, and of preflights too: as Envoy 1.40 does. */
  private removeOutputs(request: RequestView): void {
    const outputs = this.outputs;
    const headers = request.headers;
    for (let at = 0; at < outputs.length; at++) {
      if (this.changes) headers.remove(unchecked(outputs[at]));
      else headers.pretend(unchecked(outputs[at]), ABSENT);
    }
  }
}

/** Of two problems the one that is told: the second, unless it is only that a token is missing or another's (Envoy `verifier.cc`). */
function graver(first: JwtProblem, second: JwtProblem): JwtProblem {
  return second > JwtProblem.Issuer || first == JwtProblem.Missing ? second : first;
}

/** A CORS preflight, which has no credentials by its nature (Fetch standard, "CORS-preflight request"): Envoy's `bypass_cors_preflight`. */
function isPreflight(request: RequestView): bool {
  const method = request.method();
  if (lengthOf(method) != lengthOf(OPTIONS) || !equals(method, OPTIONS)) return false;
  const headers = request.headers;
  return lengthOf(headers.get(ORIGIN)) > 0 && lengthOf(headers.get(REQUEST_METHOD)) > 0;
}

/** Where filters behind find the claims: `assembly/claims.ts`. */
// @ts-ignore: decorator
@lazy const CLAIMS = literal("outrigger.claims");
// @ts-ignore: decorator
@lazy const STRUCT = literal("type.googleapis.com/google.protobuf.Struct");
// @ts-ignore: decorator
@lazy const OPTIONS = literal("OPTIONS");
// @ts-ignore: decorator
@lazy const ORIGIN = literal("origin");
// @ts-ignore: decorator
@lazy const REQUEST_METHOD = literal("access-control-request-method");

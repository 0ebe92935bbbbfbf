import { ABSENT, Bytes, equals, lengthOf } from "../../../assembly/bytes/bytes";
import { jws, JwsVerdict, verifyJws } from "../../../assembly/jwt/jws";
import { park } from "../../../assembly/parking";
import { RequestView } from "../../../assembly/request-view";
import { ClaimPaths } from "../claims";
import { hasAudience } from "./audience";
import { KeySource } from "./key-source";
import { forgetParsed, parseToken } from "./parsed-token";
import { JwtProblem } from "./problem";
import { registered } from "./registered-claims";
import { tokenCache } from "./token-cache";
import { PlaceKind, TokenLocation } from "./token-place";
import { expiryOfToken, keepToken, notBeforeOfToken, outputOfToken, payloadOfToken } from "./verified-token";
import { verified } from "./verified";
import { freshSeconds, recentSeconds } from "./wall-clock";

/** Rules that were read in this VM: each has a number of its own, over all configurations, since they share the cache. */
let rules: u32 = 0;

/** One of `jwtRules`: whose tokens are right, and what becomes of them. */
@final
export class JwtRule {
  /** What the cache knows it by. */
  private readonly serial: u32 = ++rules;
  /** No bytes: any issuer, and tokens without one. */
  issuer: Bytes = ABSENT;
  /** As `comparedAudience` makes them; none: any audience, and tokens without one. */
  audiences: StaticArray<Bytes> = new StaticArray<Bytes>(0);
  keys: KeySource = changetype<KeySource>(0);
  /** Where its tokens stand, in the order in which they are looked at. */
  locations: StaticArray<TokenLocation> = new StaticArray<TokenLocation>(0);
  forward: bool = false;
  /** How long its requests wait for keys, in milliseconds. */
  timeout: u32 = 0;
  /** In seconds. */
  clockSkew: u64 = 60;
  /** Claims whose text is a list of words. */
  words: StaticArray<Bytes> = new StaticArray<Bytes>(0);
  /** A header that gets the payload; {@link ABSENT} for none. */
  payloadHeader: Bytes = ABSENT;
  /** Headers that get claims, and the claims' paths. */
  claimHeaders: StaticArray<Bytes> = new StaticArray<Bytes>(0);
  claimHeaderPaths: StaticArray<StaticArray<Bytes>> = new StaticArray<StaticArray<Bytes>>(0);
  /** The claims that policies ask for. */
  paths: ClaimPaths = new ClaimPaths();

  /** In shadow mode, in which no request waits, and headers change for policies alone. */
  isTrial: bool = false;

  /** Its position among the rules. */
  number: u32 = 0;

  /** {@link verify} has not decided: the request waits for keys. */
  waits: bool = false;

  /**
   * Whether all tokens that stand where the rule looks are right: were one enough, the upstream could take the other one (Envoy
   * `authenticator.cc`). {@link JwtProblem.Missing} when there is none. Tokens that were right, and are not to be forwarded, are marked at
   * their places, also when another one was wrong then.
   */
  verify(request: RequestView, mayWait: bool): JwtProblem {
    this.waits = false;
    verified.looks(this);
    let outcome = JwtProblem.Missing;
    const locations = this.locations;
    let at = 0;
    for (; at < locations.length; at++) {
      const location = unchecked(locations[at]);
      const text = location.find(request);
      if (text == ABSENT) continue;
      const kind = location.place.kind;
      // What is taken out of the query is all of it: nobody behind finds another one there.
      if (location.isRepeated && (this.forward || kind != PlaceKind.QueryParam))
        outcome = JwtProblem.Repeated;
      else outcome = this.verifyToken(location, text, mayWait);
      if (outcome != JwtProblem.None || this.waits) break;
    }
    // Not before: a header may have another token of this rule's behind another prefix.
    while (!this.forward && --at >= 0) {
      const location = unchecked(locations[at]);
      if (location.place.kind != PlaceKind.Cookie && location.find(request) != ABSENT)
        location.place.used = true;
    }
    return outcome;
  }

  get hasOutputs(): bool {
    return this.payloadHeader != ABSENT || this.claimHeaders.length > 0;
  }

  /** Removes the headers that it writes. */
  removeOutputs(request: RequestView): void {
    if (this.payloadHeader != ABSENT) this.removeHeader(request, this.payloadHeader);
    const names = this.claimHeaders;
    for (let at = 0; at < names.length; at++) this.removeHeader(request, unchecked(names[at]));
  }

  /** Adds what a token that it has verified says to the headers that it writes. */
  writeOutputs(request: RequestView, token: usize): void {
    if (this.payloadHeader != ABSENT) this.addHeader(request, this.payloadHeader, payloadOfToken(token));
    const names = this.claimHeaders;
    for (let at = 0; at < names.length; at++) {
      const value = outputOfToken(token, at);
      if (value != ABSENT) this.addHeader(request, unchecked(names[at]), value);
    }
  }

  private removeHeader(request: RequestView, name: Bytes): void {
    if (this.isTrial) request.headers.pretend(name, ABSENT);
    else request.headers.remove(name);
  }

  private addHeader(request: RequestView, name: Bytes, value: Bytes): void {
    if (this.isTrial) request.headers.pretendAdded(name, value);
    else request.headers.add(name, value);
  }

  private verifyToken(location: TokenLocation, text: Bytes, mayWait: bool): JwtProblem {
    const keys = this.keys;
    const known = tokenCache.find(text, this.serial, keys.version);
    if (known != 0) {
      const times = this.timeProblem(notBeforeOfToken(known), expiryOfToken(known), recentSeconds());
      if (times == JwtProblem.None) verified.add(this, known);
      return times;
    }
    if (tokenCache.isKnown && !this.takes(tokenCache.otherIssuer)) return JwtProblem.Issuer;
    const problem = this.claimProblem(location, text);
    if (problem != JwtProblem.None) return problem;
    const set = keys.keys;
    if (set == null) return this.wait(mayWait, false, JwtProblem.NoKeys);
    switch (verifyJws(set)) {
      case JwsVerdict.Right:
        break;
      case JwsVerdict.WrongSignature:
        return jws.lacksKey ? this.wait(mayWait, true, JwtProblem.Signature) : JwtProblem.Signature;
      case JwsVerdict.NoKey:
        return this.wait(mayWait, true, JwtProblem.UnknownKey);
      default:
        return JwtProblem.Failed;
    }
    const block = keepToken(text, this.serial, keys.version, this.claimHeaderPaths, this.words, this.paths);
    // Its nodes are used up.
    forgetParsed();
    location.isParsed = false;
    verified.add(this, tokenCache.add(block));
    return JwtProblem.None;
  }

  /** What is wrong with the token but for the signature, in the order in which Envoy looks. */
  private claimProblem(location: TokenLocation, text: Bytes): JwtProblem {
    if (!location.isParsed) {
      location.problem = parseToken(text);
      location.issuer = registered.issuer;
      location.isParsed = true;
    }
    if (location.problem != JwtProblem.None) return location.problem;
    if (!this.takes(location.issuer)) return JwtProblem.Issuer;
    // Rules that look elsewhere may have come between.
    parseToken(text);
    const times = this.timeProblem(registered.notBefore, registered.expiry, freshSeconds());
    if (times != JwtProblem.None) return times;
    const audiences = this.audiences;
    return audiences.length == 0 || hasAudience(registered.audience, audiences)
      ? JwtProblem.None
      : JwtProblem.Audience;
  }

  private timeProblem(notBefore: u64, expiry: u64, now: u64): JwtProblem {
    if (notBefore > now + this.clockSkew) return JwtProblem.NotYet;
    // Nor is a token good whose time cannot be told.
    if (expiry != 0 && (now == 0 || (now > expiry && now - expiry > this.clockSkew))) {
      return JwtProblem.Expired;
    }
    return JwtProblem.None;
  }

  private takes(issuer: Bytes): bool {
    return lengthOf(this.issuer) == 0 || (issuer != ABSENT && equals(issuer, this.issuer));
  }

  /** Has keys fetched, and lets the request wait for them, if it may and that may help. */
  private wait(mayWait: bool, unknownKid: bool, otherwise: JwtProblem): JwtProblem {
    const comes = mayWait && this.keys.mayCome(unknownKid, this.timeout);
    this.waits = comes && !this.isTrial && park(0, this.timeout);
    return otherwise;
  }
}

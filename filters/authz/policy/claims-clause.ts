import { ABSENT, Bytes, equals, literal } from "../../../assembly/bytes/bytes";
import { RequestView } from "../../../assembly/request-view";
import { Claims, ClaimKind } from "../claims";
import { identity } from "../identity";
import { Clause, Cost, Truth } from "./clause";
import { Patterns } from "./patterns";

/** A claim is one of several texts, or a list with such an element; with {@link all}, a list of such elements alone. */
@final
export class ClaimClause extends Clause {
  constructor(
    negated: bool,
    name: string,
    /** The claim's number in `ClaimPaths`. */
    private readonly claim: i32,
    private readonly patterns: Patterns,
    private readonly all: bool,
  ) {
    super(negated, Cost.Claims, name);
  }

  test(_request: RequestView): Truth {
    const claims = identity.claims;
    const kind = claims.read(this.claim);
    if (kind == ClaimKind.Text) return this.patterns.matches(claims.text) ? Truth.Yes : Truth.No;
    if (kind != ClaimKind.List) return Truth.No;
    const all = this.all;
    for (let at: u32 = 0, count = claims.count; at < count; at++) {
      if (this.patterns.matches(claims.element(at)) != all) return all ? Truth.No : Truth.Yes;
    }
    return all && claims.count > 0 ? Truth.Yes : Truth.No;
  }
}

/** One of `requestPrincipals`: what the issuer must be, and the subject (istiod's `requestPrincipalGenerator`). */
@final
export class RequestPrincipal {
  constructor(
    readonly issuer: Patterns,
    readonly subject: Patterns,
  ) {}

  matches(issuer: Bytes, subject: Bytes): bool {
    return this.issuer.matches(issuer) && this.subject.matches(subject);
  }
}

/** Who was authenticated is one of several: the token's `<iss>/<sub>`, `api-key/<name>` or `basic/<name>`. */
@final
export class RequestPrincipalClause extends Clause {
  constructor(
    negated: bool,
    name: string,
    private readonly principals: StaticArray<RequestPrincipal>,
    /** Everybody who was authenticated is one of them. */
    private readonly all: bool,
  ) {
    super(negated, Cost.Claims, name);
  }

  test(_request: RequestView): Truth {
    const claims = identity.claims;
    const token = this.has(issuerOf(claims), claims.subject());
    const key = this.has(API_KEY, identity.apiKey);
    const found = this.together(this.together(token, key), this.has(BASIC, identity.user));
    return found == Truth.Unknown ? Truth.No : found;
  }

  private together(left: Truth, right: Truth): Truth {
    if (left == Truth.Unknown || left == right) return right;
    if (right == Truth.Unknown) return left;
    return this.all ? Truth.No : Truth.Yes;
  }

  /** {@link Truth.Unknown} where nobody was authenticated so. */
  private has(issuer: Bytes, subject: Bytes): Truth {
    if (issuer == ABSENT || subject == ABSENT) return Truth.Unknown;
    const principals = this.principals;
    for (let at = 0, count = principals.length; at < count; at++) {
      if (unchecked(principals[at]).matches(issuer, subject)) return Truth.Yes;
    }
    return Truth.No;
  }
}

/** `iss`; {@link ABSENT} where it is one of the words below: who may choose his issuer must not pass for a key or a user. */
export function issuerOf(claims: Claims): Bytes {
  const issuer = claims.issuer();
  return issuer != ABSENT && (equals(issuer, API_KEY) || equals(issuer, BASIC)) ? ABSENT : issuer;
}

/** What stands in front of the slash for identities without a token. */
// @ts-ignore: decorator
@lazy export const API_KEY = literal("api-key");
// @ts-ignore: decorator
@lazy export const BASIC = literal("basic");

/** Something that has one text or several, to be compared with another one. */
export abstract class Operand {
  /** How many texts there are now. */
  abstract begin(request: RequestView): u32;
  /** One of them, {@link ABSENT} for what is no text. */
  abstract at(position: u32): Bytes;
}

/** `valuesFrom`: two attributes have a text in common. */
@final
export class SameClause extends Clause {
  constructor(
    negated: bool,
    cost: Cost,
    name: string,
    private readonly left: Operand,
    private readonly rights: StaticArray<Operand>,
    /** Of several texts on the left, each must be among those of one on the right. */
    private readonly all: bool,
  ) {
    super(negated, cost, name);
  }

  test(request: RequestView): Truth {
    const rights = this.rights;
    for (let at = 0, count = rights.length; at < count; at++) {
      if (this.agrees(request, unchecked(rights[at]))) return Truth.Yes;
    }
    return Truth.No;
  }

  private agrees(request: RequestView, right: Operand): bool {
    const left = this.left;
    const all = this.all;
    const count = left.begin(request);
    if (count == 0) return false;
    for (let at: u32 = 0; at < count; at++) {
      // Both may look at the claims, of which one is read at a time.
      left.begin(request);
      if (isAmong(left.at(at), request, right) != all) return !all;
    }
    return all;
  }
}

function isAmong(text: Bytes, request: RequestView, operand: Operand): bool {
  if (text == ABSENT) return false;
  const count = operand.begin(request);
  for (let at: u32 = 0; at < count; at++) {
    const other = operand.at(at);
    if (other != ABSENT && equals(text, other)) return true;
  }
  return false;
}

/** A claim of the verified token. */
@final
export class ClaimOperand extends Operand {
  private claims: Claims = identity.claims;
  private kind: ClaimKind = ClaimKind.Absent;

  constructor(private readonly claim: i32) {
    super();
  }

  begin(_request: RequestView): u32 {
    this.claims = identity.claims;
    this.kind = this.claims.read(this.claim);
    return this.kind == ClaimKind.Text ? 1 : this.kind == ClaimKind.List ? this.claims.count : 0;
  }

  at(position: u32): Bytes {
    return this.kind == ClaimKind.Text ? this.claims.text : this.claims.element(position);
  }
}

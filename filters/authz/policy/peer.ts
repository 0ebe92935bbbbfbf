import {
  ABSENT,
  byteAt,
  Bytes,
  indexOf,
  lengthOf,
  literal,
  slice,
  startsWith,
} from "../../../assembly/bytes/bytes";
import { Attribute } from "../../../assembly/match/attribute";
import { Regex } from "../../../assembly/regex/regex";
import { RequestView } from "../../../assembly/request-view";
import { Clause, Cost, fileUnder, Filing, Truth } from "./clause";
import { Patterns } from "./patterns";

/** What a certificate says of who calls. */
@final
export class Caller {
  constructor(
    /** See `PeerAttribute`. */
    readonly peer: Attribute,
    /** The first DNS name. */
    readonly dns: Attribute,
    readonly subject: Attribute,
  ) {}
}

/**
 * What is asked of the caller's identity. Envoy's `authenticated` (`rbac/matchers.cc`) looks at the URIs of the certificate, then at its DNS names,
 * and then at its subject; a caller in a mesh has one URI. The other two are looked at where there is no URI, and what is asked for may be
 * something else than one.
 */
export abstract class PeerClause extends Clause {
  constructor(
    negated: bool,
    name: string,
    protected readonly caller: Caller,
  ) {
    super(negated, Cost.Property, name);
  }

  /** Whether an identity is what is asked for. */
  abstract matches(identity: Bytes): bool;

  /** Whether what is asked for may be something else than a URI. */
  abstract get isWide(): bool;

  test(request: RequestView): Truth {
    const uri = this.caller.peer.read(request);
    if (lengthOf(uri) > 0) return this.matches(uri) ? Truth.Yes : Truth.No;
    if (!this.isWide) return Truth.No;
    const subject = this.caller.subject.read(request);
    // Not even a TLS connection.
    if (subject == ABSENT) return Truth.No;
    return this.matches(this.caller.dns.read(request)) || this.matches(subject) ? Truth.Yes : Truth.No;
  }
}

/** `principals`, of which each is the identity behind `spiffe://`. */
@final
export class PrincipalClause extends PeerClause {
  constructor(
    negated: bool,
    name: string,
    caller: Caller,
    private readonly patterns: Patterns,
  ) {
    super(negated, name, caller);
  }

  matches(identity: Bytes): bool {
    return this.patterns.matches(identity);
  }

  get isWide(): bool {
    return this.patterns.isWide;
  }

  filing(): Filing | null {
    return fileUnder(this.caller.peer, this.patterns, false, this.cost, this.negated);
  }
}

/**
 * `namespaces`, each with any number of stars. istiod's expression is `.*` `/ns/<namespace>/` `.*`, with `.*` for a star: it is found anywhere in the
 * identity, and a star may go over slashes.
 */
@final
export class NamespaceClause extends PeerClause {
  constructor(
    negated: bool,
    name: string,
    caller: Caller,
    /** For each namespace the texts that must follow one another, and how many they are. */
    private readonly runs: StaticArray<StaticArray<Bytes>>,
  ) {
    super(negated, name, caller);
  }

  matches(identity: Bytes): bool {
    if (identity == ABSENT) return false;
    const runs = this.runs;
    for (let at = 0, count = runs.length; at < count; at++) {
      if (follow(identity, unchecked(runs[at]))) return true;
    }
    return false;
  }

  get isWide(): bool {
    return true;
  }
}

/** Whether the texts stand in `identity` one after another, with anything between. */
function follow(identity: Bytes, texts: StaticArray<Bytes>): bool {
  let rest = identity;
  for (let at = 0, count = texts.length; at < count; at++) {
    const text = unchecked(texts[at]);
    const found = indexOf(rest, text);
    if (found < 0) return false;
    rest = slice(rest, <u32>found + lengthOf(text), lengthOf(rest));
  }
  return true;
}

/**
 * `serviceAccounts`. istiod's expression is `spiffe://.+` `/ns/<namespace>/` `(.+/|)sa/<name>` `(/.+)?`. The first place where the namespace stands leaves
 * the most for the rest, which begins with the account or has it behind a slash.
 */
@final
export class ServiceAccountClause extends PeerClause {
  constructor(
    negated: bool,
    name: string,
    caller: Caller,
    /** `/ns/<namespace>/`. */
    private readonly namespaces: StaticArray<Bytes>,
    /** `/sa/<name>`. */
    private readonly accounts: StaticArray<Bytes>,
  ) {
    super(negated, name, caller);
  }

  matches(identity: Bytes): bool {
    const scheme = lengthOf(SPIFFE);
    // At least one character of a trust domain.
    if (!startsWith(identity, SPIFFE) || lengthOf(identity) == scheme) return false;
    const behind = slice(identity, scheme + 1, lengthOf(identity));
    for (let at = 0, count = this.accounts.length; at < count; at++) {
      const namespace = unchecked(this.namespaces[at]);
      const found = indexOf(behind, namespace);
      if (found < 0) continue;
      // With the slash that ends the namespace.
      const rest = slice(behind, <u32>found + lengthOf(namespace) - 1, lengthOf(behind));
      if (hasAccount(rest, unchecked(this.accounts[at]))) return true;
    }
    return false;
  }

  get isWide(): bool {
    return false;
  }
}

/** Whether `/sa/<name>` stands in `path`, which begins with a slash, as its end or with a slash and something behind it. */
function hasAccount(path: Bytes, account: Bytes): bool {
  const whole = lengthOf(path);
  let from: u32 = 0;
  while (true) {
    const found = indexOf(slice(path, from, whole), account);
    if (found < 0) return false;
    const start = from + <u32>found;
    const end = start + lengthOf(account);
    // `.+/`: not with two slashes alone in front.
    if (start != 1 && (end == whole || (byteAt(path, end) == 0x2f && end + 1 < whole))) return true;
    from = start + 1;
  }
}

/** `trustDomains`: each the beginning of the identity up to the first slash, or an expression of it. */
@final
export class TrustDomainClause extends PeerClause {
  constructor(
    negated: bool,
    name: string,
    caller: Caller,
    /** `spiffe://<domain>/`, and `spiffe://` for a lone star. */
    private readonly prefixes: StaticArray<Bytes>,
    private readonly expressions: StaticArray<Regex>,
  ) {
    super(negated, name, caller);
  }

  matches(identity: Bytes): bool {
    if (identity == ABSENT) return false;
    for (let at = 0, count = this.prefixes.length; at < count; at++) {
      if (startsWith(identity, unchecked(this.prefixes[at]))) return true;
    }
    for (let at = 0, count = this.expressions.length; at < count; at++) {
      if (unchecked(this.expressions[at]).matches(identity)) return true;
    }
    return false;
  }

  get isWide(): bool {
    return false;
  }
}

// @ts-ignore: decorator
@lazy export const SPIFFE = literal("spiffe://");

import { ABSENT, byteAt, Bytes, indexOfByte, lengthOf, pointerOf } from "../../../assembly/bytes/bytes";
import { IpBlocks, parseAddress } from "../../../assembly/ip";
import { beginValues, nextValue } from "../../../assembly/header-values";
import { emptyList } from "../../../assembly/list";
import { Attribute } from "../../../assembly/match/attribute";
import { RequestView } from "../../../assembly/request-view";
import { doubt } from "./attributes";
import { PathTemplate } from "./path-template";
import { Patterns } from "./patterns";

/** What looking at a clause costs: the cheap ones are asked first. */
export enum Cost {
  /** Something of the headers, which have been read. */
  Headers,
  /** A claim of a token that was verified here. */
  Claims,
  /** A property: a call of the host. */
  Property,
}

/** Whether something is so, as far as it can be known. */
export enum Truth {
  No,
  Yes,
  Unknown,
}

/** The values under which rules are filed for an attribute. */
@final
export class Filing {
  readonly exact: Bytes[] = emptyList<Bytes>();
  readonly prefixes: Bytes[] = emptyList<Bytes>();
  /** The header's name, where the attribute is one that may have several values. */
  header: Bytes = ABSENT;

  constructor(
    readonly attribute: Attribute,
    /** Values are compared in lower case. */
    readonly fold: bool,
    readonly cost: Cost,
  ) {}

  /** Whether rules with `other` are filed in the same group. */
  isLike(other: Filing): bool {
    return this.attribute == other.attribute && this.fold == other.fold && this.header == other.header;
  }

  add(other: Filing): void {
    for (let at = 0; at < other.exact.length; at++) this.exact.push(other.exact[at]);
    for (let at = 0; at < other.prefixes.length; at++) this.prefixes.push(other.prefixes[at]);
  }
}

/** One condition of a rule: a field of a source or an operation, or an entry of `when`. */
export abstract class Clause {
  constructor(
    /** Of a field `not..`, or of `notValues`. */
    readonly negated: bool,
    readonly cost: Cost,
    /** The field, as `explain` names it: `principals`. */
    readonly name: string,
  ) {}

  /** Whether what the field asks for is so, leaving {@link negated} aside. */
  abstract test(request: RequestView): Truth;

  /** Whether the clause holds. What cannot be known holds neither with nor without `not`. */
  // @ts-ignore: decorator
  @inline
  holds(request: RequestView): bool {
    const truth = this.test(request);
    if (truth == Truth.Unknown) {
      doubt.unknown = true;
      return false;
    }
    return (truth == Truth.Yes) != this.negated;
  }

  /** What rules with this clause can be looked up by; null for nothing. */
  filing(): Filing | null {
    return null;
  }
}

/** An attribute is one of several texts. */
@final
export class TextClause extends Clause {
  constructor(
    negated: bool,
    cost: Cost,
    name: string,
    private readonly attribute: Attribute,
    private readonly patterns: Patterns,
    /** Values are compared in lower case. */
    private readonly fold: bool,
  ) {
    super(negated, cost, name);
  }

  test(request: RequestView): Truth {
    const value = this.fold ? this.attribute.readFolded(request) : this.attribute.read(request);
    return this.patterns.matches(value) ? Truth.Yes : Truth.No;
  }

  filing(): Filing | null {
    return fileUnder(this.attribute, this.patterns, this.fold, this.cost, this.negated);
  }
}

/** A header is one of several texts: one of its values, where it came several times (Envoy `rbac/matchers.cc`). */
@final
export class HeaderClause extends Clause {
  constructor(
    negated: bool,
    name: string,
    private readonly header: Attribute,
    private readonly patterns: Patterns,
  ) {
    super(negated, Cost.Headers, name);
  }

  test(request: RequestView): Truth {
    const headers = request.headers;
    const name = this.header.name;
    if (!headers.mayRepeat(name)) {
      return this.patterns.matches(this.header.read(request)) ? Truth.Yes : Truth.No;
    }
    beginValues(headers, name);
    for (let value = nextValue(headers, name); value != ABSENT; value = nextValue(headers, name)) {
      if (this.patterns.matches(value)) return Truth.Yes;
    }
    return Truth.No;
  }

  filing(): Filing | null {
    const filing = fileUnder(this.header, this.patterns, false, this.cost, this.negated);
    if (filing != null) filing.header = this.header.name;
    return filing;
  }
}

/** The path is one of several texts, or has the form of one of several templates. */
@final
export class PathClause extends Clause {
  constructor(
    negated: bool,
    name: string,
    private readonly path: Attribute,
    private readonly patterns: Patterns,
    private readonly templates: StaticArray<PathTemplate>,
  ) {
    super(negated, Cost.Headers, name);
  }

  test(request: RequestView): Truth {
    const path = this.path.read(request);
    if (this.patterns.matches(path)) return Truth.Yes;
    const templates = this.templates;
    for (let at = 0, count = templates.length; at < count; at++) {
      if (unchecked(templates[at]).matches(path)) return Truth.Yes;
    }
    return Truth.No;
  }

  filing(): Filing | null {
    const filing = fileUnder(this.path, this.patterns, false, this.cost, this.negated);
    if (filing == null) return null;
    for (let at = 0; at < this.templates.length; at++) filing.prefixes.push(this.templates[at].head);
    return filing;
  }
}

/**
 * Blocks of addresses, IPv4 and IPv6 apart: what is written as IPv6 is in no block of IPv4, be it IPv4-mapped (Envoy `CidrRange::isInRange`).
 */
@final
export class AddressBlocks {
  private readonly ipv4: IpBlocks = new IpBlocks();
  private readonly ipv6: IpBlocks = new IpBlocks();

  /** False for what is neither an address nor a block. */
  add(text: Bytes): bool {
    return (indexOfByte(text, COLON) < 0 ? this.ipv4 : this.ipv6).add(text);
  }

  /** Of an address with its port, `1.2.3.4:80` or `[::1]:80`. */
  has(address: Bytes): bool {
    if (!parseAddress(address)) return false;
    return byteAt(address, 0) == BRACKET ? this.ipv6.hasParsedIpv6() : this.ipv4.hasParsed();
  }
}

const COLON: u8 = 0x3a;
const BRACKET: u8 = 0x5b;

/** An address is in one of several blocks. */
@final
export class AddressClause extends Clause {
  constructor(
    negated: bool,
    name: string,
    private readonly address: Attribute,
    private readonly blocks: AddressBlocks,
    /** What is so where there is no address. */
    private readonly otherwise: Truth,
  ) {
    super(negated, Cost.Property, name);
  }

  test(request: RequestView): Truth {
    const address = this.address.read(request);
    if (address == ABSENT) return this.otherwise;
    return this.blocks.has(address) ? Truth.Yes : Truth.No;
  }
}

/** The port that the client has connected to is one of several. */
@final
export class PortClause extends Clause {
  constructor(
    negated: bool,
    name: string,
    private readonly port: Attribute,
    private readonly ports: StaticArray<i32>,
  ) {
    super(negated, Cost.Property, name);
  }

  test(request: RequestView): Truth {
    const value = this.port.read(request);
    if (lengthOf(value) != 8) return Truth.No;
    const port = load<i64>(pointerOf(value));
    const ports = this.ports;
    for (let at = 0, count = ports.length; at < count; at++) {
      if (<i64>unchecked(ports[at]) == port) return Truth.Yes;
    }
    return Truth.No;
  }
}

/** Rules with these values of an attribute; null where they cannot be looked up by them. */
export function fileUnder(
  attribute: Attribute,
  patterns: Patterns,
  fold: bool,
  cost: Cost,
  negated: bool,
): Filing | null {
  if (negated || !patterns.isFileable) return null;
  const filing = new Filing(attribute, fold, cost);
  for (let at = 0; at < patterns.values.length; at++) filing.exact.push(patterns.values[at]);
  for (let at = 0; at < patterns.prefixValues.length; at++) filing.prefixes.push(patterns.prefixValues[at]);
  return filing;
}

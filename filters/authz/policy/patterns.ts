import { concatenate } from "../../../assembly/bytes/arena";
import { ByteMap } from "../../../assembly/bytes/byte-map";
import {
  ABSENT,
  byteAt,
  Bytes,
  endsWith,
  equals,
  indexOfByte,
  lengthOf,
  slice,
  startsWith,
} from "../../../assembly/bytes/bytes";
import { Keeper } from "../../../assembly/bytes/keeper";
import { emptyList } from "../../../assembly/list";

/** What a lone `*` asks for. */
export enum Wildcard {
  /** That there is a value of at least one character and no line feed, as Envoy's `.+`. */
  NotEmpty,
  /** That there is one, be it empty: of headers. */
  Present,
}

/** Up to so many exact values are compared one by one; of more there is a set. */
const FEW = 4;

const STAR: u8 = 0x2a;

/**
 * Several texts, each `abc`, `abc*`, `*abc` or `*`: what a value has to be one of (istiod's `matcher/string.go` and `matcher/header.go`). A star
 * in front goes before one at the end, and elsewhere it is itself.
 */
@final
export class Patterns {
  private exact: StaticArray<Bytes> = new StaticArray<Bytes>(0);
  private set: ByteMap | null = null;
  private prefixes: StaticArray<Bytes> = new StaticArray<Bytes>(0);
  private suffixes: StaticArray<Bytes> = new StaticArray<Bytes>(0);
  private any: bool = false;

  constructor(
    /** What every value but that of a lone `*` begins with; {@link ABSENT} for nothing. Suffixes are looked for behind it. */
    private readonly base: Bytes,
    private readonly wildcard: Wildcard,
  ) {}

  /** Whether the value is one of these; never for one that is {@link ABSENT}. */
  matches(value: Bytes): bool {
    if (value == ABSENT) return false;
    if (this.any && (this.wildcard == Wildcard.Present || isLine(value))) return true;
    const set = this.set;
    if (set != null) {
      if (set.has(value)) return true;
    } else {
      const exact = this.exact;
      for (let at = 0, count = exact.length; at < count; at++) {
        if (equals(value, unchecked(exact[at]))) return true;
      }
    }
    const prefixes = this.prefixes;
    for (let at = 0, count = prefixes.length; at < count; at++) {
      if (startsWith(value, unchecked(prefixes[at]))) return true;
    }
    return this.suffixes.length > 0 && this.endMatches(value);
  }

  private endMatches(value: Bytes): bool {
    let rest = value;
    if (this.base != ABSENT) {
      if (!startsWith(value, this.base)) return false;
      rest = slice(value, lengthOf(this.base), lengthOf(value));
    }
    const suffixes = this.suffixes;
    for (let at = 0, count = suffixes.length; at < count; at++) {
      if (endsWith(rest, unchecked(suffixes[at]))) return true;
    }
    return false;
  }

  /** Whether a value may be one that does not begin with the base. */
  get isWide(): bool {
    return this.any;
  }

  /** Whether all of these are exact values or prefixes, so that rules can be looked up by them. */
  get isFileable(): bool {
    return !this.any && this.suffixes.length == 0;
  }

  /** The exact values, where {@link isFileable}. */
  get values(): StaticArray<Bytes> {
    return this.exact;
  }

  get prefixValues(): StaticArray<Bytes> {
    return this.prefixes;
  }

  /** Only for {@link PatternsBuilder}. */
  fill(exact: Bytes[], prefixes: Bytes[], suffixes: Bytes[], any: bool): Patterns {
    this.exact = StaticArray.fromArray(exact);
    this.prefixes = StaticArray.fromArray(prefixes);
    this.suffixes = StaticArray.fromArray(suffixes);
    this.any = any;
    if (exact.length > FEW) {
      const set = new ByteMap(exact.length);
      for (let at = 0; at < exact.length; at++) set.set(exact[at], 0);
      this.set = set;
    }
    return this;
  }
}

function isLine(value: Bytes): bool {
  return lengthOf(value) > 0 && indexOfByte(value, 0x0a) < 0;
}

/** Makes {@link Patterns} out of texts. */
@final
export class PatternsBuilder {
  private readonly exact: Bytes[] = emptyList<Bytes>();
  private readonly prefixes: Bytes[] = emptyList<Bytes>();
  private readonly suffixes: Bytes[] = emptyList<Bytes>();
  private any: bool = false;

  constructor(
    private readonly keeper: Keeper,
    private readonly wildcard: Wildcard,
    /** Values are compared in lower case. */
    private readonly fold: bool = false,
    /** See {@link Patterns}. */
    private readonly base: Bytes = ABSENT,
  ) {}

  /** Adds a text of at least one character. */
  add(text: Bytes): void {
    const length = lengthOf(text);
    if (length == 1 && byteAt(text, 0) == STAR) this.any = true;
    else if (byteAt(text, 0) == STAR) this.suffixes.push(this.keep(slice(text, 1, length), false));
    else if (byteAt(text, length - 1) == STAR) {
      this.prefixes.push(this.keep(slice(text, 0, length - 1), true));
    } else this.exact.push(this.keep(text, true));
  }

  finish(): Patterns {
    return new Patterns(this.base, this.wildcard).fill(this.exact, this.prefixes, this.suffixes, this.any);
  }

  private keep(text: Bytes, based: bool): Bytes {
    if (based && this.base != ABSENT) return this.keeper.keep(concatenate(this.base, ABSENT, text));
    return this.fold ? this.keeper.keepLowerCase(text) : this.keeper.keep(text);
  }
}

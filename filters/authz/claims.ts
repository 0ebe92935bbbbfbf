import { ABSENT, Bytes, equals } from "../../assembly/bytes/bytes";
import { emptyList } from "../../assembly/list";

/** What a claim's value is, as far as policies compare it: only strings and lists of strings match anything (Envoy `ValueMatcher`). */
export enum ClaimKind {
  Absent,
  Text,
  List,
  /** A number, a boolean, null or an object. */
  Other,
}

/** The claims that a configuration asks for, each with a number: what is cached of a token is these. */
@final
export class ClaimPaths {
  private readonly paths: StaticArray<Bytes>[] = emptyList<StaticArray<Bytes>>();

  get size(): i32 {
    return this.paths.length;
  }

  /** The number of the claim that is found by these names of members, from the payload down. The bytes must outlive the configuration. */
  add(path: StaticArray<Bytes>): i32 {
    for (let at = 0; at < this.paths.length; at++) if (samePath(this.paths[at], path)) return at;
    this.paths.push(path);
    return this.paths.length - 1;
  }

  pathOf(number: i32): StaticArray<Bytes> {
    return unchecked(this.paths[number]);
  }
}

function samePath(left: StaticArray<Bytes>, right: StaticArray<Bytes>): bool {
  if (left.length != right.length) return false;
  for (let at = 0; at < left.length; at++) if (!equals(left[at], right[at])) return false;
  return true;
}

/**
 * The claims of a verified token, or of none. `read` looks at one claim, by its number in {@link ClaimPaths}; what it found stands in the
 * fields until the next one.
 */
export abstract class Claims {
  /** The value of a {@link ClaimKind.Text}. */
  text: Bytes = ABSENT;
  /** How many elements a {@link ClaimKind.List} has. */
  count: u32 = 0;

  abstract read(number: i32): ClaimKind;

  /** An element of the list that was read; {@link ABSENT} for one that is no string. */
  abstract element(at: u32): Bytes;

  /** `iss`, where it is a string. */
  abstract issuer(): Bytes;

  /** `sub`, where it is a string. */
  abstract subject(): Bytes;
}

/** No token. */
@final
export class NoClaims extends Claims {
  read(_number: i32): ClaimKind {
    return ClaimKind.Absent;
  }

  element(_at: u32): Bytes {
    return ABSENT;
  }

  issuer(): Bytes {
    return ABSENT;
  }

  subject(): Bytes {
    return ABSENT;
  }
}

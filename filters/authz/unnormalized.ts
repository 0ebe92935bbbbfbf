import { byteAt, Bytes, lengthOf } from "../../assembly/bytes/bytes";
import { Counter, count, defineCounter, labelled } from "../../assembly/host/metrics";

/** Ways in which a path can arrive that a server may read as another one. */
enum Kind {
  DotSegments,
  Slashes,
  EscapedSlash,
  Backslash,
}

/** As labels, in the order of {@link Kind}. */
const KINDS: StaticArray<string> = ["dot-segments", "slashes", "escaped-slash", "backslash"];

/**
 * Counts paths that the listener has not normalised: what a policy compares then may not be what the application serves. A module cannot see the
 * listener's settings, only what arrives.
 */
@final
export class UnnormalizedPaths {
  private readonly counters: StaticArray<Counter> = new StaticArray<Counter>(KINDS.length);

  /** Defines the metrics. */
  define(): void {
    for (let at = 0; at < KINDS.length; at++) {
      this.counters[at] = defineCounter(labelled("outrigger_authz_unnormalized_paths", "kind", KINDS[at]));
    }
  }

  /** Looks at a path without query. */
  look(path: Bytes): void {
    const length = lengthOf(path);
    let kinds: u32 = 0;
    for (let at: u32 = 0; at < length; at++) {
      const byte = byteAt(path, at);
      if (byte == 0x2f) {
        const next = at + 1 < length ? byteAt(path, at + 1) : 0;
        if (next == 0x2f) kinds |= 1 << Kind.Slashes;
        else if (isDot(path, at + 1) != 0 && isDotSegment(path, at + 1)) kinds |= 1 << Kind.DotSegments;
      } else if (byte == 0x25) {
        const escaped = escapedAt(path, at);
        if (escaped == 0x2f || escaped == 0x5c) kinds |= 1 << Kind.EscapedSlash;
      } else if (byte == 0x5c) kinds |= 1 << Kind.Backslash;
    }
    if (kinds != 0) this.tally(kinds);
  }

  private tally(kinds: u32): void {
    for (let at = 0; at < KINDS.length; at++) {
      if ((kinds & (1 << at)) != 0) count(unchecked(this.counters[at]));
    }
  }
}

/** Whether `.` or `..` stands at `at`, its dots plain or escaped, up to the next slash of any kind or the end. */
function isDotSegment(path: Bytes, at: u32): bool {
  for (let dots = 0; dots < 2; dots++) {
    const size = isDot(path, at);
    if (size == 0) return dots > 0 && isEnd(path, at);
    at += size;
  }
  return isEnd(path, at);
}

/** How many bytes the dot at `at` takes; 0 where there is none. */
function isDot(path: Bytes, at: u32): u32 {
  if (at >= lengthOf(path)) return 0;
  if (byteAt(path, at) == 0x2e) return 1;
  return escapedAt(path, at) == 0x2e ? 3 : 0;
}

function isEnd(path: Bytes, at: u32): bool {
  if (at >= lengthOf(path)) return true;
  const byte = byteAt(path, at);
  const escaped = escapedAt(path, at);
  // A matrix parameter hides a dot segment from many servers (`/..;/`).
  return byte == 0x2f || byte == 0x5c || byte == 0x3b || escaped == 0x2f || escaped == 0x5c;
}

/** `.`, `/` or a backslash that is escaped at `at`; 0 for anything else. */
function escapedAt(path: Bytes, at: u32): u32 {
  if (at + 2 >= lengthOf(path) || byteAt(path, at) != 0x25) return 0;
  const high = byteAt(path, at + 1);
  const low = byteAt(path, at + 2) | 0x20;
  if (high == 0x32) return low == 0x65 ? 0x2e : low == 0x66 ? 0x2f : 0;
  return high == 0x35 && low == 0x63 ? 0x5c : 0;
}

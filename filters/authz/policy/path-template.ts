import { byteAt, Bytes, equals, indexOfByte, lengthOf, slice } from "../../../assembly/bytes/bytes";
import { Keeper } from "../../../assembly/bytes/keeper";
import { isWord } from "../../../assembly/json/words";
import { emptyList } from "../../../assembly/list";

const SLASH: u8 = 0x2f;
const STAR: u8 = 0x2a;

/** What a segment of a template stands for. */
enum SegmentKind {
  Literal,
  /** `{*}`: one segment. */
  One,
  /** `{**}`: any number of segments, or none. */
  Any,
}

/**
 * A path with `{*}` or `{**}`, as Envoy's `uri_template` matches what istiod makes of it (Envoy `uri_template_internal.cc`): segments one by one,
 * all of the path, and what an operator stands for out of the characters of a URI's path alone.
 */
@final
export class PathTemplate {
  constructor(
    private readonly kinds: StaticArray<SegmentKind>,
    /** The literals' texts. */
    private readonly texts: StaticArray<Bytes>,
    /** What every path that matches begins with. */
    readonly head: Bytes,
  ) {}

  /** Reads a template; null where it is none that Istio and Envoy would take. */
  static read(keeper: Keeper, text: Bytes): PathTemplate | null {
    const length = lengthOf(text);
    if (length < 2 || byteAt(text, 0) != SLASH) return null;
    const kinds = emptyList<SegmentKind>();
    const texts = emptyList<Bytes>();
    const kept = keeper.keep(text);
    let head: u32 = 0;
    let start: u32 = 1;
    let any = false;
    while (start <= length) {
      const slash = start < length ? indexOfByte(kept, SLASH, start) : -1;
      const end: u32 = slash < 0 ? length : slash;
      const segment = slice(kept, start, end);
      let kind = SegmentKind.Literal;
      if (isWord(segment, "{*}")) kind = SegmentKind.One;
      else if (isWord(segment, "{**}")) kind = SegmentKind.Any;
      if (kind == SegmentKind.Literal) {
        // Only the last one may be empty: a slash at the end. Istio takes no star in a literal.
        if (end == start ? end != length : !isSegment(segment) || indexOfByte(segment, STAR) >= 0)
          return null;
      } else {
        // Envoy: no operator behind `**`.
        if (any) return null;
        if (head == 0) head = start;
        any = kind == SegmentKind.Any;
      }
      kinds.push(kind);
      texts.push(segment);
      start = end + 1;
    }
    return new PathTemplate(
      StaticArray.fromArray(kinds),
      StaticArray.fromArray(texts),
      slice(kept, 0, head == 0 ? length : head),
    );
  }

  /** Whether the path, without query and fragment, is of this form. */
  matches(path: Bytes): bool {
    const length = lengthOf(path);
    if (length == 0 || byteAt(path, 0) != SLASH) return false;
    const kinds = this.kinds;
    const count = kinds.length;
    let start: u32 = 1;
    for (let at = 0; at < count; at++) {
      const kind = unchecked(kinds[at]);
      if (kind == SegmentKind.Any) return this.endMatches(path, start, at + 1);
      if (start > length) return false;
      const slash = start < length ? indexOfByte(path, SLASH, start) : -1;
      const end: u32 = slash < 0 ? length : slash;
      const segment = slice(path, start, end);
      if (kind == SegmentKind.One ? !isSegment(segment) : !equals(segment, unchecked(this.texts[at]))) {
        return false;
      }
      start = end + 1;
    }
    return start == length + 1;
  }

  /** Whether the path from `start` on is anything, and then the literals from number `from` on. */
  private endMatches(path: Bytes, start: u32, from: i32): bool {
    const length = lengthOf(path);
    if (start > length) return false;
    let end = length;
    for (let at = this.kinds.length - 1; at >= from; at--) {
      const literal = unchecked(this.texts[at]);
      const size = lengthOf(literal);
      // A slash, and the literal behind it.
      if (end - start < size + 1) return false;
      if (!equals(slice(path, end - size, end), literal) || byteAt(path, end - size - 1) != SLASH) {
        return false;
      }
      end -= size + 1;
    }
    for (let at = start; at < end; at++) {
      const byte = byteAt(path, at);
      if (byte != SLASH && !isPathByte(byte)) return false;
    }
    return true;
  }
}

/** Whether these are one or more characters of which a segment may be. */
function isSegment(text: Bytes): bool {
  const length = lengthOf(text);
  for (let at: u32 = 0; at < length; at++) if (!isPathByte(byteAt(text, at))) return false;
  return length > 0;
}

/** `pchar` of RFC 3986 §3.3. */
function isPathByte(byte: u8): bool {
  if (<u32>((byte | 0x20) - 0x61) < 26 || <u32>(byte - 0x30) < 10) return true;
  switch (byte) {
    case 0x2d: // -
    case 0x2e: // .
    case 0x5f: // _
    case 0x7e: // ~
    case 0x25: // %
    case 0x21: // !
    case 0x24: // $
    case 0x26: // &
    case 0x27: // '
    case 0x28: // (
    case 0x29: // )
    case 0x2a: // *
    case 0x2b: // +
    case 0x2c: // ,
    case 0x3b: // ;
    case 0x3a: // :
    case 0x40: // @
    case 0x3d: // =
      return true;
    default:
      return false;
  }
}

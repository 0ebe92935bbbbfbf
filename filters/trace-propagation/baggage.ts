import { arenaAllocate } from "../../assembly/bytes/arena";
import { ByteMap } from "../../assembly/bytes/byte-map";
import {
  ABSENT,
  byteAt,
  Bytes,
  bytesOf,
  copyTo,
  indexOfByte,
  lengthOf,
  literal,
  slice,
  trim,
} from "../../assembly/bytes/bytes";
import { isTokenByte } from "../../assembly/bytes/token";

/** Which members of `baggage` (W3C Baggage, §3) go on. */
@final
export class BaggageFilter {
  /** Members of the last list that were none, or came again: they were dropped. */
  malformed: u32 = 0;
  /** Members of the last list for which there was no room. */
  oversized: u32 = 0;
  /** In which list an allowed name was found last, by its number. */
  private readonly seen: StaticArray<u32>;
  private list: u32 = 0;

  constructor(
    /** The names that go on, each with its number. */
    private readonly allowed: ByteMap,
    /** What the list may come to, in bytes. */
    private readonly maxBytes: u32,
  ) {
    this.seen = new StaticArray<u32>(allowed.size);
  }

  /**
   * The members that go on, in their order; {@link ABSENT} for none. A name is compared as it stands, so that no escape brings past
   * what is not allowed; of a name that comes again the first member counts, as for readers of baggage. What would make the list too long
   * is left out.
   */
  read(header: Bytes): Bytes {
    this.malformed = 0;
    this.oversized = 0;
    this.list++;
    if (header == ABSENT) return ABSENT;
    const length = lengthOf(header);
    const room = arenaAllocate(length);
    let top = room;
    for (let start: u32 = 0; start < length;) {
      const comma = indexOfByte(header, 0x2c, start);
      const end: u32 = comma < 0 ? length : comma;
      const member = trim(slice(header, start, end));
      start = end + 1;
      if (lengthOf(member) == 0) continue;
      const name = nameIn(member);
      if (name == ABSENT) {
        this.malformed++;
        continue;
      }
      const number = this.allowed.get(name);
      if (number < 0) continue;
      if (unchecked(this.seen[number]) == this.list) {
        this.malformed++;
        continue;
      }
      unchecked((this.seen[number] = this.list));
      const separator: u32 = top == room ? 0 : 1;
      if (<u32>(top - room) + separator + lengthOf(member) > this.maxBytes) {
        this.oversized++;
        continue;
      }
      if (separator > 0) store<u8>(top++, 0x2c);
      top += copyTo(top, member);
    }
    return top == room ? ABSENT : bytesOf(room, <u32>(top - room));
  }
}

/** The name of a member `name=value;property`; {@link ABSENT} where it is none. */
function nameIn(member: Bytes): Bytes {
  const equal = indexOfByte(member, 0x3d);
  if (equal < 0) return ABSENT;
  const name = trim(slice(member, 0, equal));
  if (lengthOf(name) == 0) return ABSENT;
  for (let at: u32 = 0; at < lengthOf(name); at++) if (!isTokenByte(byteAt(name, at))) return ABSENT;
  // White space stands around `=` and `;` alone.
  for (let at: u32 = equal + 1; at < lengthOf(member); at++) {
    const byte = byteAt(member, at);
    if (byte == 0x22 || byte == 0x5c || byte > 0x7e || (byte < 0x21 && byte != 0x20 && byte != 0x09)) {
      return ABSENT;
    }
  }
  const semicolon = indexOfByte(member, 0x3b, equal);
  const value = trim(slice(member, equal + 1, semicolon < 0 ? lengthOf(member) : semicolon));
  return indexOfByte(value, 0x20) >= 0 || indexOfByte(value, 0x09) >= 0 ? ABSENT : name;
}

// @ts-ignore: decorator
@lazy export const BAGGAGE = literal("baggage");

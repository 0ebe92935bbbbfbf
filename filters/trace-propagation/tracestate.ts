import { arenaAllocate } from "../../assembly/bytes/arena";
import {
  ABSENT,
  byteAt,
  Bytes,
  bytesOf,
  copyTo,
  equals,
  indexOfByte,
  lengthOf,
  literal,
  slice,
  trim,
} from "../../assembly/bytes/bytes";

/**
 * W3C `tracestate` (level 2, §3.3): members `key=value` with commas between, of which the first is the newest. Out of what anybody may
 * have sent comes a list that every hop can read, or none.
 */

/** Members of other vendors that the last {@link readTracestate} has found, in the arena; {@link ABSENT} for none. */
export let othersMembers: Bytes = ABSENT;
/** Its own member said that the decision is forced. */
export let isForced: bool = false;

/**
 * Reads a list: white space around members and empty members go, of a key that comes again the first counts. False where the list is
 * none, and nothing of it is passed on: a member that is not as the grammar has it, or more than {@link MOST_MEMBERS}.
 */
export function readTracestate(header: Bytes): bool {
  othersMembers = ABSENT;
  isForced = false;
  const room = arenaAllocate(lengthOf(header));
  const members = arenaAllocate(MOST_MEMBERS * KEPT);
  let kept: u32 = 0;
  let count: u32 = 0;
  let total: u32 = 0;
  let hasOwn = false;
  for (let start: u32 = 0; start < lengthOf(header);) {
    const comma = indexOfByte(header, 0x2c, start);
    const end: u32 = comma < 0 ? lengthOf(header) : comma;
    const member = trim(slice(header, start, end));
    start = end + 1;
    if (lengthOf(member) == 0) continue;
    if (++count > MOST_MEMBERS) return false;
    const equal = indexOfByte(member, 0x3d);
    if (equal < 0 || !isKey(member, equal) || !isValue(member, equal + 1)) return false;
    const key = slice(member, 0, equal);
    if (equals(key, OWN_KEY)) {
      if (!hasOwn) isForced = equals(slice(member, equal + 1, lengthOf(member)), FORCED_VALUE);
      hasOwn = true;
      continue;
    }
    if (isAmong(key, members, kept)) continue;
    store<Bytes>(members + <usize>kept * KEPT, key);
    store<Bytes>(members + <usize>kept * KEPT, member, 8);
    kept++;
    total += lengthOf(member) + 1;
  }
  if (kept == 0) return true;
  // Without the last comma; the own member is to have room in front.
  const most = isForced ? MOST_BYTES - lengthOf(OWN_MEMBER) - 1 : MOST_BYTES;
  if (total - 1 > most) kept = shorten(members, kept, total - 1, most);
  othersMembers = join(members, kept, room);
  return true;
}

/**
 * The list with the own member in front, which is there only where it says something; {@link ABSENT} for an empty list. A decision is
 * forced beside members of others only where they came with the own member, and {@link readTracestate} has left room for it.
 */
export function tracestateOf(others: Bytes, forced: bool): Bytes {
  if (!forced) return others;
  if (others == ABSENT) return OWN_MEMBER;
  const own = lengthOf(OWN_MEMBER);
  const length = own + 1 + lengthOf(others);
  const room = arenaAllocate(length);
  copyTo(room, OWN_MEMBER);
  store<u8>(room + own, 0x2c);
  copyTo(room + own + 1, others);
  return bytesOf(room, length);
}

/** Takes members out of a list until it has `most` characters: those over {@link LONG_MEMBER} first, then from its end (§3.3.1.5). Answers how many stay. */
function shorten(members: usize, count: u32, length: u32, most: u32): u32 {
  for (let at = count; at > 0 && length > most; at--) {
    const place = members + <usize>(at - 1) * KEPT;
    const size = lengthOf(load<Bytes>(place, 8));
    if (size <= LONG_MEMBER) continue;
    length -= size + 1;
    count--;
    memory.copy(place, place + KEPT, <usize>(count - (at - 1)) * KEPT);
  }
  while (count > 0 && length > most) {
    count--;
    length -= lengthOf(load<Bytes>(members + <usize>count * KEPT, 8)) + 1;
  }
  return count;
}

function join(members: usize, count: u32, room: usize): Bytes {
  if (count == 0) return ABSENT;
  let top = room;
  for (let at: u32 = 0; at < count; at++) {
    if (at > 0) store<u8>(top++, 0x2c);
    top += copyTo(top, load<Bytes>(members + <usize>at * KEPT, 8));
  }
  return bytesOf(room, <u32>(top - room));
}

function isAmong(key: Bytes, members: usize, count: u32): bool {
  for (let at: u32 = 0; at < count; at++)
    if (equals(load<Bytes>(members + <usize>at * KEPT), key)) return true;
  return false;
}

/** A lower-case letter or a digit, and then up to 255 of these and `_ - * / @`. */
function isKey(member: Bytes, length: u32): bool {
  if (length == 0 || length > MOST_KEY || !isAlphanumeric(byteAt(member, 0))) return false;
  for (let at: u32 = 1; at < length; at++) {
    const byte = byteAt(member, at);
    if (isAlphanumeric(byte)) continue;
    if (byte != 0x5f && byte != 0x2d && byte != 0x2a && byte != 0x2f && byte != 0x40) return false;
  }
  return true;
}

/** 1 to 256 printable characters but `,` and `=`, the last one no space. */
function isValue(member: Bytes, start: u32): bool {
  const length = lengthOf(member) - start;
  if (length == 0 || length > MOST_KEY) return false;
  for (let at = start; at < lengthOf(member); at++) {
    const byte = byteAt(member, at);
    if (byte < 0x20 || byte > 0x7e || byte == 0x3d) return false;
  }
  return true;
}

function isAlphanumeric(byte: u8): bool {
  return <u32>(byte - 0x30) < 10 || <u32>(byte - 0x61) < 26;
}

const MOST_MEMBERS: u32 = 32;
/** Characters of the whole list that is passed on: what every vendor has to take. */
const MOST_BYTES: u32 = 512;
const LONG_MEMBER: u32 = 128;
/** Characters of a key, and of a value. */
const MOST_KEY: u32 = 256;
/** Bytes that a member takes while a list is read: its key and all of it. */
const KEPT: usize = 16;

// @ts-ignore: decorator
@lazy const OWN_KEY = literal("outrigger");
// @ts-ignore: decorator
@lazy const FORCED_VALUE = literal("f");
// @ts-ignore: decorator
@lazy const OWN_MEMBER = literal("outrigger=f");

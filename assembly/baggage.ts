import { arenaAllocate } from "./bytes/arena";
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
} from "./bytes/bytes";
import { decodesTo, ESCAPE, escapeAt, percentDecode, RequestView } from "./request-view";

/**
 * W3C Baggage: `name=value;property, name=value` in the header `baggage`, of which there can be several
 * (W3C Recommendation "Propagation format for distributed context: Baggage", §3). A member that is none is passed
 * over; the others count.
 */

/** The value of the first member of this name, percent-decoded, without its properties; {@link ABSENT} without one. */
export function baggageMember(request: RequestView, name: Bytes): Bytes {
  const header = request.headers.get(BAGGAGE);
  if (header == ABSENT) return ABSENT;
  for (let start: u32 = 0; start < lengthOf(header);) {
    const end = memberEnd(header, start);
    const value = valueOf(slice(header, start, end), name);
    if (value != ABSENT) return percentDecode(value);
    start = end + 1;
  }
  return ABSENT;
}

/** How many members have this name. */
export function countMembers(request: RequestView, name: Bytes): i32 {
  const header = request.headers.get(BAGGAGE);
  let count = 0;
  if (header == ABSENT) return count;
  for (let start: u32 = 0; start < lengthOf(header);) {
    const end = memberEnd(header, start);
    if (isMember(slice(header, start, end), name)) count++;
    start = end + 1;
  }
  return count;
}

/**
 * Makes `name` a member with this value, in place of all that were of this name, which {@link ABSENT} only removes. `value` must
 * need no escape. Costs a host call when something changes.
 */
export function setMember(request: RequestView, name: Bytes, value: Bytes): void {
  const header = request.headers.get(BAGGAGE);
  if (header == ABSENT) {
    if (value == ABSENT) return;
    const size = lengthOf(name) + 1 + lengthOf(value);
    const only = arenaAllocate(size);
    writeMember(only, name, value);
    request.headers.insert(BAGGAGE, bytesOf(only, size));
    return;
  }
  const room = arenaAllocate(lengthOf(header) + lengthOf(name) + lengthOf(value) + 2);
  let top = room;
  let removed = false;
  for (let start: u32 = 0; start < lengthOf(header);) {
    const end = memberEnd(header, start);
    const member = slice(header, start, end);
    if (isMember(member, name)) removed = true;
    else {
      if (top != room) store<u8>(top++, 0x2c);
      top += copyTo(top, member);
    }
    start = end + 1;
  }
  if (value != ABSENT) {
    if (top != room) store<u8>(top++, 0x2c);
    top = writeMember(top, name, value);
  } else if (!removed) return;
  if (top == room) request.headers.remove(BAGGAGE);
  else request.headers.set(BAGGAGE, bytesOf(room, <u32>(top - room)));
}

function writeMember(target: usize, name: Bytes, value: Bytes): usize {
  target += copyTo(target, name);
  store<u8>(target++, 0x3d);
  return target + copyTo(target, value);
}

/** Where the member that begins at `start` ends: no comma stands in one (`baggage-octet`, and so must a reader take it). */
function memberEnd(header: Bytes, start: u32): u32 {
  const comma = indexOfByte(header, 0x2c, start);
  return comma < 0 ? lengthOf(header) : comma;
}

/** The raw value of a member of this name, {@link ABSENT} for another. */
function valueOf(member: Bytes, name: Bytes): Bytes {
  const equal = indexOfByte(member, 0x3d);
  if (equal < 0 || !equals(trim(slice(member, 0, equal)), name)) return ABSENT;
  const properties = indexOfByte(member, 0x3b, equal);
  return trim(slice(member, equal + 1, properties < 0 ? lengthOf(member) : properties));
}

/**
 * Whether a member has this name, even if it is broken or its name is escaped: what a lenient reader behind us could
 * take for it. OpenTelemetry's for JavaScript decodes names, the one for Python then takes white space off them, as which
 * it also reads `+`.
 */
function isMember(member: Bytes, name: Bytes): bool {
  let end = lengthOf(member);
  const equal = indexOfByte(member, 0x3d);
  if (equal >= 0) end = equal;
  const properties = indexOfByte(member, 0x3b);
  if (properties >= 0 && <u32>properties < end) end = properties;
  const escaped = trim(slice(member, 0, end));
  return decodesTo(escaped, name) || decodesTo(trimBlank(escaped), name);
}

/** Without what somebody could take for white space at either end, escaped or not. */
function trimBlank(escaped: Bytes): Bytes {
  let start: u32 = 0;
  let end = lengthOf(escaped);
  while (start < end) {
    const escape = escapeAt(escaped, start);
    if (!isBlank(escape < 0 ? byteAt(escaped, start) : <u8>escape)) break;
    start += escape < 0 ? 1 : ESCAPE;
  }
  while (start < end) {
    // An escape has no `%` but its first byte: what looks like one at the end is one.
    const escape = end - start < ESCAPE ? -1 : escapeAt(escaped, end - ESCAPE);
    if (!isBlank(escape < 0 ? byteAt(escaped, end - 1) : <u8>escape)) break;
    end -= escape < 0 ? 1 : ESCAPE;
  }
  return slice(escaped, start, end);
}

/** Whether a byte can belong to white space, in ASCII, Latin-1 or UTF-8. Of a token's bytes only `+` can. */
function isBlank(byte: u8): bool {
  return byte <= 0x20 || byte >= 0x7f || byte == 0x2b;
}

// @ts-ignore: decorator
@lazy const BAGGAGE = literal("baggage");

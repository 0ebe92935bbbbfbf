import { ABSENT, byteAt, Bytes, equals, lengthOf, slice } from "./bytes/bytes";
import { HeaderView } from "./header-view";

/**
 * The values of a header one by one, where {@link HeaderView.get} joins them: as Envoy's RBAC filter matches them since CVE-2026-26308. Apart from the
 * view, since few modules need it.
 */

/** The change through the view whose value is next; 0 when only those that the host had are left. */
let change: usize = 0;
/** No value is left. */
let ended: bool = false;

/** Begins a walk over the values of a header, whose name is in lower case, in any order. One walk at a time, and no change meanwhile. */
export function beginValues(headers: HeaderView, name: Bytes): void {
  change = headers.changeOf(name);
  ended = false;
  headers.rewind();
}

/** The next value, or {@link ABSENT}. */
export function nextValue(headers: HeaderView, name: Bytes): Bytes {
  if (ended) return ABSENT;
  if (change == 0) return headers.next(name);
  const added = headers.addedBy(change);
  if (added != ABSENT) {
    change = headers.changeBefore(name, change);
    return added;
  }
  const value = load<Bytes>(change, 8);
  change = 0;
  ended = !isJoin(headers, name, value);
  if (ended) return value;
  headers.rewind();
  return headers.next(name);
}

/** Whether `text` is what all values that the host had make when joined: nobody has changed the header then. */
function isJoin(headers: HeaderView, name: Bytes, text: Bytes): bool {
  const length = lengthOf(text);
  let at: u32 = 0;
  let count = 0;
  headers.rewind();
  for (let value = headers.next(name); value != ABSENT; value = headers.next(name)) {
    // A comma; in a cookie a semicolon and a space.
    if (count++ > 0) at += at < length && byteAt(text, at) == 0x3b ? 2 : 1;
    const end = at + lengthOf(value);
    if (end > length || !equals(slice(text, at, end), value)) return false;
    at = end;
  }
  return count > 1 && at == length;
}

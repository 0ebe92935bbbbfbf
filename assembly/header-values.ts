import { ABSENT, Bytes } from "./bytes/bytes";
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
  ended = !headers.isJoined(change);
  change = 0;
  if (ended) return value;
  headers.rewind();
  return headers.next(name);
}

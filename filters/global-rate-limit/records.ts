import { BlockPool } from "../../assembly/block-pool";
import { Bytes, bytesOf, copyTo, lengthOf, pointerOf } from "../../assembly/bytes/bytes";

/** How it stands with a descriptor of a request. */
export enum State {
  /** To be asked about, with others. */
  Open,
  /** To be asked about alone: for a lease. */
  Lease,
  /** In the call that is out. */
  Asked,
  Admitted,
  /** Admitted by units of a lease. */
  Spent,
  Refused,
  /** The service was not asked, or gave no answer that can be used. */
  Failed,
}

/** A descriptor of a request. */
@unmanaged
export class Item {
  /** Keyed, of the descriptor's bytes; 0 where nobody needs it. */
  hash: u64;
  /** The serialized descriptor, while the callback lasts in which it was written. */
  bytes: Bytes;
  /** When the window ends in which units were spent; for {@link State.Spent}. */
  until: u64;
  /** The position of its limit in the configuration, and its own in the limit. */
  limit: u32;
  descriptor: u32;
  state: State;
  /** Units that are asked for. */
  units: u32;
  /** What the service says: requests a window (0: no limit), seconds of it, what remains, seconds until all is back. */
  requests: u32;
  window: u32;
  remaining: u32;
  reset: u32;
}

/**
 * Of a request that waits, or whose response is to get headers, or of what is fetched in the background; items, and then headers, follow in
 * its block. It belongs to the request and to the call that is out for it: the last of the two to end gives it back.
 */
@unmanaged
export class Record {
  /** The pool's own. */
  class: u32;
  /** Items. */
  count: u32;
  /** Bytes of headers behind them. */
  headers: u32;
  /** The response gets something. */
  tells: u32;
  /** A call is out for it. */
  isAsking: u32;
  /** Its request has ended, or there never was one. */
  hasEnded: u32;
  /** When the call that is out was sent. */
  sent: u64;
  /** The listener's. */
  direction: u32;
  unused: u32;
}

/** The item at this position of those that begin at `items`. */
export function itemAt(items: usize, at: u32): Item {
  return changetype<Item>(items + <usize>at * offsetof<Item>());
}

// @ts-ignore: decorator
@inline
export function itemsOf(record: Record): usize {
  return changetype<usize>(record) + offsetof<Record>();
}

/** Where the headers of a record begin: names and values, each with its length (u32) in front of it. */
export function headersOf(record: Record): usize {
  return itemsOf(record) + <usize>record.count * offsetof<Item>();
}

/** Writes a header behind those that a record has, for which there is room. */
export function addHeader(record: Record, name: Bytes, value: Bytes): void {
  let at = headersOf(record) + record.headers;
  store<u32>(at, lengthOf(name));
  at += 4 + copyTo(at + 4, name);
  store<u32>(at, lengthOf(value));
  copyTo(at + 4, value);
  record.headers += HEADER_ROOM + lengthOf(name) + lengthOf(value);
}

/** Bytes that a header takes beside name and value. */
export const HEADER_ROOM: u32 = 8;

/** The name of the header at `at`: any text with its length in front of it. */
export function textAt(at: usize): Bytes {
  return bytesOf(at + 4, load<u32>(at));
}

/** The value of the header at `at`. */
export function valueAt(at: usize): Bytes {
  return textAt(at + 4 + load<u32>(at));
}

/** Where the header at `at` ends. */
export function endOfHeader(at: usize): usize {
  const value = valueAt(at);
  return pointerOf(value) + lengthOf(value);
}

/** Records of a filter's requests. */
@final
export class Records {
  private readonly pool: BlockPool = new BlockPool();

  /** A record for so many items and bytes of headers; 0 when too many are in use. Its items are not written. */
  take(count: u32, headers: u32): usize {
    const block = this.pool.take(<u32>offsetof<Record>() + count * <u32>offsetof<Item>() + headers);
    if (block == 0) return 0;
    const record = changetype<Record>(block);
    record.count = count;
    record.headers = 0;
    record.tells = 0;
    record.isAsking = 0;
    record.hasEnded = 0;
    return block;
  }

  /** Whether a record has room for so many more bytes of headers. */
  hasRoom(record: Record, more: u32): bool {
    const used = <u32>(headersOf(record) - changetype<usize>(record)) + record.headers;
    return used + more <= this.pool.sizeOf(changetype<usize>(record));
  }

  giveBack(record: Record): void {
    this.pool.giveBack(changetype<usize>(record));
  }
}

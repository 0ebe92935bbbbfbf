import { BlockPool } from "../../assembly/block-pool";
import { Bytes, bytesOf, copyTo, lengthOf, slice } from "../../assembly/bytes/bytes";

/** Of {@link Record.flags}: something is remembered for the request. */
export const REMEMBERED: u32 = 1;
/** A span is to be told. */
export const SPAN: u32 = 2;
/** It is the caller's: of a request that goes out. */
export const CLIENT: u32 = 4;
/** It is gRPC, whose status is not HTTP's. */
export const GRPC: u32 = 8;
/** The request has ended, and what is remembered for it is still to be told so. */
export const ENDED: u32 = 16;

/** A request that is under way. Texts of its span follow in its block, each with its length (u16) in front. */
@unmanaged
export class Record {
  /** The pool's own. */
  block: u32;
  flags: u32;
  /** Its neighbours among the records of requests for which something is remembered; 0 for none. */
  next: u32;
  previous: u32;
  /** Of what is remembered: where, and until when at most. */
  hash: u64;
  deadline: u64;
  /** When the request began and, of one that has {@link ENDED}, when it ended, by the monotonic clock. */
  began: u64;
  ended: u64;
  high: u64;
  low: u64;
  span: u64;
  parent: u64;
  /** Bytes of the texts. */
  texts: u32;
  unused: u32;
}

/** Adds a text, of which so many bytes count, behind those that the record has; there is room for it. */
export function addText(record: Record, text: Bytes, most: u32): void {
  const length = min(lengthOf(text), most);
  const at = textsOf(record) + record.texts;
  store<u16>(at, <u16>length);
  copyTo(at + 2, slice(text, 0, length));
  record.texts += 2 + length;
}

/** Where the first text begins. */
// @ts-ignore: decorator
@inline
export function textsOf(record: Record): usize {
  return changetype<usize>(record) + offsetof<Record>();
}

export function textAt(at: usize): Bytes {
  return bytesOf(at + 2, load<u16>(at));
}

/** Where the text behind the one at `at` begins. */
export function afterText(at: usize): usize {
  return at + 2 + load<u16>(at);
}

/** The records of a filter, and the list of those for which something is remembered. */
@final
export class Records {
  private readonly pool: BlockPool = new BlockPool();
  /** The first of the list; 0 for none. */
  first: u32 = 0;

  /** A record with room for so many bytes of texts; 0 when too many are in use. */
  take(texts: u32): u32 {
    const block = this.pool.take(<u32>offsetof<Record>() + texts);
    if (block != 0) {
      // All but what is the pool's.
      memory.fill(block + 4, 0, offsetof<Record>() - 4);
    }
    return <u32>block;
  }

  /** Puts a record into the list. */
  list(record: Record): void {
    record.next = this.first;
    if (this.first != 0) changetype<Record>(this.first).previous = <u32>changetype<usize>(record);
    this.first = <u32>changetype<usize>(record);
  }

  /** Takes a record out of the list. */
  unlist(record: Record): void {
    if (record.next != 0) changetype<Record>(record.next).previous = record.previous;
    if (record.previous != 0) changetype<Record>(record.previous).next = record.next;
    else this.first = record.next;
  }

  giveBack(record: Record): void {
    this.pool.giveBack(changetype<usize>(record));
  }
}

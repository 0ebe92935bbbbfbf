import { HeaderMapTypeValues } from "../../../assembly/abi/values";
import { arenaAllocate } from "../../../assembly/bytes/arena";
import {
  ABSENT,
  Bytes,
  bytesOf,
  copyTo,
  equals,
  lengthOf,
  literal,
  pointerOf,
} from "../../../assembly/bytes/bytes";
import { utf8Of } from "../../../assembly/bytes/utf8";
import { getHeaderPairs } from "../../../assembly/host/headers";
import { PairsReader } from "../../../assembly/host/pairs";

/**
 * The request's headers as an authorization service is told of them (Envoy `check_request_utils.cc`): each name once, several values joined
 * by a comma (those of `cookie` too), pseudo headers among them, and each byte that is no UTF-8 as `!`.
 */
@final
export class MergedHeaders {
  private readonly reader: PairsReader = new PairsReader(ABSENT);
  private readonly others: PairsReader = new PairsReader(ABSENT);
  private pairs: Bytes = ABSENT;
  /** Bits of the names so far, by which most of them are seen to be new. */
  private seen: u64 = 0;
  private position: u32 = 0;
  name: Bytes = ABSENT;
  value: Bytes = ABSENT;

  /** Reads them anew: what filters have changed since the request came is in the host's map. */
  begin(): void {
    this.pairs = getHeaderPairs(HeaderMapTypeValues.RequestHeaders);
    this.reader.begin(this.pairs);
    this.seen = 0;
    this.position = 0;
  }

  /** Goes to the next name. False behind the last one. */
  next(): bool {
    const reader = this.reader;
    while (reader.next()) {
      const position = this.position++;
      const bit = (<u64>1) << (hashOf(reader.name) & 63);
      const isNew = (this.seen & bit) == 0 || !this.isBefore(reader.name, position);
      this.seen |= bit;
      if (!isNew || equals(reader.name, PARTIAL_BODY)) continue;
      this.name = reader.name;
      this.value = utf8Of(this.joined(reader.name, reader.value, position));
      return true;
    }
    return false;
  }

  private isBefore(name: Bytes, position: u32): bool {
    const others = this.others;
    others.begin(this.pairs);
    for (let at: u32 = 0; at < position && others.next(); at++) if (equals(others.name, name)) return true;
    return false;
  }

  private joined(name: Bytes, first: Bytes, position: u32): Bytes {
    const others = this.others;
    let size = lengthOf(first);
    let count: u32 = 0;
    others.begin(this.pairs);
    for (let at: u32 = 0; others.next(); at++) {
      if (at <= position || !equals(others.name, name)) continue;
      size += lengthOf(others.value) + 1;
      count++;
    }
    if (count == 0) return first;
    const start = arenaAllocate(size);
    let top = start + copyTo(start, first);
    others.begin(this.pairs);
    for (let at: u32 = 0; others.next(); at++) {
      if (at <= position || !equals(others.name, name)) continue;
      store<u8>(top++, 0x2c);
      top += copyTo(top, others.value);
    }
    return bytesOf(start, size);
  }
}

/** Differs where names do, more often than not. */
function hashOf(name: Bytes): u32 {
  const length = lengthOf(name);
  return length == 0 ? 0 : length * 5 + load<u8>(pointerOf(name) + length - 1);
}

/** A client's must not be taken for the proxy's word on the body. */
// @ts-ignore: decorator
@lazy const PARTIAL_BODY = literal("x-envoy-auth-partial-body");

import { arenaAllocate } from "./bytes/arena";
import {
  byteAt,
  Bytes,
  bytesOf,
  hexDigit,
  indexOfByte,
  lastIndexOfByte,
  lengthOf,
  slice,
} from "./bytes/bytes";
import { decimalTo } from "./bytes/decimal";
import { emptyList } from "./list";

/**
 * IP addresses and blocks of them, out of bytes that anybody may have sent. An address is 128 bits; an IPv4 address is
 * its IPv4-mapped IPv6 address (`::ffff:1.2.3.4`, RFC 4291 §2.5.5.2), so that both spellings are one address.
 */

/** The address that was parsed last. */
let high: u64 = 0;
let low: u64 = 0;

/** The upper half of an IPv4 address's lower 64 bits. */
const MAPPED: u64 = 0xffff;
/** The bits in front of an IPv4 address. */
const BEFORE_IPV4: u32 = 96;

/** Blocks of addresses in CIDR notation. */
@final
export class IpBlocks {
  /** For each block its address, in two parts, and the length of its prefix. */
  private readonly blocks: u64[] = emptyList<u64>();

  /** Adds a block, `10.0.0.0/8` or `2001:db8::/32`, or one address. Bits behind the prefix do not count. False when it is neither. */
  add(text: Bytes): bool {
    const slash = indexOfByte(text, 0x2f);
    if (!parseBare(slash < 0 ? text : slice(text, 0, slash))) return false;
    // An IPv6 address has a colon, even one that is IPv4-mapped.
    const before = indexOfByte(text, 0x3a) < 0 ? BEFORE_IPV4 : 0;
    const length = slash < 0 ? 128 - before : decimal(text, slash + 1, lengthOf(text), 128 - before);
    if (length < 0) return false;
    this.blocks.push(high);
    this.blocks.push(low);
    this.blocks.push(before + length);
    return true;
  }

  /**
   * Whether the address that was parsed last is in one of the blocks. IPv4 addresses are in IPv4 blocks alone, not in `::/0`
   * (Envoy `CidrRange::isInRange`).
   */
  hasParsed(): bool {
    const blocks = this.blocks;
    for (let at = 0, count = blocks.length; at < count; at += 3) {
      const length = <u32>unchecked(blocks[at + 2]);
      if (length < BEFORE_IPV4 && isIpv4()) continue;
      if (isWithin(unchecked(blocks[at]), unchecked(blocks[at + 1]), length)) return true;
    }
    return false;
  }

  /** The same, of blocks of IPv6 alone and an address that was written as one: an IPv4-mapped one is in `::/0` too, as Envoy has it. */
  hasParsedIpv6(): bool {
    const blocks = this.blocks;
    for (let at = 0, count = blocks.length; at < count; at += 3) {
      const length = <u32>unchecked(blocks[at + 2]);
      if (isWithin(unchecked(blocks[at]), unchecked(blocks[at + 1]), length)) return true;
    }
    return false;
  }
}

/** Whether the address that was parsed last begins with so many bits of this one. */
// @ts-ignore: decorator
@inline
function isWithin(blockHigh: u64, blockLow: u64, length: u32): bool {
  const upper = (blockHigh ^ high) & maskOf(length);
  const lower = (blockLow ^ low) & maskOf(length < 64 ? 0 : length - 64);
  return (upper | lower) == 0;
}

/** Parses an address as a proxy tells it: `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]`, `[::1]:80`, `fe80::1%eth0`. False when it is none. */
export function parseAddress(text: Bytes): bool {
  let start: u32 = 0;
  let end = lengthOf(text);
  if (end > 0 && byteAt(text, 0) == 0x5b) {
    start = 1;
    const bracket = lastIndexOfByte(text, 0x5d);
    if (bracket < 0) return false;
    end = bracket;
  } else {
    const colon = lastIndexOfByte(text, 0x3a);
    // The one colon of an IPv4 address; several are an IPv6 address without a port.
    if (colon >= 0 && indexOfByte(text, 0x3a) == colon) end = colon;
  }
  const zone = indexOfByte(text, 0x25);
  if (zone >= 0 && <u32>zone < end) end = zone;
  return end > start && parseBare(slice(text, start, end));
}

/** Parses an address and nothing else. */
function parseBare(text: Bytes): bool {
  high = 0;
  if (indexOfByte(text, 0x3a) < 0) {
    const address = parseIpv4(text, 0);
    low = (MAPPED << 32) | address;
    return address >= 0;
  }
  low = 0;
  const length = lengthOf(text);
  let at: u32 = 0;
  let groups: u32 = 0;
  /** Groups before `::`, and what they are. */
  let before: u32 = 9;
  let highBefore: u64 = 0;
  let lowBefore: u64 = 0;
  if (byteAt(text, 0) == 0x3a) {
    if (length < 2 || byteAt(text, 1) != 0x3a) return false;
    before = 0;
    at = 2;
  }
  while (at < length) {
    const start = at;
    let group: u64 = 0;
    for (; at < length; at++) {
      const digit = hexDigit(byteAt(text, at));
      if (digit < 0) break;
      group = (group << 4) | digit;
    }
    if (at < length && byteAt(text, at) == 0x2e) {
      const address = parseIpv4(text, start);
      if (address < 0) return false;
      append(address >>> 16);
      group = address & 0xffff;
      groups++;
      at = length;
    } else if (at == start || at - start > 4) return false;
    append(group);
    if (++groups > 8) return false;
    if (at == length) break;
    // A colon, and something behind it.
    if (byteAt(text, at) != 0x3a || ++at == length) return false;
    if (byteAt(text, at) == 0x3a) {
      if (before < 9) return false;
      before = groups;
      highBefore = high;
      lowBefore = low;
      high = low = 0;
      at++;
    }
  }
  if (before == 9) return groups == 8;
  for (let group = before; group < 8; group++) {
    highBefore = (highBefore << 16) | (lowBefore >>> 48);
    lowBefore <<= 16;
  }
  high |= highBefore;
  low |= lowBefore;
  return groups < 8;
}

/** Puts 16 bits behind the address. */
function append(group: u64): void {
  high = (high << 16) | (low >>> 48);
  low = (low << 16) | group;
}

/** The four numbers from `start` to the end as 32 bits, or -1. No leading zeros, which some take for octal (`inet_pton`). */
function parseIpv4(text: Bytes, start: u32): i64 {
  let address: i64 = 0;
  for (let part = 0; part < 4; part++) {
    const dot = indexOfByte(text, 0x2e, start);
    if (dot < 0 != (part == 3)) return -1;
    const end = dot < 0 ? lengthOf(text) : dot;
    const number = decimal(text, start, end, 255);
    if (number < 0) return -1;
    address = (address << 8) | number;
    start = end + 1;
  }
  return address;
}

/** The decimal number of up to three digits from `start` to `end`, or -1 when there is none up to `most`. */
function decimal(text: Bytes, start: u32, end: u32, most: i32): i32 {
  const digits = end - start;
  if (digits == 0 || digits > 3 || (digits > 1 && byteAt(text, start) == 0x30)) return -1;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = <u32>byteAt(text, at) - 0x30;
    if (digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value <= most ? value : -1;
}

function isIpv4(): bool {
  return high == 0 && low >>> 32 == MAPPED;
}

/** The first `length` of 64 bits. */
function maskOf(length: u32): u64 {
  return length == 0 ? 0 : length >= 64 ? u64.MAX_VALUE : ~(u64.MAX_VALUE >>> length);
}

/**
 * The text of the address that was parsed last, of which only a prefix counts: `10.1.0.0/16`, `2001:db8::/64`, without
 * the length where all of it counts. IPv6 as RFC 5952 has it. In the arena.
 */
export function maskedText(prefix4: u32, prefix6: u32): Bytes {
  // `xxxx:` eight times, `/128`.
  const start = arenaAllocate(48);
  let top = start;
  const ipv4 = isIpv4();
  const prefix = ipv4 ? BEFORE_IPV4 + prefix4 : prefix6;
  high &= maskOf(prefix);
  low &= maskOf(prefix < 64 ? 0 : prefix - 64);
  if (ipv4) {
    for (let shift = 24; shift >= 0; shift -= 8) {
      top = decimalTo(top, (low >>> shift) & 0xff);
      if (shift > 0) store<u8>(top++, 0x2e);
    }
  } else top = groupsTo(top);
  if (prefix < 128) {
    store<u8>(top++, 0x2f);
    top = decimalTo(top, ipv4 ? prefix4 : prefix6);
  }
  return bytesOf(start, <u32>(top - start));
}

/** Writes the eight groups of the address; `::` for the first longest run of zeros. */
function groupsTo(top: usize): usize {
  let run = 8;
  let longest = 1;
  for (let from = 0; from < 8; from++) {
    let to = from;
    while (to < 8 && groupAt(to) == 0) to++;
    if (to - from > longest) {
      longest = to - from;
      run = from;
    }
  }
  for (let at = 0; at < 8; at++) {
    if (at == run) {
      store<u16>(top, 0x3a3a);
      top += 2;
      at += longest - 1;
      continue;
    }
    if (at > 0 && at != run + longest) store<u8>(top++, 0x3a);
    const group = groupAt(at);
    for (let shift = group > 0xfff ? 12 : group > 0xff ? 8 : group > 0xf ? 4 : 0; shift >= 0; shift -= 4) {
      const digit = (group >>> shift) & 15;
      store<u8>(top++, <u8>(digit < 10 ? 0x30 + digit : 0x57 + digit));
    }
  }
  return top;
}

function groupAt(at: i32): u32 {
  return (<u32>((at < 4 ? high : low) >>> (48 - ((at & 3) << 4)))) & 0xffff;
}

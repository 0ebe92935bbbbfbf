/** IP addresses and blocks of them, by Node's parsers. */
import { isIP } from "node:net";

/** 128 bits; an IPv4 address is its IPv4-mapped IPv6 address. */
export interface Address {
  bits: bigint;
  isIpv4: boolean;
}

const MAPPED = 0xffffn << 32n;

/** The address in what a proxy tells: `1.2.3.4:80`, `[::1]:80`, with or without port. Null for anything else. */
export function addressOf(text: string): Address | null {
  const bare =
    /^\[(.*)\](?::\d*)?$/.exec(text)?.[1] ?? (isIP(text) === 6 ? text : text.replace(/:[^:]*$/, ""));
  return parse(bare.replace(/%.*$/, ""));
}

/** Whether an address is in `10.0.0.0/8`, `2001:db8::/32` or is the one address. */
export function isInBlock(address: Address, block: string): boolean {
  const [text = "", length] = block.split("/");
  const start = parse(text);
  if (start === null) throw new Error(`no block: ${block}`);
  const before = text.includes(":") ? 0 : 96;
  const prefix = length === undefined ? 128 : before + Number(length);
  if (prefix < 96 && address.isIpv4) return false;
  return (start.bits ^ address.bits) >> BigInt(128 - prefix) === 0n;
}

/** The address as text, of which only a prefix counts: `10.1.0.0/16`, `2001:db8::/64`; all of it without a length. */
export function maskedText({ bits, isIpv4 }: Address, prefix4: number, prefix6: number): string {
  const prefix = isIpv4 ? 96 + prefix4 : prefix6;
  const off = BigInt(128 - prefix);
  const masked = (bits >> off) << off;
  const length = prefix < 128 ? `/${isIpv4 ? prefix4 : prefix6}` : "";
  if (isIpv4) return `${[24n, 16n, 8n, 0n].map((shift) => (masked >> shift) & 0xffn).join(".")}${length}`;
  const groups = Array.from({ length: 8 }, (_, at) =>
    ((masked >> BigInt(112 - 16 * at)) & 0xffffn).toString(16),
  );
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1) + length;
}

function parse(text: string): Address | null {
  if (isIP(text) === 4) {
    const bits = text.split(".").reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
    return { bits: MAPPED | bits, isIpv4: true };
  }
  if (isIP(text) !== 6 || text.includes("%")) return null;
  // Node writes all addresses in one form: groups, and `::` once.
  const [front = "", back] = new URL(`http://[${text}]`).hostname.slice(1, -1).split("::");
  const groups = (part: string): string[] => (part === "" ? [] : part.split(":"));
  const first = groups(front);
  const last = groups(back ?? "");
  const zeros = Array<string>(8 - first.length - last.length).fill("0");
  const bits = [...first, ...zeros, ...last].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
  return { bits, isIpv4: bits >> 32n === 0xffffn };
}

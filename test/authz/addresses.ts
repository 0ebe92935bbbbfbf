/** Blocks of addresses as Envoy's `CidrRange` has them. */
import { addressOf } from "../fuzz/address-model.ts";

/**
 * Whether an address, with a port perhaps, is in a block, or is the one address. The two families never meet: an IPv4 address inside an IPv6 one is in no block of
 * IPv4. Throws for what is no block.
 */
export function inBlock(address: string, block: string): boolean {
  const [start = "", length] = block.split("/");
  const left = addressOf(start);
  const right = addressOf(address);
  if (left === null) throw new Error(`no block: ${block}`);
  const isIpv6 = start.includes(":");
  if (right === null || isIpv6 === /^[\d.]+(:\d+)?$/.test(address)) return false;
  const size = isIpv6 ? 128 : 32;
  return (left.bits ^ right.bits) >> BigInt(size - Number(length ?? size)) === 0n;
}

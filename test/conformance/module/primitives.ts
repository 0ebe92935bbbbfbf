/** `structToJson` as a module of its own, without a host, and what else a request may use without an allocation. */
import { arenaAllocate, resetArena } from "../../../assembly/bytes/arena";
import { ABSENT, bytesOf, lengthOf, pointerOf } from "../../../assembly/bytes/bytes";
import { hexTo } from "../../../assembly/bytes/hex";
import { sha256, SHA256_SIZE } from "../../../assembly/bytes/sha256";
import { sipHash } from "../../../assembly/bytes/siphash";
import { structToJson } from "../../../assembly/json/struct-json";
import { isSecretHeader } from "../../../assembly/secrets";

let json = ABSENT;

/** Where `size` bytes of a message go. What was there before is gone. */
export function room(size: u32): usize {
  resetArena();
  return arenaAllocate(size);
}

/** Where the JSON text begins; 0 when there is none. */
export function write(message: usize, length: u32, maxBytes: u32, maxDepth: u32): usize {
  json = structToJson(bytesOf(message, length), maxBytes, maxDepth);
  return pointerOf(json);
}

export function written(): u32 {
  return lengthOf(json);
}

/** Everything else, of the same bytes: a number that hangs on all of it. */
export function others(start: usize, length: u32): u64 {
  const bytes = bytesOf(start, length);
  const digest = arenaAllocate(3 * SHA256_SIZE);
  sha256(bytes, digest);
  const digits = hexTo(bytesOf(digest, SHA256_SIZE), digest + SHA256_SIZE);
  return sipHash(digits, isSecretHeader(bytes) ? 1 : 0, 0);
}

import { ABSENT, Bytes, bytesOf, equals, lengthOf, pointerOf, slice } from "../../../assembly/bytes/bytes";
import { sipHash } from "../../../assembly/bytes/siphash";
import { RandomNumbers } from "../../../assembly/random";
import { issuerOfToken, ruleOfToken, sizeOfToken, textOfToken, versionOfToken } from "./verified-token";

/** Tokens that are kept in a VM, over all its plugins and configurations: what belongs to one that is gone gives way like any other. */
const SETS: u32 = 256;
const WAYS: u32 = 4;
/** Bytes of all of them. */
const MOST_BYTES: u32 = 2 * 1024 * 1024;
/** A larger one is verified each time. */
const MOST_OF_ONE: u32 = 16 * 1024;
/** How many slots are looked at to make room in bytes. */
const MOST_FREED: u32 = 64;
/** Of a token's end, which is its signature, in bytes. */
const HASHED: u32 = 64;
/** A slot: the hash, the block (0 for none), and whether it was of use since somebody looked for room. */
const SLOT: usize = 16;
const BLOCK: usize = 8;
const USED: usize = 12;

/**
 * Verified tokens by their text. A token is found by a keyed hash, and is then compared whole: with its text, the rule that verified it, and the
 * version of the keys. The hash is of the token's end: of two tokens that are both right, signatures differ; a client that sends wrong ones
 * with a right one's end finds an entry and is told apart by the text. Who does not know the hash's key cannot find out byte by byte what is in
 * here: up to the comparison come only tokens whose last {@link HASHED} bytes have the hash of one that is.
 */
@final
export class TokenCache {
  private slots: usize = 0;
  private key0: u64 = 0;
  private key1: u64 = 0;
  /** The token that was looked for last in this callback, and its hash: rules that share a place look for the same one. */
  private lastText: Bytes = ABSENT;
  private lastHash: u64 = 0;
  /** Bytes of all that is in here. */
  private bytes: u32 = 0;
  private sweep: u32 = 0;
  /** Blocks that are to be freed; each begins with the address of the next. */
  private gone: usize = 0;
  /** Of the last {@link find} that found the token for another rule alone: its issuer, as verified there. {@link ABSENT} otherwise. */
  otherIssuer: Bytes = ABSENT;
  /** The same, but the token has no issuer. */
  isKnown: bool = false;

  /** Draws the key, while a configuration is read. False when the host has no random bytes. */
  prepare(): bool {
    if (this.slots != 0) return true;
    const random = RandomNumbers.seeded();
    if (random == null) return false;
    this.key0 = random.next();
    this.key1 = random.next();
    this.slots = heap.alloc(SETS * WAYS * SLOT);
    memory.fill(this.slots, 0, SETS * WAYS * SLOT);
    return true;
  }

  /** To be called in each callback before the first {@link find}. What was found before is not to be used any more. */
  begin(): void {
    // Addresses mean something else in another callback.
    this.lastText = ABSENT;
    while (this.gone != 0) {
      const block = this.gone;
      this.gone = load<usize>(block);
      heap.free(block);
    }
  }

  /** The block of a token that this rule has verified with keys of this version; 0 when it has not, or it is not known any more. */
  find(text: Bytes, rule: u32, version: u32): usize {
    this.isKnown = false;
    this.otherIssuer = ABSENT;
    const hash = this.hashOf(text);
    const set = this.setOf(hash);
    for (let slot = set; slot < set + WAYS * SLOT; slot += SLOT) {
      const block = load<usize>(slot, BLOCK);
      if (block == 0 || load<u64>(slot) != hash || !equals(textOfToken(block), text)) continue;
      if (ruleOfToken(block) != rule) {
        this.isKnown = true;
        this.otherIssuer = issuerOfToken(block);
      } else if (versionOfToken(block) == version) {
        store<u32>(slot, 1, USED);
        return block;
      } else this.free(slot);
    }
    return 0;
  }

  /** Keeps a copy of the block, if there is room: the place of one that was not of use lately. Answers where the token's block is then. */
  add(block: usize): usize {
    const size = sizeOfToken(block);
    if (size > MOST_OF_ONE || !this.makeRoom(size)) return block;
    const hash = this.hashOf(textOfToken(block));
    const slot = this.slotFor(hash);
    const copy = heap.alloc(size);
    memory.copy(copy, block, size);
    this.bytes += size;
    store<u64>(slot, hash);
    store<usize>(slot, copy, BLOCK);
    store<u32>(slot, 0, USED);
    return copy;
  }

  /** A slot that is empty. */
  private slotFor(hash: u64): usize {
    const set = this.setOf(hash);
    for (let slot = set; slot < set + WAYS * SLOT; slot += SLOT)
      if (load<usize>(slot, BLOCK) == 0) return slot;
    // Second chance: whoever was of use stays this time, unless all were.
    let chosen = set;
    for (let slot = set; slot < set + WAYS * SLOT; slot += SLOT) {
      if (load<u32>(slot, USED) == 0) chosen = slot;
      store<u32>(slot, 0, USED);
    }
    this.free(chosen);
    return chosen;
  }

  private makeRoom(size: u32): bool {
    for (let looked: u32 = 0; this.bytes + size > MOST_BYTES && looked < MOST_FREED; looked++) {
      this.sweep = (this.sweep + 1) & (SETS * WAYS - 1);
      const slot = this.slots + <usize>this.sweep * SLOT;
      if (load<usize>(slot, BLOCK) != 0) this.free(slot);
    }
    return this.bytes + size <= MOST_BYTES;
  }

  private free(slot: usize): void {
    const block = load<usize>(slot, BLOCK);
    this.bytes -= sizeOfToken(block);
    // The request at hand may have found it before it has to make room.
    store<usize>(block, this.gone);
    this.gone = block;
    store<usize>(slot, 0, BLOCK);
  }

  private setOf(hash: u64): usize {
    return this.slots + <usize>((<u32>hash) & (SETS - 1)) * WAYS * SLOT;
  }

  private hashOf(text: Bytes): u64 {
    if (text != this.lastText || text == ABSENT) {
      const length = lengthOf(text);
      const end = length > HASHED ? slice(text, length - HASHED, length) : bytesOf(pointerOf(text), length);
      this.lastHash = sipHash(end, this.key0, this.key1);
      this.lastText = text;
    }
    return this.lastHash;
  }
}

/** The one of this VM. */
// @ts-ignore: decorator
@lazy export const tokenCache = new TokenCache();

import { arenaAllocate, arenaCopy, lowerCase, resetArena } from "../../assembly/bytes/arena";
import { ABSENT, lengthOf, pointerOf } from "../../assembly/bytes/bytes";
import { same } from "./same";
import { bytes, text } from "./texts";

const CHUNK: usize = 64 * 1024;

describe("arena that was never used", () => {
  it("has an address for no bytes at all, so that an empty copy is not an absent one", () => {
    expect(arenaCopy(8, 0)).not.toBe(ABSENT);
  });
});

describe("arena", () => {
  beforeEach(() => {
    resetArena();
  });

  it("answers addresses that are multiples of 8 for every size", () => {
    for (let size: usize = 0; size < 100; size++) {
      same<usize>(arenaAllocate(size) & 7, 0);
    }
  });

  it("never gives a byte twice before a reset", () => {
    let last: usize = 0;
    for (let size: usize = 1; size < 200; size++) {
      const start = arenaAllocate(size);
      memory.fill(start, <u8>size, size);
      if (last != 0) same(load<u8>(last + size - 2), <u8>(size - 1));
      last = start;
    }
  });

  it("gives the same addresses again after a reset", () => {
    const first = arenaAllocate(24);
    arenaAllocate(1000);
    resetArena();
    expect(arenaAllocate(24)).toBe(first);
  });

  it("serves what is left in the first chunk, and then from another chunk", () => {
    const first = arenaAllocate(CHUNK - 16);
    expect(arenaAllocate(8)).toBe(first + CHUNK - 16);
    const beyond = arenaAllocate(8);
    expect(beyond < first || beyond >= first + CHUNK).toBe(true);
    memory.fill(beyond, 1, 8);
  });

  it("serves allocations larger than a chunk, whole and apart from others", () => {
    const large = arenaAllocate(10 * CHUNK + 3);
    memory.fill(large, 0xaa, 10 * CHUNK + 3);
    const next = arenaAllocate(16);
    store<u64>(next, 0);
    store<u64>(next, 0, 8);
    let kept = true;
    for (let at: usize = 0; at < 10 * CHUNK + 3; at++) kept = kept && load<u8>(large + at) == 0xaa;
    expect(kept).toBe(true);
    expect(large & 7).toBe(0);
    expect(next & 7).toBe(0);
  });

  it("keeps what stood in the first chunk when further ones come", () => {
    const first = arenaAllocate(32);
    memory.fill(first, 0x11, 32);
    for (let i = 0; i < 20; i++) memory.fill(arenaAllocate(CHUNK / 2 + 1), 0xee, CHUNK / 2 + 1);
    for (let at: usize = 0; at < 32; at++) same(load<u8>(first + at), 0x11);
  });

  it("frees further chunks at the reset: memory does not grow with the number of callbacks", () => {
    for (let i = 0; i < 3; i++) {
      arenaAllocate(4 * CHUNK);
      arenaAllocate(CHUNK);
      arenaAllocate(3 * CHUNK);
      resetArena();
    }
    const pages = memory.size();
    for (let i = 0; i < 1000; i++) {
      arenaAllocate(4 * CHUNK);
      arenaAllocate(CHUNK);
      arenaAllocate(3 * CHUNK);
      resetArena();
    }
    expect(memory.size()).toBe(pages);
  });

  it("goes on in the first chunk after a reset that freed further ones", () => {
    const first = arenaAllocate(8);
    arenaAllocate(2 * CHUNK);
    resetArena();
    expect(arenaAllocate(8)).toBe(first);
    expect(arenaAllocate(CHUNK - 16)).toBe(first + 8);
  });

  it("traps rather than answers an address for a size that wraps around", () => {
    expect(() => {
      arenaAllocate(usize.MAX_VALUE);
    }).toThrow();
    expect(() => {
      arenaAllocate(usize.MAX_VALUE - 7);
    }).toThrow();
    expect(() => {
      arenaAllocate(usize.MAX_VALUE - 8);
    }).toThrow();
  });

  it("copies bytes, so that a change of the original does not show", () => {
    const original = bytes("value");
    const copy = arenaCopy(pointerOf(original), lengthOf(original));
    store<u8>(pointerOf(original), 0x58);
    expect(text(copy)).toBe("value");
  });

  it("answers the bytes themselves in lower case when they have no capitals", () => {
    const lower = bytes("already-lower[`{@");
    expect(lowerCase(lower)).toBe(lower);
    const empty = bytes("");
    expect(lowerCase(empty)).toBe(empty);
  });

  it("answers a copy in lower case otherwise, and folds nothing but A to Z", () => {
    const mixed = bytes("AZ[@`{-É");
    expect(text(lowerCase(mixed))).toBe("az[@`{-É");
    expect(text(mixed)).toBe("AZ[@`{-É");
  });
});

import { bytesOf, pointerOf } from "../../assembly/bytes/bytes";
import { hashBytes } from "../../assembly/bytes/hash";
import { same } from "./same";
import { bytes } from "./texts";

describe("the hash for tables", () => {
  it("depends on the bytes and not on where they stand", () => {
    const block = heap.alloc(64);
    for (let offset: usize = 0; offset < 16; offset++) {
      const key = bytes("a key of twenty-four byt");
      memory.copy(block + offset, pointerOf(key), 24);
      same(hashBytes(bytesOf(block + offset, 24)), hashBytes(key));
    }
  });

  it("does not look beyond the end", () => {
    const block = heap.alloc(64);
    for (let length: u32 = 0; length < 40; length++) {
      memory.fill(block, 0x61, 64);
      const before = hashBytes(bytesOf(block, length));
      memory.fill(block + length, 0x62, 64 - length);
      same(hashBytes(bytesOf(block, length)), before, `length ${length}`);
    }
  });

  it("differs when any one bit of a key of any length up to 40 differs", () => {
    const block = heap.alloc(64);
    for (let length: u32 = 1; length <= 40; length++) {
      memory.fill(block, 0x61, 64);
      const before = hashBytes(bytesOf(block, length));
      for (let bit: u32 = 0; bit < length * 8; bit++) {
        const at = block + (bit >>> 3);
        const flip = (<u32>1) << (bit & 7);
        store<u8>(at, <u8>((<u32>load<u8>(at)) ^ flip));
        same(hashBytes(bytesOf(block, length)) != before, true, `length ${length}, bit ${bit}`);
        store<u8>(at, <u8>((<u32>load<u8>(at)) ^ flip));
      }
    }
  });

  it("differs for runs of one byte of different lengths", () => {
    const block = heap.alloc(64);
    memory.fill(block, 0, 64);
    const seen = new Set<u32>();
    for (let length: u32 = 0; length <= 64; length++) seen.add(hashBytes(bytesOf(block, length)));
    expect(seen.size).toBe(65);
  });

  it("spreads names that count up over the lower bits, which tables use", () => {
    const buckets = new StaticArray<i32>(1024);
    for (let i = 0; i < 16384; i++) buckets[<i32>(hashBytes(bytes(`user-${i}@example.com`)) & 1023)]++;
    let fullest = 0;
    for (let at = 0; at < 1024; at++) fullest = max(fullest, buckets[at]);
    // 16 on average; 48 in one of 1024 would be 8 standard deviations.
    expect(fullest < 48).toBe(true, `fullest ${fullest}`);
  });
});

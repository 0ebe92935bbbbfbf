import { ByteMap } from "../../assembly/bytes/byte-map";
import { ABSENT, bytesOf, pointerOf } from "../../assembly/bytes/bytes";
import { hashBytes } from "../../assembly/bytes/hash";
import { Random } from "./random";
import { same } from "./same";
import { bytes, text } from "./texts";

describe("ByteMap", () => {
  it("holds nothing at first", () => {
    const map = new ByteMap();
    expect(map.size).toBe(0);
    expect(map.get(bytes("a"))).toBe(-1);
    expect(map.has(bytes(""))).toBe(false);
    expect(map.firstKey()).toBe(ABSENT);
  });

  it("answers what was set last for a key", () => {
    const map = new ByteMap();
    map.set(bytes("a"), 1);
    map.set(bytes("b"), 2);
    map.set(bytes("a"), 3);
    expect(map.get(bytes("a"))).toBe(3);
    expect(map.get(bytes("b"))).toBe(2);
    expect(map.size).toBe(2);
  });

  it("takes the empty key, whose value may be 0", () => {
    const map = new ByteMap();
    map.set(bytes(""), 0);
    expect(map.has(bytes(""))).toBe(true);
    expect(map.get(bytes(""))).toBe(0);
    expect(map.has(bytes("\0"))).toBe(false);
  });

  it("copies its keys", () => {
    const map = new ByteMap();
    const key = bytes("key");
    map.set(key, 7);
    store<u8>(pointerOf(key), 0x58);
    expect(map.get(bytes("key"))).toBe(7);
    expect(map.get(key)).toBe(-1);
  });

  it("tells keys apart that differ in the last byte only, at every length", () => {
    const map = new ByteMap();
    for (let length = 1; length <= 40; length++) {
      map.set(bytes("x".repeat(length - 1) + "a"), length);
      map.set(bytes("x".repeat(length - 1) + "b"), 1000 + length);
    }
    for (let length = 1; length <= 40; length++) {
      same(map.get(bytes("x".repeat(length - 1) + "a")), length);
      same(map.get(bytes("x".repeat(length - 1) + "b")), 1000 + length);
      same(map.get(bytes("x".repeat(length - 1) + "c")), -1);
    }
  });

  it("tells keys apart of which one begins the other", () => {
    const map = new ByteMap();
    for (let length = 0; length < 64; length++) map.set(bytes("a".repeat(length)), length);
    for (let length = 0; length < 64; length++) same(map.get(bytes("a".repeat(length))), length);
    expect(map.size).toBe(64);
  });

  it("finds all keys whose places collide", () => {
    // All of these want the same one of the first 16 slots.
    const map = new ByteMap(8, 8);
    let placed = 0;
    for (let i = 0; placed < 200; i++) {
      const key = bytes(`k${i}`);
      if ((hashBytes(key) & 15) == 3) map.set(key, placed++);
    }
    let checked = 0;
    for (let i = 0; checked < 200; i++) {
      const key = bytes(`k${i}`);
      if ((hashBytes(key) & 15) != 3) continue;
      same(map.get(key), checked++);
    }
    expect(map.size).toBe(200);
  });

  it("agrees with a Map through 20,000 random steps and all its growth (seed 7)", () => {
    const random = new Random(7);
    const map = new ByteMap(1, 1);
    const model = new Map<string, i32>();
    for (let step = 0; step < 20000; step++) {
      const key = "k" + random.below(6000).toString() + "y".repeat(random.below(3));
      if (random.once(2)) {
        map.set(bytes(key), step);
        model.set(key, step);
      }
      const expected = model.has(key) ? model.get(key) : -1;
      same(map.get(bytes(key)), expected);
      same(map.has(bytes(key)), expected >= 0);
    }
    expect(map.size).toBe(<u32>model.size);
    expect(model.size > 4000).toBe(true);
  });

  it("walks its keys in the order in which they came, each once", () => {
    const map = new ByteMap(1, 1);
    for (let i = 0; i < 1000; i++) {
      map.set(bytes("z".repeat(i % 9) + `${i}`), i);
      map.set(bytes("z".repeat((i / 2) % 9) + `${i / 2}`), i);
    }
    let key = map.firstKey();
    for (let i = 0; i < 1000; i++) {
      same(text(key), "z".repeat(i % 9) + `${i}`);
      key = map.keyAfter(key);
    }
    expect(key).toBe(ABSENT);
  });

  it("walks over the empty key too", () => {
    const map = new ByteMap();
    map.set(bytes("a"), 0);
    map.set(bytes(""), 0);
    map.set(bytes("b"), 0);
    const second = map.keyAfter(map.firstKey());
    expect(text(second)).toBe("");
    expect(text(map.keyAfter(second))).toBe("b");
    expect(map.keyAfter(map.keyAfter(second))).toBe(ABSENT);
  });

  it("holds 100,000 names in little more room than they need", () => {
    const map = new ByteMap(100000, 1200000);
    const name = heap.alloc(16);
    for (let i = 0; i < 100000; i++) {
      store<u64>(name, 0x3030303030303030);
      store<u32>(name, <u32>i, 8);
      map.set(bytesOf(name, 12), i);
    }
    expect(map.size).toBe(100000);
    let right = true;
    for (let i = 0; i < 100000; i++) {
      store<u32>(name, <u32>i, 8);
      right = right && map.get(bytesOf(name, 12)) == i;
    }
    expect(right).toBe(true);
    store<u32>(name, 100000, 8);
    expect(map.get(bytesOf(name, 12))).toBe(-1);
  });
});

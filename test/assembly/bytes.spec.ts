import {
  ABSENT,
  byteAt,
  Bytes,
  bytesOf,
  endsWith,
  equals,
  hasUpperCase,
  hexDigit,
  indexOf,
  indexOfByte,
  lastIndexOfByte,
  lengthOf,
  literal,
  lowerByte,
  lowerTo,
  pointerOf,
  release,
  retain,
  sameRun,
  slice,
  startsWith,
  textOf,
  trim,
} from "../../assembly/bytes/bytes";
import { Keeper } from "../../assembly/bytes/keeper";
import { Random } from "./random";
import { same } from "./same";
import { bytes, text } from "./texts";

/** The first position of `needle` in `view`, byte by byte. */
function walkedIndexOf(view: Bytes, needle: Bytes): i32 {
  const length = lengthOf(view);
  const wanted = lengthOf(needle);
  for (let at: u32 = 0; at + wanted <= length; at++) {
    let same = true;
    for (let i: u32 = 0; i < wanted; i++) same = same && byteAt(view, at + i) == byteAt(needle, i);
    if (same) return at;
  }
  return -1;
}

describe("a view of bytes", () => {
  it("holds pointer and length, also of the highest addresses", () => {
    const view = bytesOf(0xfffffff0, 0x8fffffff);
    expect(pointerOf(view)).toBe(0xfffffff0);
    expect(lengthOf(view)).toBe(0x8fffffff);
  });

  it("of no bytes is not absent", () => {
    expect(bytes("")).not.toBe(ABSENT);
    expect(literal("")).not.toBe(ABSENT);
    expect(slice(bytes("x"), 1, 1)).not.toBe(ABSENT);
  });

  it("slices from start up to end", () => {
    expect(text(slice(bytes("abcdef"), 2, 4))).toBe("cd");
    expect(text(slice(bytes("abcdef"), 0, 6))).toBe("abcdef");
    expect(text(slice(bytes("abcdef"), 6, 6))).toBe("");
  });
});

describe("comparison", () => {
  it("sees a difference at each position of runs of every length up to 40", () => {
    const left = heap.alloc(64);
    const right = heap.alloc(64);
    for (let length: u32 = 0; length <= 40; length++) {
      memory.fill(left, 0x61, 64);
      memory.fill(right, 0x61, 64);
      same(sameRun(left, right, length), true);
      for (let at: u32 = 0; at < 42; at++) {
        store<u8>(right + at, 0x62);
        same(sameRun(left, right, length), at >= length, `length ${length}, difference at ${at}`);
        store<u8>(right + at, 0x61);
      }
    }
  });

  it("does not call two values equal of which one begins the other", () => {
    expect(equals(bytes("value"), bytes("values"))).toBe(false);
    expect(equals(bytes(""), bytes("v"))).toBe(false);
    expect(equals(bytes("value"), bytes("value"))).toBe(true);
    expect(equals(bytes(""), bytes(""))).toBe(true);
  });

  it("finds prefixes and suffixes, the whole value and nothing among them", () => {
    expect(startsWith(bytes("/v1/users"), bytes("/v1/"))).toBe(true);
    expect(startsWith(bytes("/v1/users"), bytes("/v1/users"))).toBe(true);
    expect(startsWith(bytes("/v1/users"), bytes(""))).toBe(true);
    expect(startsWith(bytes("/v1"), bytes("/v1/"))).toBe(false);
    expect(startsWith(bytes("/v2/users"), bytes("/v1/"))).toBe(false);
    expect(endsWith(bytes("/v1/users"), bytes("users"))).toBe(true);
    expect(endsWith(bytes("/v1/users"), bytes("/v1/users"))).toBe(true);
    expect(endsWith(bytes("users"), bytes("/users"))).toBe(false);
    expect(endsWith(bytes("/v1/users"), bytes("user"))).toBe(false);
    expect(endsWith(bytes("users"), bytes(""))).toBe(true);
  });
});

describe("search", () => {
  it("finds the first byte at or behind a position", () => {
    const view = bytes("a=b=c");
    expect(indexOfByte(view, 0x3d)).toBe(1);
    expect(indexOfByte(view, 0x3d, 1)).toBe(1);
    expect(indexOfByte(view, 0x3d, 2)).toBe(3);
    expect(indexOfByte(view, 0x3d, 4)).toBe(-1);
    expect(indexOfByte(view, 0x3d, 99)).toBe(-1);
    expect(indexOfByte(bytes(""), 0x3d)).toBe(-1);
  });

  it("does not look beyond the end", () => {
    expect(indexOfByte(slice(bytes("abc="), 0, 3), 0x3d)).toBe(-1);
    expect(indexOf(slice(bytes("needle"), 0, 5), bytes("needle"))).toBe(-1);
  });

  it("finds the last byte", () => {
    expect(lastIndexOfByte(bytes("a=b=c"), 0x3d)).toBe(3);
    expect(lastIndexOfByte(bytes("=abc"), 0x3d)).toBe(0);
    expect(lastIndexOfByte(bytes("abc"), 0x3d)).toBe(-1);
    expect(lastIndexOfByte(bytes(""), 0x3d)).toBe(-1);
  });

  it("finds what a walk over all positions finds (seed 11)", () => {
    const random = new Random(11);
    let found = 0;
    for (let i = 0; i < 5000; i++) {
      let hay = "";
      for (let at = random.below(30); at > 0; at--) hay += random.once(2) ? "a" : "b";
      let needle = "";
      for (let at = random.below(12); at > 0; at--) needle += random.once(2) ? "a" : "b";
      const view = bytes(hay);
      const wanted = bytes(needle);
      const expected = walkedIndexOf(view, wanted);
      if (expected > 0) found++;
      same(indexOf(view, wanted), expected, `"${needle}" in "${hay}"`);
    }
    expect(found > 500).toBe(true);
  });
});

describe("trim", () => {
  it("takes spaces and tabs from both ends and nothing else", () => {
    expect(text(trim(bytes(" \t a b\t ")))).toBe("a b");
    expect(text(trim(bytes("a")))).toBe("a");
    expect(text(trim(bytes("\na\r")))).toBe("\na\r");
  });

  it("leaves nothing of white space alone, but not an absent value", () => {
    expect(lengthOf(trim(bytes(" \t ")))).toBe(0);
    expect(trim(bytes("  "))).not.toBe(ABSENT);
    expect(lengthOf(trim(bytes("")))).toBe(0);
  });
});

describe("case", () => {
  it("is folded for A to Z and for no other byte", () => {
    for (let byte: u32 = 0; byte < 256; byte++) {
      const upper = byte >= 0x41 && byte <= 0x5a;
      same(<u32>lowerByte(<u8>byte), upper ? byte + 32 : byte);
      const one = bytesOf(heap.alloc(1), 1);
      store<u8>(pointerOf(one), <u8>byte);
      same(hasUpperCase(one), upper);
    }
  });

  it("is folded into a target of one's own", () => {
    const target = heap.alloc(8);
    const folded = lowerTo(bytes("X-User"), target);
    expect(pointerOf(folded)).toBe(target);
    expect(text(folded)).toBe("x-user");
  });
});

describe("hexadecimal digits", () => {
  it("have their value in both cases, and no other byte has one", () => {
    for (let byte: i32 = 0; byte < 256; byte++) {
      let expected = -1;
      if (byte >= 0x30 && byte <= 0x39) expected = byte - 0x30;
      if (byte >= 0x41 && byte <= 0x46) expected = byte - 0x41 + 10;
      if (byte >= 0x61 && byte <= 0x66) expected = byte - 0x61 + 10;
      same(hexDigit(<u8>byte), expected, `byte ${byte}`);
    }
  });
});

describe("copies", () => {
  it("that are retained do not change with the original", () => {
    const original = bytes("value");
    const copy = retain(original);
    store<u8>(pointerOf(original), 0x58);
    expect(textOf(copy)).toBe("value");
    release(copy);
  });

  it("of nothing can be released", () => {
    release(ABSENT);
    release(retain(bytes("")));
    expect(retain(bytes(""))).not.toBe(ABSENT);
  });

  it("in a keeper stay as they are whatever comes behind them, and whatever their size", () => {
    const keeper = new Keeper();
    const kept: Bytes[] = [];
    const random = new Random(5);
    const texts: string[] = [];
    for (let i = 0; i < 400; i++) {
      const word = `${i}:` + "x".repeat(random.once(20) ? 4000 + random.below(3000) : random.below(60));
      texts.push(word);
      kept.push(i % 2 == 0 ? keeper.keep(bytes(word)) : keeper.keepText(word));
    }
    for (let i = 0; i < 400; i++) same(textOf(kept[i]), texts[i]);
  });

  it("in a keeper can be empty without being absent", () => {
    const keeper = new Keeper();
    expect(keeper.keep(bytes(""))).not.toBe(ABSENT);
    expect(keeper.keepText("")).not.toBe(ABSENT);
    expect(text(keeper.keepLowerCase(bytes("X-Forwarded-For")))).toBe("x-forwarded-for");
  });
});

import { Bytes, bytesOf, pointerOf } from "../../assembly/bytes/bytes";
import { decimalTo } from "../../assembly/bytes/decimal";
import { hexDigitsTo, parsedHex, parseHex } from "../../assembly/bytes/hex";
import { isTokenByte } from "../../assembly/bytes/token";
import { Random } from "./random";
import { same } from "./same";
import { bytes, text } from "./texts";

const ROOM = heap.alloc(32);
const random = new Random(1);

function hex(value: u64, digits: u32): string {
  return text(bytesOf(ROOM, <u32>(hexDigitsTo(ROOM, value, digits) - ROOM)));
}

function decimal(value: u64): string {
  return text(bytesOf(ROOM, <u32>(decimalTo(ROOM, value) - ROOM)));
}

describe("hexadecimal digits of a number", () => {
  it("are those of its lowest half bytes", () => {
    same(hex(0x0123456789abcdef, 16), "0123456789abcdef");
    same(hex(0xfedcba9876543210, 16), "fedcba9876543210");
    same(hex(0, 16), "0000000000000000");
    same(hex(0xffffffffffffffff, 16), "ffffffffffffffff");
    same(hex(0x0123456789abcdef, 8), "89abcdef");
    same(hex(0xfa, 2), "fa");
    same(hex(5, 1), "5");
  });

  it("come back as the number", () => {
    for (let round = 0; round < 1000; round++) {
      const value = random.next();
      hexDigitsTo(ROOM, value, 16);
      same(parseHex(bytesOf(ROOM, 16), 0, 16), true);
      same(parsedHex, value);
    }
  });

  it("are read from a part of bytes, in upper case where that is allowed", () => {
    const some: Bytes = bytes("xyAbC19-");
    same(parseHex(some, 2, 7, true), true);
    same(parsedHex, 0xabc19);
    same(parseHex(some, 2, 7), false);
    same(parseHex(some, 3, 4), true);
    same(parsedHex, 0xb);
  });

  it("are none where one of sixteen is not, whichever byte it is", () => {
    const some = bytes("0123456789abcdef");
    for (let at = 0; at < 16; at++) {
      const place = pointerOf(some) + at;
      const before = load<u8>(place);
      for (let byte = 0; byte < 256; byte++) {
        store<u8>(place, <u8>byte);
        const isDigit = (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66);
        same(parseHex(some, 0, 16), isDigit, byte.toString());
      }
      store<u8>(place, before);
    }
    same(parseHex(some, 0, 16), true);
    same(parsedHex, 0x0123456789abcdef);
  });

  it("are none where there are none, too many, or other bytes", () => {
    same(parseHex(bytes(""), 0, 0), false);
    same(parseHex(bytes("a"), 0, 2), false);
    same(parseHex(bytes("12345678123456781"), 0, 17), false);
    const others = "/:@G`g -x";
    for (let at = 0; at < others.length; at++) same(parseHex(bytes(others), at, at + 1, true), false);
  });
});

describe("decimal digits", () => {
  it("are those of the number, at every length", () => {
    let value: u64 = 1;
    for (let digits = 1; digits <= 20; digits++) {
      same(decimal(value), value.toString());
      same(decimal(value - 1), (value - 1).toString());
      value *= 10;
    }
    same(decimal(u64.MAX_VALUE), "18446744073709551615");
    for (let round = 0; round < 1000; round++) {
      const some = random.next() >>> (round & 63);
      same(decimal(some), some.toString());
    }
  });
});

describe("the bytes of a token", () => {
  it("are those of RFC 9110", () => {
    const marks = "!#$%&'*+-.^_`|~";
    for (let byte = 0; byte < 256; byte++) {
      const character = String.fromCharCode(byte);
      const isLetter =
        (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a && byte < 128);
      same(isTokenByte(<u8>byte), isLetter || marks.includes(character), byte.toString());
    }
  });
});

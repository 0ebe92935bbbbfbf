import { Bytes, hexDigit, lengthOf, pointerOf } from "../bytes/bytes";
import { CODE_POINTS, decodeUtf8, isWordPoint } from "./code-points";

/** No character. */
const NONE: u32 = u32.MAX_VALUE;

/** Reads a pattern's characters and escapes. */
export class PatternReader {
  /** What is wrong, and where; empty when nothing is. */
  problem: string = "";
  protected readonly start: usize;
  protected readonly end: usize;
  protected at: usize;

  constructor(pattern: Bytes) {
    this.start = pointerOf(pattern);
    this.end = this.start + lengthOf(pattern);
    this.at = this.start;
  }

  /** The character that an escape stands for. The backslash, at `place`, is read. */
  protected escape(place: usize): u32 {
    const point = this.take();
    if (point < 0x80 && !isWordPoint(point)) return point;
    switch (point) {
      case 0x61: // a
        return 0x07;
      case 0x66: // f
        return 0x0c;
      case 0x6e: // n
        return 0x0a;
      case 0x72: // r
        return 0x0d;
      case 0x74: // t
        return 0x09;
      case 0x76: // v
        return 0x0b;
      case 0x78: // x
        return this.hexadecimal(place);
      case NONE:
        this.fail(place, "a backslash at the end");
        return 0;
    }
    if (point - 0x30 < 10) {
      let octal = point - 0x30;
      if (octal < 8 && (octal == 0 || isOctal(this.peek()))) {
        for (let digits = 1; digits < 3 && isOctal(this.peek()); digits++) octal = octal * 8 + this.take() - 0x30;
        return octal;
      }
      this.fail(place, "a back-reference is not supported");
    } else if ((point | 0x20) == 0x70) this.fail(place, "a class of Unicode (\\p) is not supported");
    else this.fail(place, "\\" + (point < 0x80 ? String.fromCharCode(point) : "?") + " is not supported");
    return 0;
  }

  private hexadecimal(place: usize): u32 {
    const isBraced = this.peek() == 0x7b;
    if (isBraced) this.at++;
    let value: u32 = 0;
    let digits = 0;
    while ((isBraced || digits < 2) && hexDigit(this.peek()) >= 0 && value < CODE_POINTS) {
      value = value * 16 + hexDigit(this.peek());
      this.at++;
      digits++;
    }
    if (value < CODE_POINTS && (isBraced ? digits > 0 && this.take() == 0x7d : digits == 2)) return value;
    this.fail(place, "expected \\x7F or \\x{10FFFF}");
    return 0;
  }

  /** The byte at the cursor, 0 at the end. */
  protected peek(): u8 {
    return this.at < this.end ? load<u8>(this.at) : 0;
  }

  /** The character at the cursor, which moves on; {@link NONE} at the end. */
  protected take(): u32 {
    if (this.at >= this.end) return NONE;
    const decoded = decodeUtf8(this.at, this.end);
    const point = decoded & 0xffffff;
    if (decoded == 0 || point >= CODE_POINTS) {
      this.fail(this.at, "not UTF-8");
      return NONE;
    }
    this.at += decoded >>> 24;
    return point;
  }

  /** Something is wrong at `place`; what was found first is told. Nothing more is read. */
  protected fail(place: usize, problem: string): void {
    this.at = this.end;
    if (this.problem.length > 0) return;
    this.problem = problem + ", at " + (<u32>(place - this.start) + 1).toString();
  }
}

function isOctal(byte: u8): bool {
  return (byte & 0xf8) == 0x30;
}

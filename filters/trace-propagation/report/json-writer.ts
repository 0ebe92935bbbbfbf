import { Bytes, copyTo, lengthOf, pointerOf } from "../../../assembly/bytes/bytes";
import { decimalTo } from "../../../assembly/bytes/decimal";
import { hexDigitsTo } from "../../../assembly/bytes/hex";
import { utf8SequenceLength } from "../../../assembly/bytes/utf8";

/** Writes JSON (RFC 8259) to where {@link top} points, which has room for it. */
@final
export class JsonWriter {
  top: usize = 0;

  /** Bytes that are JSON already. */
  raw(json: Bytes): void {
    this.top += copyTo(this.top, json);
  }

  /** The inside of a string. What is no UTF-8 becomes U+FFFD; takes at most {@link MOST_OF_ONE} times its bytes. */
  text(text: Bytes): void {
    let top = this.top;
    let at = pointerOf(text);
    const end = at + lengthOf(text);
    while (at < end) {
      const byte = load<u8>(at);
      if (byte >= 0x20 && byte < 0x80) {
        if (byte == 0x22 || byte == 0x5c) store<u8>(top++, 0x5c);
        store<u8>(top++, byte);
        at++;
        continue;
      }
      const length = utf8SequenceLength(at, end);
      if (byte < 0x20) {
        // `\u00`
        store<u32>(top, 0x3030755c);
        top = hexDigitsTo(top + 4, byte, 2);
        at++;
      } else if (length == 0) {
        store<u16>(top, 0xbfef);
        store<u8>(top, 0xbd, 2);
        top += 3;
        at++;
      } else {
        memory.copy(top, at, length);
        top += length;
        at += length;
      }
    }
    this.top = top;
  }

  hex(value: u64, digits: u32): void {
    this.top = hexDigitsTo(this.top, value, digits);
  }

  decimal(value: u64): void {
    this.top = decimalTo(this.top, value);
  }
}

/** Bytes that one byte of a text becomes at most. */
export const MOST_OF_ONE: u32 = 6;

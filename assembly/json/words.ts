import { arenaAllocate } from "../bytes/arena";
import { byteAt, byteString, Bytes, bytesOf, copyTo, lengthOf, literal } from "../bytes/bytes";

/** ASCII words that bytes are compared with: one, or several with a space between, which take less room than a list. */

/** `a, b or c` of the words `a b c`. */
export function alternatives(words: string): string {
  let last = words.length - 1;
  while (last >= 0 && words.charCodeAt(last) != 0x20) last--;
  // Room for a space that becomes four characters.
  const start = arenaAllocate(words.length * 4);
  let top = start;
  for (let at = 0; at < words.length; at++) {
    const unit = words.charCodeAt(at);
    if (unit != 0x20) store<u8>(top++, <u8>unit);
    else top += copyTo(top, at < last ? COMMA : OR);
  }
  return byteString(bytesOf(start, <u32>(top - start)));
}

/** Whether the bytes are this ASCII word. */
export function isWord(text: Bytes, word: string): bool {
  return lengthOf(text) == <u32>word.length && isAt(text, word, 0);
}

/** The position of `text` among ASCII words with a space between, or -1. */
export function positionAmong(text: Bytes, words: string): i32 {
  const length = <i32>lengthOf(text);
  let position = 0;
  for (let start = 0, at = 0; at <= words.length; at++) {
    if (at < words.length && words.charCodeAt(at) != 0x20) continue;
    if (length > 0 && at - start == length && isAt(text, words, start)) return position;
    start = at + 1;
    position++;
  }
  return -1;
}

/** Whether the bytes stand in `words` from `start` on, where there are as many characters. */
export function isAt(text: Bytes, words: string, start: i32): bool {
  for (let at: u32 = 0; at < lengthOf(text); at++) {
    if (byteAt(text, at) != <u8>words.charCodeAt(start + at)) return false;
  }
  return true;
}

// @ts-ignore: decorator
@lazy const COMMA = literal(", ");
// @ts-ignore: decorator
@lazy const OR = literal(" or ");

/**
 * Texts in little room. The compiler would store a string literal as UTF-16 with a header of 20 bytes; `tools/texts.ts`
 * replaces those of ASCII by calls of these functions, and puts their characters in place of the markers below. Without it (as
 * in the unit tests) nothing is replaced, and the program is the same.
 */

const TEXTS_AT: usize = memory.data<u8>([1]);
const PAIRS_AT: usize = memory.data<u8>([2]);

/** The string whose compressed bytes begin at `offset`, behind its length (`tools/compress-texts.ts`). */
// @ts-ignore: decorator
@global
export function __text(offset: u32): string {
  let at = TEXTS_AT + offset;
  let length: i32 = load<u8>(at++);
  if (length > 127) length = ((length & 127) << 8) | load<u8>(at++);
  // @ts-ignore: a builtin of the runtime.
  const text = changetype<string>(__new(length << 1, idof<string>()));
  let top = changetype<usize>(text);
  const end = top + ((<usize>length) << 1);
  for (; top < end; at++) top = expand(load<u8>(at), top);
  return text;
}

/** Writes what a byte stands for, and answers where that ends. */
function expand(code: u32, top: usize): usize {
  if (code < 128) {
    store<u16>(top, <u16>code);
    return top + 2;
  }
  const pair = PAIRS_AT + (((<usize>code) & 127) << 1);
  return expand(load<u8>(pair, 1), expand(load<u8>(pair), top));
}

/** What `literal("..")` adds its offset (in the upper half, as in `Bytes`) and its length to. */
// @ts-ignore: decorator
@global
export const __literals: u64 = (<u64>memory.data<u8>([3])) << 32;

/** Makes this file part of every program. */
export const TEXTS: bool = true;

/**
 * Texts in little room. The compiler would store a string literal as UTF-16 with a header of 20 bytes; `tools/texts.ts`
 * replaces those of ASCII by calls of this function, and puts their characters, a byte each and each text once, in place of the
 * marker below. Without it (as in the unit tests) nothing is replaced, and the program is the same.
 */
// @ts-ignore: decorator
@global
export function __text(offset: u32, length: i32): string {
  const start = memory.data<u8>([0]) + offset;
  // @ts-ignore: a builtin of the runtime.
  const text = changetype<string>(__new(length << 1, idof<string>()));
  for (let at = 0; at < length; at++) {
    store<u16>(changetype<usize>(text) + ((<usize>at) << 1), load<u8>(start + at));
  }
  return text;
}

/** Makes this file part of every program. */
export const TEXTS: bool = true;

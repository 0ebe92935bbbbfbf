/**
 * The length of the UTF-8 sequence at `at`, 1 to 4; 0 when it is not well-formed (Unicode 15, table 3-7: no
 * overlong form, no surrogate, nothing above U+10FFFF) or goes beyond `end`.
 */
export function utf8SequenceLength(at: usize, end: usize): u32 {
  const first = load<u8>(at);
  if (first < 0x80) return 1;
  const left = end - at;
  if (first < 0xc2 || left < 2) return 0;
  const second = load<u8>(at, 1);
  if (first < 0xe0) return isContinuation(second) ? 2 : 0;
  if (left < 3 || !isContinuation(second) || !isContinuation(load<u8>(at, 2))) return 0;
  if (first < 0xf0) {
    if (first == 0xe0 && second < 0xa0) return 0;
    if (first == 0xed && second >= 0xa0) return 0;
    return 3;
  }
  if (left < 4 || first > 0xf4 || !isContinuation(load<u8>(at, 3))) return 0;
  if (first == 0xf0 && second < 0x90) return 0;
  if (first == 0xf4 && second >= 0x90) return 0;
  return 4;
}

// @ts-ignore: decorator
@inline
function isContinuation(byte: u8): bool {
  return (byte & 0xc0) == 0x80;
}

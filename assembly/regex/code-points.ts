/** One more than the last code point. */
export const CODE_POINTS: u32 = 0x110000;
/**
 * What {@link decodeUtf8} makes of an overlong form and of what lies beyond Unicode. RE2 lets them pass where all beyond
 * ASCII may stand, for the sake of smaller programs (`re2/compile.cc`, `Add_80_10ffff`): values are judged as Envoy does.
 */
export const ILL_FORMED: u32 = CODE_POINTS;

/**
 * The code point at `at`, with the length of its sequence, 1 to 4, in the upper byte; 0 where no sequence of UTF-8 is, or it
 * goes beyond `end`. Surrogates count as code points.
 */
export function decodeUtf8(at: usize, end: usize): u32 {
  const lead = <u32>load<u8>(at);
  if (lead < 0x80) return (1 << 24) | lead;
  const length: u32 = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (lead < 0xc2 || lead > 0xf4 || end - at < length) return 0;
  let point = lead & (0x7f >> length);
  for (let next: u32 = 1; next < length; next++) {
    const byte = <u32>load<u8>(at + next);
    if ((byte & 0xc0) != 0x80) return 0;
    point = (point << 6) | (byte & 0x3f);
  }
  // The least that takes so many bytes: U+0080, U+0800, U+10000.
  const least: u32 = length == 2 ? 0x80 : 1 << (5 * length - 4);
  if (point < least || point >= CODE_POINTS) point = ILL_FORMED;
  return (length << 24) | point;
}

/** A letter, a digit or `_`, of ASCII: what `\w` matches and `\b` looks for. */
export function isWordPoint(point: u32): bool {
  return point - 0x30 < 10 || (point | 0x20) - 0x61 < 26 || point == 0x5f;
}

/** How many of the `count` ascending words at `words` are not above `value`. */
export function countUpTo(words: usize, count: u32, value: u32): u32 {
  let low: u32 = 0;
  while (low < count) {
    const middle = (low + count) >>> 1;
    if (load<u32>(words + ((<usize>middle) << 2)) <= value) low = middle + 1;
    else count = middle;
  }
  return low;
}

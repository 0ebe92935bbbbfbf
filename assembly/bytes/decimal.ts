/** Writes a number in decimal digits to `target`, which has room for 20 bytes; answers where it ends. */
export function decimalTo(target: usize, value: u64): usize {
  let end = target + 1;
  for (let left = value; left >= 10; left /= 10) end++;
  for (let at = end - 1; at >= target; at--) {
    store<u8>(at, <u8>(0x30 + (value % 10)));
    value /= 10;
  }
  return end;
}

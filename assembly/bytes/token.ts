/** Whether a byte is a `tchar` of RFC 9110 §5.6.2: of the name of a header, a cookie or a baggage member. */
export function isTokenByte(byte: u8): bool {
  const bits: u64 = byte < 64 ? 0x3ff6cfa00000000 : 0x57ffffffc7fffffe;
  return byte < 128 && ((bits >>> (byte & 63)) & 1) != 0;
}

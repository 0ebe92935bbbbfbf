import { byteAt, Bytes, lengthOf } from "../../assembly/bytes/bytes";

/** Whether all bytes are visible ASCII characters. */
function isVisible(text: Bytes): bool {
  for (let at: u32 = 0; at < lengthOf(text); at++) {
    const byte = byteAt(text, at);
    if (byte <= 0x20 || byte >= 0x7f) return false;
  }
  return true;
}

/** What may stand in a header, a cookie and a metric's label alike: 1 to 63 `cookie-octet`s of RFC 6265 §4.1.1. */
export function isVariant(text: Bytes): bool {
  const length = lengthOf(text);
  if (length == 0 || length > 63 || !isVisible(text)) return false;
  for (let at: u32 = 0; at < length; at++) {
    const byte = byteAt(text, at);
    if (byte == 0x22 || byte == 0x2c || byte == 0x3b || byte == 0x5c) return false;
  }
  return true;
}

/** A cookie's `Path` (`path-value` of RFC 6265 §4.1.1) that a browser takes. */
export function isPathValue(text: Bytes): bool {
  const length = lengthOf(text);
  if (length == 0 || length > 255 || byteAt(text, 0) != 0x2f || !isVisible(text)) return false;
  for (let at: u32 = 0; at < length; at++) if (byteAt(text, at) == 0x3b) return false;
  return true;
}

import { ABSENT, byteAt, Bytes, lengthOf, slice } from "../bytes/bytes";
import { ConfigReader } from "./config-reader";
import { JsonKind, JsonNode } from "./node";
import { parseNumber } from "./number";

/** Units of durations, and their milliseconds. */
const UNITS = ["ms", "s", "m", "h"];
const MILLISECONDS: f64[] = [1, 1000, 60000, 3600000];

/** The milliseconds of a duration (`10ms`, `1.5s`, `15m`, `1h`), or NaN where it is none. */
export function parseDuration(text: Bytes): f64 {
  const length = lengthOf(text);
  let end: u32 = 0;
  let dots = 0;
  while (end < length) {
    const byte = byteAt(text, end);
    if (byte == 0x2e) dots++;
    else if (<u32>(byte - 0x30) > 9) break;
    end++;
  }
  if (end == 0 || dots > 1 || byteAt(text, 0) == 0x2e || byteAt(text, end - 1) == 0x2e) return NaN;
  for (let unit = 0; unit < UNITS.length; unit++) {
    const word = UNITS[unit];
    if (<u32>word.length != length - end) continue;
    let same = true;
    for (let at = 0; at < word.length; at++) {
      if (byteAt(text, end + at) != <u8>word.charCodeAt(at)) same = false;
    }
    if (same) return parseNumber(slice(text, 0, end)) * MILLISECONDS[unit];
  }
  return NaN;
}

/** Reads a duration of `least` to `most` milliseconds; NaN where it is none. `example` goes into the message. */
export function readDuration(
  reader: ConfigReader,
  node: JsonNode,
  least: f64,
  most: f64,
  example: string,
): f64 {
  const value = parseDuration(node.kind == JsonKind.String ? node.text : ABSENT);
  if (value >= least && value <= most) return value;
  reader.unexpected(node, "a duration like " + example);
  return NaN;
}

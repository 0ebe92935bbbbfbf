import { ABSENT, byteAt, Bytes, lengthOf, slice } from "../bytes/bytes";
import { ConfigReader } from "./config-reader";
import { positionAmong } from "./words";
import { JsonKind, JsonNode } from "./node";
import { parseNumber } from "./number";

/** The milliseconds of a duration (`10ms`, `1.5s`, `15m`, `1h`), or NaN where it is none. */
export function parseDuration(text: Bytes): f64 {
  const length = lengthOf(text);
  let end: u32 = 0;
  let dots = 0;
  /** A dot stands between digits. */
  let afterDigit = false;
  for (; end < length; end++) {
    const byte = byteAt(text, end);
    const isDigit = <u32>(byte - 0x30) < 10;
    if (!isDigit && (byte != 0x2e || !afterDigit || ++dots > 1)) break;
    afterDigit = isDigit;
  }
  if (!afterDigit) return NaN;
  const value = parseNumber(slice(text, 0, end));
  switch (positionAmong(slice(text, end, length), "ms s m h")) {
    case 0:
      return value;
    case 1:
      return value * 1000;
    case 2:
      return value * 60000;
    case 3:
      return value * 3600000;
    default:
      return NaN;
  }
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

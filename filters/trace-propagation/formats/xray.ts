import { arenaAllocate } from "../../../assembly/bytes/arena";
import {
  ABSENT,
  byteAt,
  Bytes,
  bytesOf,
  copyTo,
  equals,
  indexOfByte,
  lengthOf,
  literal,
  slice,
  trim,
} from "../../../assembly/bytes/bytes";
import { hexDigitsTo, parsedHex, parseHex } from "../../../assembly/bytes/hex";
import { HeaderView } from "../../../assembly/header-view";
import { TraceContext } from "../context";
import { Found, Format, write } from "./format";

/**
 * AWS X-Ray's `x-amzn-trace-id: Root=1-<8 digits>-<24 digits>;Parent=<16 digits>;Sampled=<0, 1 or ?>` (AWS X-Ray developer guide, "Tracing
 * header"). The trace id is the two parts of `Root`; a load balancer sends it without `Parent`. Other fields are passed over, and
 * not passed on.
 */
@final
export class XRay extends Format {
  constructor() {
    super([HEADER], 1);
  }

  extract(headers: HeaderView, context: TraceContext): Found {
    const header = headers.get(HEADER);
    if (header == ABSENT) return Found.Nothing;
    return parse(header, context) ? Found.Context : Found.Malformed;
  }

  inject(headers: HeaderView, context: TraceContext): void {
    const room = arenaAllocate(80);
    let top = room + copyTo(room, ROOT_1);
    top = hexDigitsTo(top, context.high >>> 32, 8);
    store<u8>(top++, HYPHEN);
    top = hexDigitsTo(top, context.high, 8);
    top = hexDigitsTo(top, context.low, 16);
    top += copyTo(top, AND_PARENT);
    top = hexDigitsTo(top, context.span, 16);
    top += copyTo(top, AND_SAMPLED);
    store<u8>(top++, context.sampled ? ONE : ZERO);
    write(headers, HEADER, bytesOf(room, <u32>(top - room)));
  }
}

function parse(header: Bytes, context: TraceContext): bool {
  // Two headers, whose fields are not to be mixed.
  if (indexOfByte(header, 0x2c) >= 0) return false;
  let hasParent = false;
  let hasSampled = false;
  for (let start: u32 = 0; start < lengthOf(header);) {
    const semicolon = indexOfByte(header, 0x3b, start);
    const end: u32 = semicolon < 0 ? lengthOf(header) : semicolon;
    const field = trim(slice(header, start, end));
    start = end + 1;
    const equal = indexOfByte(field, 0x3d);
    if (equal < 0) {
      if (lengthOf(field) > 0) return false;
      continue;
    }
    const name = trim(slice(field, 0, equal));
    const value = trim(slice(field, equal + 1, lengthOf(field)));
    if (equals(name, ROOT)) {
      if (context.hasTrace || !readRoot(value, context)) return false;
    } else if (equals(name, PARENT)) {
      if (hasParent || lengthOf(value) != 16 || !parseHex(value, 0, 16) || parsedHex == 0) return false;
      context.span = parsedHex;
      hasParent = true;
    } else if (equals(name, SAMPLED)) {
      if (hasSampled || lengthOf(value) != 1) return false;
      const byte = byteAt(value, 0);
      if (byte == ONE || byte == ZERO) context.decide(byte == ONE, false);
      else if (byte != QUESTION_MARK) return false;
      hasSampled = true;
    }
  }
  return context.hasTrace;
}

/** `1-<8 digits>-<24 digits>`. */
function readRoot(value: Bytes, context: TraceContext): bool {
  if (lengthOf(value) != 35) return false;
  if (byteAt(value, 0) != ONE || byteAt(value, 1) != HYPHEN || byteAt(value, 10) != HYPHEN) return false;
  if (!parseHex(value, 2, 10)) return false;
  const time = parsedHex;
  if (!parseHex(value, 11, 19)) return false;
  context.high = (time << 32) | parsedHex;
  if (!parseHex(value, 19, 35)) return false;
  context.low = parsedHex;
  return context.hasTrace;
}

const HYPHEN: u8 = 0x2d;
const ZERO: u8 = 0x30;
const ONE: u8 = 0x31;
const QUESTION_MARK: u8 = 0x3f;

// @ts-ignore: decorator
@lazy const HEADER = literal("x-amzn-trace-id");
// @ts-ignore: decorator
@lazy const ROOT = literal("Root");
// @ts-ignore: decorator
@lazy const PARENT = literal("Parent");
// @ts-ignore: decorator
@lazy const SAMPLED = literal("Sampled");
// @ts-ignore: decorator
@lazy const ROOT_1 = literal("Root=1-");
// @ts-ignore: decorator
@lazy const AND_PARENT = literal(";Parent=");
// @ts-ignore: decorator
@lazy const AND_SAMPLED = literal(";Sampled=");

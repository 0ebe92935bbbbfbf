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
  startsWith,
} from "../../../assembly/bytes/bytes";
import { decimalTo } from "../../../assembly/bytes/decimal";
import { hexDigitsTo, parsedHex, parseHex } from "../../../assembly/bytes/hex";
import { HeaderView } from "../../../assembly/header-view";
import { TraceContext } from "../context";
import { Found, Format, write } from "./format";

/** `_dd.p.tid` of the last context was none, and the trace is taken for one of 64 bits. */
export let ignoredUpperHalf: bool = false;

/**
 * Datadog's headers: decimal numbers, of the trace id the lower 64 bits; the upper ones are in `x-datadog-tags`
 * (docs.datadoghq.com, "Trace Context Propagation"; dd-trace-go `textmap.go`).
 */
@final
export class Datadog extends Format {
  constructor() {
    super([TRACE_ID, PARENT_ID, PRIORITY, TAGS, ORIGIN], 3);
  }

  extract(headers: HeaderView, context: TraceContext): Found {
    ignoredUpperHalf = false;
    const trace = headers.get(TRACE_ID);
    const parent = headers.get(PARENT_ID);
    if (trace == ABSENT && parent == ABSENT) return Found.Nothing;
    if (!readDecimal(trace)) return Found.Malformed;
    context.low = decimal;
    if (!readDecimal(parent) || decimal == 0) return Found.Malformed;
    context.span = decimal;
    readPriority(headers.get(PRIORITY), context);
    const upper = upperHalfIn(headers.get(TAGS));
    if (upper != ABSENT) {
      if (lengthOf(upper) == 16 && parseHex(upper, 0, 16)) context.high = parsedHex;
      else ignoredUpperHalf = true;
    }
    // Of a trace id of 128 bits the lower half alone may be 0, as dd-trace-go has it.
    return context.hasTrace ? Found.Context : Found.Malformed;
  }

  inject(headers: HeaderView, context: TraceContext): void {
    // Tags and origin of the same trace go on.
    const saysTags = this.isOf(headers, context);
    writeDecimal(headers, TRACE_ID, context.low);
    writeDecimal(headers, PARENT_ID, context.span);
    const isSampled = context.sampled;
    if (context.forced) write(headers, PRIORITY, isSampled ? USER_KEEP : USER_REJECT);
    else write(headers, PRIORITY, isSampled ? AUTO_KEEP : AUTO_REJECT);
    if (saysTags) return;
    headers.remove(ORIGIN);
    if (context.high == 0) headers.remove(TAGS);
    else {
      const room = arenaAllocate(lengthOf(UPPER_HALF) + 16);
      const top = hexDigitsTo(room + copyTo(room, UPPER_HALF), context.high, 16);
      write(headers, TAGS, bytesOf(room, <u32>(top - room)));
    }
  }

  /** Whether the headers that are there are of the context's trace. */
  private isOf(headers: HeaderView, context: TraceContext): bool {
    if (!readDecimal(headers.get(TRACE_ID)) || decimal != context.low) return false;
    const upper = upperHalfIn(headers.get(TAGS));
    if (upper == ABSENT) return context.high == 0;
    return lengthOf(upper) == 16 && parseHex(upper, 0, 16) && parsedHex == context.high;
  }
}

/** What {@link readDecimal} has read. */
let decimal: u64 = 0;

/** A number that 64 bits have room for, into {@link decimal}. */
function readDecimal(text: Bytes): bool {
  const length = lengthOf(text);
  if (length == 0 || length > 20) return false;
  let value: u64 = 0;
  for (let at: u32 = 0; at < length; at++) {
    const digit = <u32>byteAt(text, at) - 0x30;
    if (digit > 9 || value > (u64.MAX_VALUE - digit) / 10) return false;
    value = value * 10 + digit;
  }
  decimal = value;
  return true;
}

/** -1, 0, 1 or 2. Another one decides nothing. */
function readPriority(text: Bytes, context: TraceContext): void {
  if (equals(text, USER_REJECT)) context.decide(false, true);
  else if (equals(text, AUTO_REJECT)) context.decide(false, false);
  else if (equals(text, AUTO_KEEP)) context.decide(true, false);
  else if (equals(text, USER_KEEP)) context.decide(true, true);
}

/** The value of `_dd.p.tid` in the tags `name=value,name=value`; {@link ABSENT} where they have none. */
function upperHalfIn(tags: Bytes): Bytes {
  for (let start: u32 = 0; start < lengthOf(tags);) {
    const comma = indexOfByte(tags, 0x2c, start);
    const end: u32 = comma < 0 ? lengthOf(tags) : comma;
    const tag = slice(tags, start, end);
    if (startsWith(tag, UPPER_HALF)) return slice(tag, lengthOf(UPPER_HALF), lengthOf(tag));
    start = end + 1;
  }
  return ABSENT;
}

function writeDecimal(headers: HeaderView, name: Bytes, value: u64): void {
  const room = arenaAllocate(20);
  write(headers, name, bytesOf(room, <u32>(decimalTo(room, value) - room)));
}

// @ts-ignore: decorator
@lazy const TRACE_ID = literal("x-datadog-trace-id");
// @ts-ignore: decorator
@lazy const PARENT_ID = literal("x-datadog-parent-id");
// @ts-ignore: decorator
@lazy const PRIORITY = literal("x-datadog-sampling-priority");
// @ts-ignore: decorator
@lazy const TAGS = literal("x-datadog-tags");
// @ts-ignore: decorator
@lazy const ORIGIN = literal("x-datadog-origin");
// @ts-ignore: decorator
@lazy const UPPER_HALF = literal("_dd.p.tid=");
// @ts-ignore: decorator
@lazy const USER_REJECT = literal("-1");
// @ts-ignore: decorator
@lazy const AUTO_REJECT = literal("0");
// @ts-ignore: decorator
@lazy const AUTO_KEEP = literal("1");
// @ts-ignore: decorator
@lazy const USER_KEEP = literal("2");

import { arenaAllocate } from "../../../assembly/bytes/arena";
import {
  ABSENT,
  byteAt,
  Bytes,
  bytesOf,
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

/** B3 in several headers: `x-b3-traceid` and so on (github.com/openzipkin/b3-propagation, "Multiple Headers"). */
@final
export class B3 extends Format {
  constructor() {
    super([TRACE_ID, SPAN_ID, PARENT_SPAN_ID, SAMPLED, FLAGS], 5);
  }

  extract(headers: HeaderView, context: TraceContext): Found {
    const trace = headers.get(TRACE_ID);
    const span = headers.get(SPAN_ID);
    const parent = headers.get(PARENT_SPAN_ID);
    const sampled = headers.get(SAMPLED);
    const flags = headers.get(FLAGS);
    if (sampled != ABSENT && !readSampled(sampled, context)) return Found.Malformed;
    // Of the flags only 1 says something: "Absent or any other value can be ignored", but not two of them.
    if (indexOfByte(flags, 0x2c) >= 0) return Found.Malformed;
    if (lengthOf(flags) == 1 && byteAt(flags, 0) == ONE) context.decide(true, true);
    if (trace == ABSENT && span == ABSENT && parent == ABSENT) {
      return context.decided ? Found.Decision : Found.Nothing;
    }
    if (!readTrace(trace, context) || !readSpan(span) || parsedHex == 0) return Found.Malformed;
    context.span = parsedHex;
    if (parent != ABSENT) {
      if (!readSpan(parent)) return Found.Malformed;
      context.parent = parsedHex;
    }
    return Found.Context;
  }

  inject(headers: HeaderView, context: TraceContext): void {
    const room = arenaAllocate(64);
    const top = traceTo(room, context);
    write(headers, TRACE_ID, bytesOf(room, <u32>(top - room)));
    writeSpan(headers, SPAN_ID, context.span);
    if (context.parent != 0) writeSpan(headers, PARENT_SPAN_ID, context.parent);
    else headers.remove(PARENT_SPAN_ID);
    // Debug implies the decision, which is then not sent too.
    const isDebug = context.forced && context.sampled;
    if (isDebug) headers.remove(SAMPLED);
    else write(headers, SAMPLED, context.sampled ? KEEP : DROP);
    if (isDebug) write(headers, FLAGS, KEEP);
    else headers.remove(FLAGS);
  }
}

/** B3 in one header: `b3: <trace id>-<span id>-<sampling>-<parent span id>` ("Single Header"). */
@final
export class B3Single extends Format {
  constructor() {
    super([B3_HEADER], 1);
  }

  extract(headers: HeaderView, context: TraceContext): Found {
    const header = headers.get(B3_HEADER);
    if (header == ABSENT) return Found.Nothing;
    const value = trim(header);
    if (lengthOf(value) == 1) return readState(value, context) ? Found.Decision : Found.Malformed;
    const length = lengthOf(value);
    const traceEnd: u32 = length > 16 && byteAt(value, 16) == HYPHEN ? 16 : 32;
    const spanEnd = traceEnd + 17;
    if (length < spanEnd || byteAt(value, traceEnd) != HYPHEN) return Found.Malformed;
    if (!readTrace(slice(value, 0, traceEnd), context)) return Found.Malformed;
    if (!readSpan(slice(value, traceEnd + 1, spanEnd)) || parsedHex == 0) return Found.Malformed;
    context.span = parsedHex;
    if (length == spanEnd) return Found.Context;
    if (byteAt(value, spanEnd) != HYPHEN) return Found.Malformed;
    let parentStart = spanEnd + 1;
    // The state may be left out: whoever comes next decides.
    if (length == spanEnd + 2 || (length > spanEnd + 2 && byteAt(value, spanEnd + 2) == HYPHEN)) {
      if (!readState(slice(value, parentStart, parentStart + 1), context)) return Found.Malformed;
      if (length == spanEnd + 2) return Found.Context;
      parentStart += 2;
    }
    if (!readSpan(slice(value, parentStart, length))) return Found.Malformed;
    context.parent = parsedHex;
    return Found.Context;
  }

  inject(headers: HeaderView, context: TraceContext): void {
    const room = arenaAllocate(72);
    let top = traceTo(room, context);
    store<u8>(top++, HYPHEN);
    top = hexDigitsTo(top, context.span, 16);
    store<u8>(top++, HYPHEN);
    store<u8>(top++, !context.sampled ? ZERO : context.forced ? DEBUG : ONE);
    if (context.parent != 0) {
      store<u8>(top++, HYPHEN);
      top = hexDigitsTo(top, context.parent, 16);
    }
    write(headers, B3_HEADER, bytesOf(room, <u32>(top - room)));
  }
}

/** 16 or 32 lower-case digits, not all of them 0. */
function readTrace(text: Bytes, context: TraceContext): bool {
  if (text == ABSENT) return false;
  const length = lengthOf(text);
  if (length != 16 && length != 32) return false;
  context.high = 0;
  if (length == 32) {
    if (!parseHex(text, 0, 16)) return false;
    context.high = parsedHex;
  }
  if (!parseHex(text, length - 16, length)) return false;
  context.low = parsedHex;
  return context.hasTrace;
}

/** 16 lower-case digits, into {@link parsedHex}. */
function readSpan(text: Bytes): bool {
  return text != ABSENT && lengthOf(text) == 16 && parseHex(text, 0, 16);
}

/** `0` and `1`; `true` and `false` were sent before there was a specification, which wants them to be read. */
function readSampled(text: Bytes, context: TraceContext): bool {
  if (lengthOf(text) == 1) {
    const byte = byteAt(text, 0);
    context.decide(byte == ONE, false);
    return byte == ONE || byte == ZERO;
  }
  const isTrue = equals(text, TRUE);
  context.decide(isTrue, false);
  return isTrue || equals(text, FALSE);
}

/** `0`, `1` or `d`. */
function readState(text: Bytes, context: TraceContext): bool {
  const byte = byteAt(text, 0);
  context.decide(byte != ZERO, byte == DEBUG);
  return byte == ZERO || byte == ONE || byte == DEBUG;
}

/** A trace id of 64 bits stays one. */
function traceTo(target: usize, context: TraceContext): usize {
  if (context.high != 0) target = hexDigitsTo(target, context.high, 16);
  return hexDigitsTo(target, context.low, 16);
}

function writeSpan(headers: HeaderView, name: Bytes, span: u64): void {
  const room = arenaAllocate(16);
  hexDigitsTo(room, span, 16);
  write(headers, name, bytesOf(room, 16));
}

const HYPHEN: u8 = 0x2d;
const ZERO: u8 = 0x30;
const ONE: u8 = 0x31;
const DEBUG: u8 = 0x64;

// @ts-ignore: decorator
@lazy const TRACE_ID = literal("x-b3-traceid");
// @ts-ignore: decorator
@lazy const SPAN_ID = literal("x-b3-spanid");
// @ts-ignore: decorator
@lazy const PARENT_SPAN_ID = literal("x-b3-parentspanid");
// @ts-ignore: decorator
@lazy const SAMPLED = literal("x-b3-sampled");
// @ts-ignore: decorator
@lazy const FLAGS = literal("x-b3-flags");
// @ts-ignore: decorator
@lazy const B3_HEADER = literal("b3");
// @ts-ignore: decorator
@lazy const KEEP = literal("1");
// @ts-ignore: decorator
@lazy const DROP = literal("0");
// @ts-ignore: decorator
@lazy const TRUE = literal("true");
// @ts-ignore: decorator
@lazy const FALSE = literal("false");

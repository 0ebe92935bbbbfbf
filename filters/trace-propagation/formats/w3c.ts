import { arenaAllocate } from "../../../assembly/bytes/arena";
import {
  ABSENT,
  byteAt,
  Bytes,
  bytesOf,
  indexOfByte,
  lengthOf,
  literal,
  trim,
} from "../../../assembly/bytes/bytes";
import { hexDigitsTo, parsedHex, parseHex } from "../../../assembly/bytes/hex";
import { HeaderView } from "../../../assembly/header-view";
import { TraceContext } from "../context";
import { tracestateOf } from "../tracestate";
import { Found, Format, write } from "./format";

/**
 * W3C Trace Context: `traceparent: 00-<trace id>-<parent id>-<flags>` (Recommendation of 2021-11-23, level 1, and Candidate Recommendation
 * Draft level 2, §3.2). `tracestate` is read and written where `traceparent` is: see `tracestate.ts`.
 */
@final
export class W3c extends Format {
  constructor() {
    super([TRACEPARENT, TRACESTATE], 1);
  }

  extract(headers: HeaderView, context: TraceContext): Found {
    const header = headers.get(TRACEPARENT);
    if (header == ABSENT) return Found.Nothing;
    return parse(trim(header), context) ? Found.Context : Found.Malformed;
  }

  inject(headers: HeaderView, context: TraceContext): void {
    const start = arenaAllocate(LENGTH);
    store<u16>(start, 0x3030);
    store<u8>(start, HYPHEN, 2);
    hexDigitsTo(start + 3, context.high, 16);
    hexDigitsTo(start + 19, context.low, 16);
    store<u8>(start, HYPHEN, 35);
    hexDigitsTo(start + 36, context.span, 16);
    store<u8>(start, HYPHEN, 52);
    const flags = (context.sampled ? SAMPLED : 0) | (context.random ? RANDOM : 0);
    hexDigitsTo(start + 53, flags, 2);
    write(headers, TRACEPARENT, bytesOf(start, LENGTH));
    const state = tracestateOf(context.state, context.forced);
    if (state == ABSENT) headers.remove(TRACESTATE);
    else write(headers, TRACESTATE, state);
  }
}

/** Whether `value` is a `traceparent`; the context has what it says. Of a later version what version 00 has is read, as §3.2.4 wants it. */
function parse(value: Bytes, context: TraceContext): bool {
  const length = lengthOf(value);
  if (length < LENGTH) return false;
  if (byteAt(value, 2) != HYPHEN || byteAt(value, 35) != HYPHEN || byteAt(value, 52) != HYPHEN) return false;
  if (!parseHex(value, 0, 2) || parsedHex == 0xff) return false;
  if (length > LENGTH && (parsedHex == 0 || byteAt(value, LENGTH) != HYPHEN)) return false;
  if (!parseHex(value, 3, 19)) return false;
  context.high = parsedHex;
  if (!parseHex(value, 19, 35)) return false;
  context.low = parsedHex;
  if (!parseHex(value, 36, 52)) return false;
  context.span = parsedHex;
  if (!parseHex(value, 53, 55)) return false;
  context.decide((parsedHex & SAMPLED) != 0, false);
  context.random = (parsedHex & RANDOM) != 0;
  if (!context.hasTrace || context.span == 0) return false;
  // Of what later versions may add, a comma stands for a second header.
  return indexOfByte(value, 0x2c, LENGTH) < 0;
}

const LENGTH: u32 = 55;
const HYPHEN: u8 = 0x2d;
const SAMPLED: u64 = 1;
const RANDOM: u64 = 2;

// @ts-ignore: decorator
@lazy export const TRACEPARENT = literal("traceparent");
// @ts-ignore: decorator
@lazy export const TRACESTATE = literal("tracestate");

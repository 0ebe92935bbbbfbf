import { arenaAllocate } from "../../../assembly/bytes/arena";
import { ABSENT, Bytes, bytesOf, indexOfByte, lengthOf, literal, trim } from "../../../assembly/bytes/bytes";
import { hexDigitsTo, parsedHex, parseHex } from "../../../assembly/bytes/hex";
import { HeaderView } from "../../../assembly/header-view";
import { percentDecode } from "../../../assembly/request-view";
import { TraceContext } from "../context";
import { Found, Format, write } from "./format";

/**
 * Jaeger's `uber-trace-id: <trace id>:<span id>:<parent span id>:<flags>` (jaegertracing.io, "Client Libraries", "Propagation Format").
 * Leading zeros may lack, and the value may be URL-encoded.
 */
@final
export class Jaeger extends Format {
  constructor() {
    super([HEADER], 1);
  }

  extract(headers: HeaderView, context: TraceContext): Found {
    const header = headers.get(HEADER);
    if (header == ABSENT) return Found.Nothing;
    return parse(percentDecode(trim(header)), context) ? Found.Context : Found.Malformed;
  }

  inject(headers: HeaderView, context: TraceContext): void {
    const room = arenaAllocate(72);
    let top = room;
    if (context.high != 0) top = hexDigitsTo(top, context.high, 16);
    top = hexDigitsTo(top, context.low, 16);
    store<u8>(top++, COLON);
    top = hexDigitsTo(top, context.span, 16);
    store<u8>(top++, COLON);
    top = hexDigitsTo(top, context.parent, context.parent == 0 ? 1 : 16);
    store<u8>(top++, COLON);
    const flags = !context.sampled ? 0 : context.forced ? SAMPLED | DEBUG : SAMPLED;
    top = hexDigitsTo(top, flags, 1);
    write(headers, HEADER, bytesOf(room, <u32>(top - room)));
  }
}

function parse(value: Bytes, context: TraceContext): bool {
  const traceEnd = indexOfByte(value, COLON);
  if (traceEnd < 1 || traceEnd > 32) return false;
  const spanEnd = indexOfByte(value, COLON, traceEnd + 1);
  if (spanEnd < 0) return false;
  const parentEnd = indexOfByte(value, COLON, spanEnd + 1);
  if (parentEnd < 0) return false;
  const lowStart = max(traceEnd - 16, 0);
  if (lowStart > 0) {
    if (!parseHex(value, 0, lowStart, true)) return false;
    context.high = parsedHex;
  }
  if (!parseHex(value, lowStart, traceEnd, true)) return false;
  context.low = parsedHex;
  if (!parseHex(value, traceEnd + 1, spanEnd, true)) return false;
  context.span = parsedHex;
  if (!parseHex(value, spanEnd + 1, parentEnd, true)) return false;
  context.parent = parsedHex;
  if (lengthOf(value) > <u32>parentEnd + 3 || !parseHex(value, parentEnd + 1, lengthOf(value), true)) {
    return false;
  }
  const isDebug = (parsedHex & DEBUG) != 0;
  context.decide(isDebug || (parsedHex & SAMPLED) != 0, isDebug);
  return context.hasTrace && context.span != 0;
}

const COLON: u8 = 0x3a;
const SAMPLED: u64 = 1;
const DEBUG: u64 = 2;

// @ts-ignore: decorator
@lazy const HEADER = literal("uber-trace-id");

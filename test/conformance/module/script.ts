/**
 * What a request (or a configuration) asks of the module: lines of tokens separated by spaces, of which the first
 * names a callback, the second an operation and the others its arguments. A token `""` is the empty one, and
 * `%XX` is a byte.
 */
import { WasmResultValues } from "../../../assembly/abi/values";
import {
  ABSENT,
  byteAt,
  Bytes,
  bytesOf,
  hexDigit,
  lengthOf,
  pointerOf,
  release,
  slice,
  textOf,
} from "../../../assembly/bytes/bytes";

/** Arguments of an operation. They live until they are released. */
export class Arguments {
  private readonly values: Bytes[] = [];

  get count(): i32 {
    return this.values.length;
  }

  push(value: Bytes): void {
    this.values.push(value);
  }

  /** The argument's bytes; no bytes when there is none. */
  bytes(at: i32): Bytes {
    return at < this.values.length ? this.values[at] : bytesOf(pointerOf(EMPTY), 0);
  }

  text(at: i32): string {
    return textOf(this.bytes(at));
  }

  /** `max` is the largest 32-bit number. */
  number(at: i32): i64 {
    const text = this.text(at);
    return text == "max" ? <i64>u32.MAX_VALUE : I64.parseInt(text);
  }

  release(): void {
    for (let at = 0; at < this.values.length; at++) release(this.values[at]);
  }
}

const EMPTY: Bytes = bytesOf(memory.data(8), 0);

export class Line {
  constructor(
    readonly callback: string,
    readonly operation: string,
    readonly given: Arguments,
  ) {}
}

export function parseLine(text: Bytes): Line {
  const tokens = new Arguments();
  let start: u32 = 0;
  for (let at: u32 = 0; at <= lengthOf(text); at++) {
    if (at < lengthOf(text) && byteAt(text, at) != 0x20) continue;
    if (at > start) tokens.push(decoded(slice(text, start, at)));
    start = at + 1;
  }
  const line = new Line(tokens.text(0), tokens.text(1), new Arguments());
  for (let at = 2; at < tokens.count; at++) line.given.push(tokens.bytes(at));
  return line;
}

/** A copy of a token, which lives until it is released. */
function decoded(token: Bytes): Bytes {
  const target = heap.alloc(lengthOf(token));
  if (lengthOf(token) == 2 && byteAt(token, 0) == 0x22 && byteAt(token, 1) == 0x22) return bytesOf(target, 0);
  let length: u32 = 0;
  for (let at: u32 = 0; at < lengthOf(token); at++) {
    let byte = byteAt(token, at);
    if (byte == 0x25 && at + 2 < lengthOf(token)) {
      byte = <u8>((hexDigit(byteAt(token, at + 1)) << 4) | hexDigit(byteAt(token, at + 2)));
      at += 2;
    }
    store<u8>(target + length++, byte);
  }
  return bytesOf(target, length);
}

/** Bytes as printable ASCII: `%XX` for others and for `%` itself. */
export function show(bytes: Bytes): string {
  if (bytes == ABSENT) return "absent";
  let text = "";
  let from: u32 = 0;
  for (let at: u32 = 0; at < lengthOf(bytes); at++) {
    const byte = byteAt(bytes, at);
    if (byte >= 0x20 && byte < 0x7f && byte != 0x25) continue;
    text += textOf(slice(bytes, from, at)) + "%" + HEX.charAt(byte >> 4) + HEX.charAt(byte & 15);
    from = at + 1;
  }
  return text + textOf(slice(bytes, from, lengthOf(bytes)));
}

const HEX = "0123456789ABCDEF";

export function nameOf(result: WasmResultValues): string {
  switch (result) {
    case WasmResultValues.Ok:
      return "Ok";
    case WasmResultValues.NotFound:
      return "NotFound";
    case WasmResultValues.BadArgument:
      return "BadArgument";
    case WasmResultValues.SerializationFailure:
      return "SerializationFailure";
    case WasmResultValues.ParseFailure:
      return "ParseFailure";
    case WasmResultValues.InvalidMemoryAccess:
      return "InvalidMemoryAccess";
    case WasmResultValues.Empty:
      return "Empty";
    case WasmResultValues.CasMismatch:
      return "CasMismatch";
    case WasmResultValues.ResultMismatch:
      return "ResultMismatch";
    case WasmResultValues.InternalFailure:
      return "InternalFailure";
    case WasmResultValues.Unimplemented:
      return "Unimplemented";
    default:
      return (<i32>result).toString();
  }
}

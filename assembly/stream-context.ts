import { HeaderMapTypeValues, WasmResultValues } from "./abi/values";
import { arenaAllocate } from "./bytes/arena";
import { ABSENT, Bytes, bytesOf, lengthOf, pointerOf, textOf } from "./bytes/bytes";
import {
  addHeader,
  getFirstHeader,
  getHeaderPairs,
  removeHeader,
  replaceHeader,
  setHeaderPairs,
} from "./host/headers";

/** A header as texts. */
export class HeaderPair {
  constructor(
    readonly key: string,
    readonly value: string,
  ) {}
}

/** A header or trailer map of the current stream, by texts. */
export class HeaderStreamManipulator {
  constructor(private readonly map: HeaderMapTypeValues) {}

  add(key: string, value: string): WasmResultValues {
    return addHeader(this.map, utf8(key), utf8(value));
  }

  /** Sets the header to this one value. */
  replace(key: string, value: string): WasmResultValues {
    return replaceHeader(this.map, utf8(key), utf8(value));
  }

  /** The first value, or the empty text. For a decision read {@link get_all}: a header may come twice. */
  get(key: string): string {
    const value = getFirstHeader(this.map, utf8(key));
    return value == ABSENT ? "" : textOf(value);
  }

  /** All values of the header. */
  get_all(key: string): string[] {
    const pairs = this.get_headers();
    const values: string[] = [];
    for (let at = 0; at < pairs.length; at++) if (pairs[at].key == key) values.push(pairs[at].value);
    return values;
  }

  remove(key: string): WasmResultValues {
    return removeHeader(this.map, utf8(key));
  }

  get_headers(): HeaderPair[] {
    return readPairs(getHeaderPairs(this.map));
  }

  set_headers(headers: HeaderPair[]): WasmResultValues {
    return setHeaderPairs(this.map, writePairs(headers));
  }
}

/** The maps of one kind. */
export class HeaderMapManipulator {
  constructor(
    readonly request: HeaderStreamManipulator,
    readonly response: HeaderStreamManipulator,
    /** The answer to an HTTP call, while its callback runs. */
    readonly http_callback: HeaderStreamManipulator,
  ) {}
}

/** Headers and trailers of the stream whose callback runs. */
export class StreamContext {
  readonly headers: HeaderMapManipulator = new HeaderMapManipulator(
    new HeaderStreamManipulator(HeaderMapTypeValues.RequestHeaders),
    new HeaderStreamManipulator(HeaderMapTypeValues.ResponseHeaders),
    new HeaderStreamManipulator(HeaderMapTypeValues.HttpCallResponseHeaders),
  );
  readonly trailers: HeaderMapManipulator = new HeaderMapManipulator(
    new HeaderStreamManipulator(HeaderMapTypeValues.RequestTrailers),
    new HeaderStreamManipulator(HeaderMapTypeValues.ResponseTrailers),
    new HeaderStreamManipulator(HeaderMapTypeValues.HttpCallResponseTrailers),
  );
}

export const stream_context = new StreamContext();

/** The UTF-8 form of a text, in the arena. */
export function utf8(text: string): Bytes {
  const length = String.UTF8.byteLength(text);
  const pointer = arenaAllocate(length);
  String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, pointer);
  return bytesOf(pointer, length);
}

/** Headers out of the host's serialization; what does not fit it ends the list. */
export function readPairs(pairs: Bytes): HeaderPair[] {
  const headers: HeaderPair[] = [];
  const end = pointerOf(pairs) + lengthOf(pairs);
  if (lengthOf(pairs) < 4) return headers;
  const count = load<u32>(pointerOf(pairs));
  let sizes = pointerOf(pairs) + 4;
  if (<u64>count * 8 > <u64>(end - sizes)) return headers;
  let at = sizes + <usize>count * 8;
  for (let i: u32 = 0; i < count; i++) {
    const keyLength = load<u32>(sizes);
    const valueLength = load<u32>(sizes, 4);
    sizes += 8;
    if (<u64>keyLength + valueLength + 2 > <u64>(end - at)) break;
    const key = textOf(bytesOf(at, keyLength));
    at += keyLength + 1;
    headers.push(new HeaderPair(key, textOf(bytesOf(at, valueLength))));
    at += valueLength + 1;
  }
  return headers;
}

/** The host's serialization of headers, in the arena. */
export function writePairs(headers: HeaderPair[]): Bytes {
  let size = 4;
  for (let at = 0; at < headers.length; at++) {
    size += 10 + String.UTF8.byteLength(headers[at].key) + String.UTF8.byteLength(headers[at].value);
  }
  const start = arenaAllocate(size);
  store<u32>(start, headers.length);
  let sizes = start + 4;
  let at = sizes + <usize>headers.length * 8;
  for (let i = 0; i < headers.length; i++) {
    const key = writeTerminated(headers[i].key, at);
    at += key + 1;
    const value = writeTerminated(headers[i].value, at);
    at += value + 1;
    store<u32>(sizes, key);
    store<u32>(sizes, value, 4);
    sizes += 8;
  }
  return bytesOf(start, size);
}

/** Writes a text and a NUL; answers the text's length. */
function writeTerminated(text: string, target: usize): u32 {
  const length = <u32>String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, target);
  store<u8>(target + length, 0);
  return length;
}

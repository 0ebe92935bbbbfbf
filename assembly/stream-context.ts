import { HeaderMapTypeValues, WasmResultValues } from "./abi/values";
import { arenaAllocate } from "./bytes/arena";
import { ABSENT, Bytes, bytesOf, textOf } from "./bytes/bytes";
import {
  addHeader,
  getFirstHeader,
  getHeaderPairs,
  removeHeader,
  replaceHeader,
  setHeaderPairs,
} from "./host/headers";
import { pairs, PairsReader } from "./host/pairs";

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
    const headers = this.get_headers();
    const values: string[] = [];
    for (let at = 0; at < headers.length; at++) {
      if (headers[at].key == key) values.push(headers[at].value);
    }
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
export function readPairs(bytes: Bytes): HeaderPair[] {
  const headers: HeaderPair[] = [];
  const reader = new PairsReader(bytes);
  while (reader.next()) headers.push(new HeaderPair(textOf(reader.name), textOf(reader.value)));
  return headers;
}

/** The host's serialization of headers, in the arena. */
export function writePairs(headers: HeaderPair[]): Bytes {
  pairs.begin();
  for (let at = 0; at < headers.length; at++) pairs.add(utf8(headers[at].key), utf8(headers[at].value));
  return pairs.finish();
}

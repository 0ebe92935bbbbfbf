import { HeaderMapTypeValues, WasmResultValues } from "../abi/values";
import { ABSENT, Bytes, textOf } from "../bytes/bytes";
import {
  addHeader,
  getFirstHeader,
  getHeaderBytes,
  getHeaderPairs,
  removeHeader,
  replaceHeader,
  setHeaderPairs,
} from "../host/headers";
import { pairs, PairsReader } from "../host/pairs";
import { utf8 } from "../stream-context";
import { bufferOf, bytesIn } from "./buffers";

/** A header as bytes. */
export class HeaderPair {
  constructor(
    public key: ArrayBuffer,
    public value: ArrayBuffer,
  ) {}

  toString(): string {
    return String.UTF8.decode(this.key) + ":" + String.UTF8.decode(this.value);
  }
}

export type Headers = Array<HeaderPair>;

export function makeHeaderPair(key: string, value: string): HeaderPair {
  return new HeaderPair(String.UTF8.encode(key), String.UTF8.encode(value));
}

/** Headers in the host's serialization, in the arena. */
export function serializeHeaders(headers: Headers): Bytes {
  pairs.begin();
  for (let at = 0; at < headers.length; at++) {
    pairs.add(bytesIn(headers[at].key), bytesIn(headers[at].value));
  }
  return pairs.finish();
}

/** Headers out of the host's serialization; what does not fit it ends the list. */
function deserializeHeaders(bytes: Bytes): Headers {
  const headers: Headers = [];
  const reader = new PairsReader(bytes);
  while (reader.next()) headers.push(new HeaderPair(bufferOf(reader.name), bufferOf(reader.value)));
  return headers;
}

/** A header or trailer map of the current stream or call. Where it cannot be changed now, nothing happens. */
class HeaderStreamManipulator {
  constructor(private readonly typ: HeaderMapTypeValues) {}

  add(key: string, value: string): void {
    addHeader(this.typ, utf8(key), utf8(value));
  }

  replace(key: string, value: string): void {
    replaceHeader(this.typ, utf8(key), utf8(value));
  }

  /** The first value, or the empty text. */
  get(key: string): string {
    const value = getFirstHeader(this.typ, utf8(key));
    return value == ABSENT ? "" : textOf(value);
  }

  remove(key: string): void {
    removeHeader(this.typ, utf8(key));
  }

  get_headers(): Headers {
    return deserializeHeaders(getHeaderPairs(this.typ));
  }

  set_headers(headers: Headers): void {
    setHeaderPairs(this.typ, serializeHeaders(headers));
  }
}

class HeaderMapManipulator {
  constructor(
    readonly request: HeaderStreamManipulator,
    readonly response: HeaderStreamManipulator,
    readonly http_callback: HeaderStreamManipulator,
  ) {}
}

class StreamContext {
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

export function add_header_map_value(
  typ: HeaderMapTypeValues,
  key: ArrayBuffer,
  value: ArrayBuffer,
): WasmResultValues {
  return addHeader(typ, bytesIn(key), bytesIn(value));
}

export function add_header_map_value_string(
  typ: HeaderMapTypeValues,
  key: string,
  value: string,
): WasmResultValues {
  return addHeader(typ, utf8(key), utf8(value));
}

/** No bytes where there is no such header. */
export function get_header_map_value(typ: HeaderMapTypeValues, key: ArrayBuffer): ArrayBuffer {
  return bufferOf(getFirstHeader(typ, bytesIn(key)));
}

export function replace_header_map_value(
  typ: HeaderMapTypeValues,
  key: ArrayBuffer,
  value: ArrayBuffer,
): void {
  replaceHeader(typ, bytesIn(key), bytesIn(value));
}

export function replace_header_map_value_string(typ: HeaderMapTypeValues, key: string, value: string): void {
  replaceHeader(typ, utf8(key), utf8(value));
}

export function remove_header_map_value(typ: HeaderMapTypeValues, key: ArrayBuffer): void {
  removeHeader(typ, bytesIn(key));
}

export function remove_header_map_value_string(typ: HeaderMapTypeValues, key: string): void {
  removeHeader(typ, utf8(key));
}

/** The size of all names and values in bytes; 0 where the map cannot be read now. */
export function get_header_map_size(typ: HeaderMapTypeValues): usize {
  return getHeaderBytes(typ);
}

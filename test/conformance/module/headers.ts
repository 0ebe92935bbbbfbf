/** Operations on header and trailer maps, by bytes and (`text-..`) by texts. */
import {
  proxy_get_header_map_pairs,
  proxy_get_header_map_size,
  proxy_get_header_map_value,
} from "../../../assembly/abi/imports";
import { HeaderMapTypeValues, WasmResultValues } from "../../../assembly/abi/values";
import { ABSENT, Bytes, bytesOf, lengthOf, pointerOf } from "../../../assembly/bytes/bytes";
import {
  addHeader,
  getFirstHeader,
  getHeaderBytes,
  getHeaderPairs,
  removeHeader,
  replaceHeader,
  setHeaderPairs,
} from "../../../assembly/host/headers";
import { returnedLength, returnedPointer } from "../../../assembly/host/returned";
import {
  HeaderPair,
  HeaderStreamManipulator,
  stream_context,
  writePairs,
} from "../../../assembly/stream-context";
import { Arguments, nameOf, show } from "./script";

/** What the operation came to; null for one that is not of headers. */
export function headerOperation(operation: string, given: Arguments): string | null {
  const map = mapOf(given.text(0));
  if (operation == "get") return first(map, given.bytes(1));
  if (operation == "pairs") return pairs(map);
  if (operation == "size") return size(map);
  if (operation == "add") return nameOf(addHeader(map, given.bytes(1), given.bytes(2)));
  if (operation == "replace") return nameOf(replaceHeader(map, given.bytes(1), given.bytes(2)));
  if (operation == "remove") return nameOf(removeHeader(map, given.bytes(1)));
  if (operation == "set-pairs") return nameOf(setHeaderPairs(map, writePairs(pairsOf(given, 1))));
  if (!operation.startsWith("text-")) return null;
  const texts = manipulatorOf(map);
  if (operation == "text-get") return texts.get(given.text(1));
  if (operation == "text-get-all") return texts.get_all(given.text(1)).join("|");
  if (operation == "text-add") return nameOf(texts.add(given.text(1), given.text(2)));
  if (operation == "text-replace") return nameOf(texts.replace(given.text(1), given.text(2)));
  if (operation == "text-remove") return nameOf(texts.remove(given.text(1)));
  if (operation == "text-count") return texts.get_headers().length.toString();
  if (operation == "text-set") return nameOf(texts.set_headers(pairsOf(given, 1)));
  return null;
}

/** Names and values in turn, from an argument on. */
export function pairsOf(given: Arguments, from: i32): HeaderPair[] {
  const pairs: HeaderPair[] = [];
  for (let at = from; at + 1 < given.count; at += 2)
    pairs.push(new HeaderPair(given.text(at), given.text(at + 1)));
  return pairs;
}

/** The value, or what the host answered instead of one. */
function first(map: HeaderMapTypeValues, name: Bytes): string {
  const value = getFirstHeader(map, name);
  if (value != ABSENT) return show(value);
  return nameOf(
    proxy_get_header_map_value(map, pointerOf(name), lengthOf(name), returnedPointer(), returnedLength()),
  );
}

/** A line a pair. */
function pairs(map: HeaderMapTypeValues): string {
  const block = getHeaderPairs(map);
  if (block == ABSENT) return nameOf(proxy_get_header_map_pairs(map, returnedPointer(), returnedLength()));
  if (lengthOf(block) == 0) return "none";
  const lines: string[] = [];
  const count = load<u32>(pointerOf(block));
  let sizes = pointerOf(block) + 4;
  let at = sizes + <usize>count * 8;
  for (let i: u32 = 0; i < count; i++) {
    const name = bytesOf(at, load<u32>(sizes));
    at += lengthOf(name) + 1;
    const value = bytesOf(at, load<u32>(sizes, 4));
    at += lengthOf(value) + 1;
    sizes += 8;
    lines.push(show(name) + ": " + show(value));
  }
  return lines.join("\n");
}

function size(map: HeaderMapTypeValues): string {
  const bytes = getHeaderBytes(map);
  const answer = proxy_get_header_map_size(map, returnedPointer());
  return answer == WasmResultValues.Ok ? bytes.toString() : nameOf(answer);
}

function mapOf(name: string): HeaderMapTypeValues {
  if (name == "request") return HeaderMapTypeValues.RequestHeaders;
  if (name == "request-trailers") return HeaderMapTypeValues.RequestTrailers;
  if (name == "response") return HeaderMapTypeValues.ResponseHeaders;
  if (name == "response-trailers") return HeaderMapTypeValues.ResponseTrailers;
  if (name == "call-response") return HeaderMapTypeValues.HttpCallResponseHeaders;
  if (name == "call-response-trailers") return HeaderMapTypeValues.HttpCallResponseTrailers;
  if (name == "grpc-initial") return HeaderMapTypeValues.GrpcReceiveInitialMetadata;
  if (name == "grpc-trailing") return HeaderMapTypeValues.GrpcReceiveTrailingMetadata;
  return <HeaderMapTypeValues>99;
}

function manipulatorOf(map: HeaderMapTypeValues): HeaderStreamManipulator {
  if (map == HeaderMapTypeValues.RequestHeaders) return stream_context.headers.request;
  if (map == HeaderMapTypeValues.RequestTrailers) return stream_context.trailers.request;
  if (map == HeaderMapTypeValues.ResponseHeaders) return stream_context.headers.response;
  return stream_context.trailers.response;
}

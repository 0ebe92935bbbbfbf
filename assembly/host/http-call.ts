import { proxy_http_call } from "../abi/imports";
import { WasmResultValues } from "../abi/values";
import { Bytes, lengthOf, pointerOf } from "../bytes/bytes";
import { returnedPointer, returnedU32 } from "./returned";

/**
 * HTTP calls to a cluster of the proxy. The answer comes to the root context (`Root.httpCallResponse`), also when a
 * stream has called: with `:status` and body (`HttpCallResponseHeaders`, `HttpCallResponseBody`), or with nothing.
 */

/** The token of no call. */
export const NO_CALL: u32 = 0;

/** What the last call answered: `BadArgument` for a cluster that is not there or a missing pseudo-header. */
export let callResult: WasmResultValues = WasmResultValues.Ok;

/**
 * Sends a request; its token, or {@link NO_CALL} with the reason in {@link callResult} (then nothing more comes of it).
 * `headers` and `trailers` are serialized pairs (`PairsWriter`), `:method`, `:path` and `:authority` among the headers; an empty
 * body sends none. `timeout` is in milliseconds; 0 waits for ever, and above 2^31 - 1 is refused.
 */
export function sendHttpCall(
  cluster: Bytes,
  headers: Bytes,
  body: Bytes,
  trailers: Bytes,
  timeout: u32,
): u32 {
  callResult = proxy_http_call(
    pointerOf(cluster),
    lengthOf(cluster),
    pointerOf(headers),
    lengthOf(headers),
    pointerOf(body),
    lengthOf(body),
    pointerOf(trailers),
    lengthOf(trailers),
    timeout,
    returnedPointer(),
  );
  return callResult == WasmResultValues.Ok ? returnedU32() : NO_CALL;
}

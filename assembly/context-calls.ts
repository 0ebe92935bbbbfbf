import { findStream } from "./abi/streams";
import { proxy_set_effective_context } from "./abi/imports";
import { WasmResultValues } from "./abi/values";
import { bytesOf } from "./bytes/bytes";
import { Context } from "./context";
import { callResult, NO_CALL, sendHttpCall } from "./host/http-call";
import { HeaderPair, utf8, writePairs } from "./stream-context";

/** What is called with the answer: the number of headers, the size of the body, the number of trailers; 0 where it failed. */
export type HttpCallback = (origin_context: Context, headers: u32, body_size: usize, trailers: u32) => void;

/** A call of a developer's context that waits for its answer. */
class PendingCall {
  constructor(
    readonly origin: Context,
    readonly callback: HttpCallback,
  ) {}
}

/** Calls that may wait at once: without a timeout, what is never answered would gather for ever. */
const MOST_PENDING: i32 = 16384;

const pending = new Map<u32, PendingCall>();

/** Sends a call in the name of a stream. See `RootContext.httpCall`. */
export function callInTheNameOf(
  origin: Context,
  cluster: string,
  headers: HeaderPair[],
  body: ArrayBuffer,
  trailers: HeaderPair[],
  timeout: u32,
  callback: HttpCallback,
): WasmResultValues {
  if (pending.size >= MOST_PENDING) return WasmResultValues.InternalFailure;
  const token = sendHttpCall(
    utf8(cluster),
    writePairs(headers),
    bytesOf(changetype<usize>(body), body.byteLength),
    writePairs(trailers),
    timeout,
  );
  if (token != NO_CALL) pending.set(token, new PendingCall(origin, callback));
  return callResult;
}

/** Hands an answer to the stream that called, whose maps it then has; false when no stream's call has this token. */
export function answerPending(token: u32, headers: u32, bodySize: u32, trailers: u32): bool {
  if (!pending.has(token)) return false;
  const call = pending.get(token);
  pending.delete(token);
  const id = call.origin.context_id;
  // A stream that has ended meanwhile wants no answer any more.
  if (findStream(id) == 0 || proxy_set_effective_context(id) != WasmResultValues.Ok) return true;
  call.callback(call.origin, headers, bodySize, trailers);
  return true;
}

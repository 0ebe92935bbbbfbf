import { proxy_continue_stream, proxy_send_local_response } from "../abi/imports";
import { GrpcStatusValues, StreamTypeValues, WasmResultValues } from "../abi/values";
import { Bytes, lengthOf, pointerOf } from "../bytes/bytes";

/**
 * Answers the request here instead of upstream. `details` becomes the access log's `response_code_details`
 * (Envoy turns white space in it into `_`). `headers` are serialized pairs (see `PairsWriter`) or nothing.
 */
export function sendLocalResponse(
  status: u32,
  details: Bytes,
  body: Bytes,
  headers: Bytes,
  grpcStatus: GrpcStatusValues = GrpcStatusValues.InvalidCode,
): WasmResultValues {
  return proxy_send_local_response(
    status,
    pointerOf(details),
    lengthOf(details),
    pointerOf(body),
    lengthOf(body),
    pointerOf(headers),
    lengthOf(headers),
    grpcStatus,
  );
}

/** Lets a request go on that was stopped. Afterwards its headers cannot be changed any more. */
export function continueRequest(): WasmResultValues {
  return proxy_continue_stream(StreamTypeValues.Request);
}

export function continueResponse(): WasmResultValues {
  return proxy_continue_stream(StreamTypeValues.Response);
}

import { proxy_continue_stream, proxy_send_local_response } from "../abi/imports";
import { GrpcStatusValues, StreamTypeValues, WasmResultValues } from "../abi/values";
import { Bytes, lengthOf, pointerOf } from "../bytes/bytes";

/**
 * Answers the request here instead of upstream. `details` becomes the access log's `response_code_details`
 * (Envoy turns white space in it into `_`). `headers` are serialized pairs (`writePairs`) or nothing.
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

/**
 * Lets a request go on whose callback has answered "stop": from a tick or a call's answer. Afterwards its headers
 * cannot be changed any more. Not for one that is not stopped: later filters would get its headers twice. Nor after
 * a local response: the request may reach the upstream all the same.
 */
export function continueRequest(): WasmResultValues {
  return proxy_continue_stream(StreamTypeValues.Request);
}

/** As {@link continueRequest}. Of a response that is not stopped, Envoy 1.40 dies of it (SIGSEGV). */
export function continueResponse(): WasmResultValues {
  return proxy_continue_stream(StreamTypeValues.Response);
}

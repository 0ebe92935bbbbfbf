import { GrpcStatusValues, WasmResultValues } from "./abi/values";
import { sendLocalResponse } from "./host/local-response";
import { HeaderPair, utf8, writePairs } from "./stream-context";

/** Answers the request here, by texts. See `sendLocalResponse`. */
export function send_local_response(
  response_code: u32,
  response_code_details: string,
  body: string,
  additional_headers: HeaderPair[],
  grpc_status: GrpcStatusValues,
): WasmResultValues {
  return sendLocalResponse(
    response_code,
    utf8(response_code_details),
    utf8(body),
    writePairs(additional_headers),
    grpc_status,
  );
}

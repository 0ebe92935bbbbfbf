/** Operations that call: HTTP, gRPC. */
import { proxy_get_status, proxy_grpc_call, proxy_grpc_stream } from "../../../assembly/abi/imports";
import { WasmResultValues } from "../../../assembly/abi/values";
import { arenaAllocate } from "../../../assembly/bytes/arena";
import { ABSENT, Bytes, bytesOf, lengthOf, literal, pointerOf } from "../../../assembly/bytes/bytes";
import {
  cancelGrpc,
  closeGrpc,
  grpcResult,
  grpcStatusMessage,
  openGrpcStream,
  sendGrpcCall,
  sendGrpcMessage,
} from "../../../assembly/host/grpc";
import { callResult, sendHttpCall } from "../../../assembly/host/http-call";
import { pairs } from "../../../assembly/host/pairs";
import { returnedBytes, returnedLength, returnedPointer } from "../../../assembly/host/returned";
import { Arguments, nameOf, show } from "./script";

/** The token of what was sent last, until somebody takes it. */
let sent: u32 = 0;
/** That of the last gRPC call or stream. */
let grpc: u32 = 0;

export function takeSentToken(): u32 {
  const token = sent;
  sent = 0;
  return token;
}

/** Of an HTTP call that failed: the status and what is said of it. */
export function callStatus(): string {
  const code: usize = memory.data(4, 4);
  const answer = proxy_get_status(code, returnedPointer(), returnedLength());
  return answer == WasmResultValues.Ok
    ? load<u32>(code).toString() + " " + show(returnedBytes())
    : nameOf(answer);
}

export function grpcStatus(): string {
  return show(grpcStatusMessage());
}

/** What the operation came to; null for one that does not call. */
export function callOperation(operation: string, given: Arguments): string | null {
  if (operation == "http-call") {
    sent = sendHttpCall(given.bytes(0), block(given, 3), given.bytes(2), ABSENT, <u32>given.number(1));
    return nameOf(callResult);
  }
  if (operation == "http-call-trailers") {
    const headers = pairs.begin().add(METHOD, POST).add(PATH, SLASH).add(AUTHORITY, given.bytes(0)).finish();
    sent = sendHttpCall(given.bytes(0), headers, given.bytes(2), block(given, 3), <u32>given.number(1));
    return nameOf(callResult);
  }
  if (operation == "http-call-large") {
    const length = <u32>given.number(2);
    const target = arenaAllocate(length);
    memory.fill(target, 0x61, length);
    sent = sendHttpCall(
      given.bytes(0),
      block(given, 3),
      bytesOf(target, length),
      ABSENT,
      <u32>given.number(1),
    );
    return nameOf(callResult);
  }
  return operation.startsWith("grpc-") ? grpcOperation(operation, given) : null;
}

function grpcOperation(operation: string, given: Arguments): string | null {
  if (operation == "grpc-call") {
    sent = sendGrpcCall(
      given.bytes(0),
      given.bytes(1),
      given.bytes(2),
      block(given, 5),
      given.bytes(4),
      <u32>given.number(3),
    );
    grpc = sent;
    return nameOf(grpcResult);
  }
  if (operation == "grpc-stream") {
    sent = openGrpcStream(given.bytes(0), given.bytes(1), given.bytes(2), block(given, 3));
    grpc = sent;
    return nameOf(grpcResult);
  }
  if (operation == "grpc-call-to") return nameOf(callTo(given.bytes(0)));
  if (operation == "grpc-stream-to") return nameOf(streamTo(given.bytes(0)));
  if (operation == "grpc-send") return nameOf(sendGrpcMessage(grpc, given.bytes(0), given.text(1) == "end"));
  if (operation == "grpc-close") return nameOf(closeGrpc(grpc));
  if (operation == "grpc-cancel") return nameOf(cancelGrpc(grpc));
  if (operation == "grpc-kind") return (grpc & 3).toString();
  // Of a token that is none.
  if (operation == "grpc-send-to") return nameOf(sendGrpcMessage(<u32>given.number(0), given.bytes(1)));
  if (operation == "grpc-close-of") return nameOf(closeGrpc(<u32>given.number(0)));
  if (operation == "grpc-cancel-of") return nameOf(cancelGrpc(<u32>given.number(0)));
  return null;
}

/** To these bytes as the target, whatever they are. */
function callTo(target: Bytes): WasmResultValues {
  const at = pointerOf(target);
  const size = lengthOf(target);
  return proxy_grpc_call(at, size, at, size, at, size, 0, 0, 0, 0, 100, returnedPointer());
}

function streamTo(target: Bytes): WasmResultValues {
  const at = pointerOf(target);
  const size = lengthOf(target);
  return proxy_grpc_stream(at, size, at, size, at, size, 0, 0, returnedPointer());
}

/** Names and values in turn, from an argument on. */
function block(given: Arguments, from: i32): Bytes {
  pairs.begin();
  for (let at = from; at + 1 < given.count; at += 2) pairs.add(given.bytes(at), given.bytes(at + 1));
  return pairs.finish();
}

const METHOD = literal(":method");
const PATH = literal(":path");
const AUTHORITY = literal(":authority");
const POST = literal("POST");
const SLASH = literal("/");

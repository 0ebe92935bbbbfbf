import {
  proxy_get_status,
  proxy_grpc_call,
  proxy_grpc_cancel,
  proxy_grpc_close,
  proxy_grpc_send,
  proxy_grpc_stream,
} from "../abi/imports";
import { WasmResultValues } from "../abi/values";
import { arenaAllocate } from "../bytes/arena";
import { ABSENT, Bytes, bytesOf, copyTo, lengthOf, pointerOf } from "../bytes/bytes";
import { returnedBytes, returnedLength, returnedPointer, returnedU32 } from "./returned";
import { NO_CALL } from "./http-call";

/**
 * gRPC calls (one message each way) and streams, to a cluster of the proxy that speaks HTTP/2. Whatever comes of them
 * comes to the root context: `Root.grpcReceived` with a message in `GrpcReceiveBuffer`, `Root.grpcClosed` with a status.
 * A call gets exactly one of the two, the second where it failed; a stream any number of the first and then the second.
 */

/** What the last call answered. */
export let grpcResult: WasmResultValues = WasmResultValues.Ok;

/**
 * A cluster as the target of a call: a serialized `envoy.config.core.v3.GrpcService` with `envoy_grpc.cluster_name`, in
 * the arena. Never give the host the bare name: what happens to parse as that message ("", "envoy") aborts the whole proxy
 * (`Context::grpcCall` in Envoy's `context.cc`). An empty name does so in the message as well, so it is {@link ABSENT}.
 * `authority` is what the server gets as `:authority`; without it, it gets the cluster's name.
 */
export function grpcTarget(cluster: Bytes, authority: Bytes = ABSENT): Bytes {
  if (lengthOf(cluster) == 0) return ABSENT;
  // Field 1 of GrpcService is envoy_grpc; of that, field 1 is cluster_name and field 2 authority. All are length-delimited.
  const inner = fieldSize(cluster) + fieldSize(authority);
  const size = 1 + varintSize(inner) + inner;
  const start = arenaAllocate(size);
  store<u8>(start, 0x0a);
  writeField(writeField(writeVarint(start + 1, inner), 0x0a, cluster), 0x12, authority);
  return bytesOf(start, size);
}

/** Bytes of a field with a tag of one byte; none where it is empty. */
function fieldSize(value: Bytes): u32 {
  const length = lengthOf(value);
  return length == 0 ? 0 : 1 + varintSize(length) + length;
}

function writeField(at: usize, tag: u8, value: Bytes): usize {
  if (lengthOf(value) == 0) return at;
  store<u8>(at, tag);
  const start = writeVarint(at + 1, lengthOf(value));
  return start + copyTo(start, value);
}

/**
 * Calls `service` (`package.Service`) and `method` with one message; the token, or {@link NO_CALL} with the reason in
 * {@link grpcResult}. `metadata` is serialized pairs or no bytes. `timeout` is in milliseconds; with 0 Envoy waits for ever, but tells
 * the server `grpc-timeout: 0m`, and a server that heeds it answers nothing. `authority` as in {@link grpcTarget}.
 */
export function sendGrpcCall(
  cluster: Bytes,
  service: Bytes,
  method: Bytes,
  metadata: Bytes,
  message: Bytes,
  timeout: u32,
  authority: Bytes = ABSENT,
): u32 {
  const target = grpcTarget(cluster, authority);
  if (target == ABSENT) {
    grpcResult = WasmResultValues.BadArgument;
    return NO_CALL;
  }
  grpcResult = proxy_grpc_call(
    pointerOf(target),
    lengthOf(target),
    pointerOf(service),
    lengthOf(service),
    pointerOf(method),
    lengthOf(method),
    pointerOf(metadata),
    lengthOf(metadata),
    pointerOf(message),
    lengthOf(message),
    timeout,
    returnedPointer(),
  );
  return grpcResult == WasmResultValues.Ok ? returnedU32() : NO_CALL;
}

/** Opens a stream; as {@link sendGrpcCall}, without a timeout. */
export function openGrpcStream(cluster: Bytes, service: Bytes, method: Bytes, metadata: Bytes): u32 {
  const target = grpcTarget(cluster);
  if (target == ABSENT) {
    grpcResult = WasmResultValues.BadArgument;
    return NO_CALL;
  }
  grpcResult = proxy_grpc_stream(
    pointerOf(target),
    lengthOf(target),
    pointerOf(service),
    lengthOf(service),
    pointerOf(method),
    lengthOf(method),
    pointerOf(metadata),
    lengthOf(metadata),
    returnedPointer(),
  );
  return grpcResult == WasmResultValues.Ok ? returnedU32() : NO_CALL;
}

/** Sends a message on a stream; with `end` this side has nothing more to say. */
export function sendGrpcMessage(stream: u32, message: Bytes, end: bool = false): WasmResultValues {
  return proxy_grpc_send(stream, pointerOf(message), lengthOf(message), end ? 1 : 0);
}

/** Ends this side of a stream; cancels a call. */
export function closeGrpc(token: u32): WasmResultValues {
  return proxy_grpc_close(token);
}

/** Gives a call or a stream up: nothing more comes of it. */
export function cancelGrpc(token: u32): WasmResultValues {
  return proxy_grpc_cancel(token);
}

/** The message that goes with the status in `Root.grpcClosed`, while that runs; {@link ABSENT} when it cannot be had. */
export function grpcStatusMessage(): Bytes {
  const answer = proxy_get_status(STATUS, returnedPointer(), returnedLength());
  return answer == WasmResultValues.Ok ? returnedBytes() : ABSENT;
}

// @ts-ignore: decorator
@lazy const STATUS: usize = memory.data(4, 4);

function varintSize(value: u32): u32 {
  let size: u32 = 1;
  for (; value > 0x7f; value >>>= 7) size++;
  return size;
}

/** Base 128, the lowest group first (protobuf encoding); answers where it ends. */
function writeVarint(at: usize, value: u32): usize {
  for (; value > 0x7f; value >>>= 7) store<u8>(at++, (value & 0x7f) | 0x80);
  store<u8>(at, value);
  return at + 1;
}

/** Operations on bodies and the host's other buffers. */
import { proxy_get_buffer_bytes, proxy_get_buffer_status } from "../../../assembly/abi/imports";
import { BufferTypeValues, WasmResultValues } from "../../../assembly/abi/values";
import { ABSENT } from "../../../assembly/bytes/bytes";
import {
  appendToBuffer,
  getBuffer,
  getBufferSize,
  prependToBuffer,
  replaceBuffer,
  setBuffer,
} from "../../../assembly/host/buffers";
import { returnedLength, returnedPointer } from "../../../assembly/host/returned";
import { Arguments, nameOf, show } from "./script";

/** What the operation came to; null for one that is not of bodies. */
export function bodyOperation(operation: string, given: Arguments): string | null {
  const buffer = bufferOf(given.text(0));
  if (operation == "body") return part(buffer, <u32>given.number(1), <u32>given.number(2));
  if (operation == "body-size") return size(buffer);
  if (operation == "prepend") return nameOf(prependToBuffer(buffer, given.bytes(1)));
  if (operation == "append") return nameOf(appendToBuffer(buffer, given.bytes(1)));
  if (operation == "replace-body") return nameOf(replaceBuffer(buffer, given.bytes(1)));
  if (operation == "set-body")
    return nameOf(setBuffer(buffer, <u32>given.number(1), <u32>given.number(2), given.bytes(3)));
  return null;
}

/** The bytes, or what the host answered instead. */
function part(buffer: BufferTypeValues, start: u32, length: u32): string {
  const bytes = getBuffer(buffer, start, length);
  if (bytes != ABSENT) return show(bytes);
  return nameOf(proxy_get_buffer_bytes(buffer, start, length, returnedPointer(), returnedLength()));
}

function size(buffer: BufferTypeValues): string {
  const length = getBufferSize(buffer);
  const answer = proxy_get_buffer_status(buffer, returnedPointer(), returnedLength());
  return answer == WasmResultValues.Ok ? length.toString() : nameOf(answer);
}

function bufferOf(name: string): BufferTypeValues {
  if (name == "request") return BufferTypeValues.HttpRequestBody;
  if (name == "response") return BufferTypeValues.HttpResponseBody;
  if (name == "downstream") return BufferTypeValues.NetworkDownstreamData;
  if (name == "upstream") return BufferTypeValues.NetworkUpstreamData;
  if (name == "call-response") return BufferTypeValues.HttpCallResponseBody;
  if (name == "grpc") return BufferTypeValues.GrpcReceiveBuffer;
  if (name == "vm-configuration") return BufferTypeValues.VmConfiguration;
  if (name == "plugin-configuration") return BufferTypeValues.PluginConfiguration;
  return <BufferTypeValues>99;
}

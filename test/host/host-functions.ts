/**
 * The functions of the module `env` (proxy-wasm-cpp-host `exports.cc`): they check pointers, and leave
 * the rest to the context, as there. A pointer out of bounds is InvalidMemoryAccess.
 */
import { MAX_BUFFER_TYPE, MAX_HEADER_MAP_TYPE, LogLevel, WasmResult } from "./abi.ts";
import { callFunctions } from "./call-functions.ts";
import { concatBytes, decodeUtf8, NO_BYTES } from "./bytes.ts";
import type { HeaderMap } from "./header-map.ts";
import { pairsSize, readPairs, writePairs } from "./pairs.ts";
import { getProperty } from "./properties.ts";
import type { Vm } from "./vm.ts";

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- parameters follow `signatures.ts`
export type HostFunction = (...args: any[]) => number;

const { Ok, NotFound, BadArgument, SerializationFailure, InvalidMemoryAccess } = WasmResult;

/** The largest gRPC status code; anything else, such as -1, means that none was given. */
const MAX_GRPC_STATUS = 16;
const MAX_STREAM_TYPE = 3;

export function proxyFunctions(vm: Vm): Record<string, HostFunction> {
  return {
    ...logFunctions(vm),
    ...headerFunctions(vm),
    ...bufferFunctions(vm),
    ...propertyFunctions(vm),
    ...streamFunctions(vm),
    ...sharedDataFunctions(vm),
    ...metricFunctions(vm),
    ...contextFunctions(vm),
    ...callFunctions(vm),
  };
}

function logFunctions(vm: Vm): Record<string, HostFunction> {
  return {
    proxy_log(level: number, pointer: number, size: number) {
      if (level > LogLevel.Critical) return BadArgument;
      if (!vm.inBounds(pointer, size)) return InvalidMemoryAccess;
      if (level >= vm.services.logLevel) {
        const text = decodeUtf8(vm.memory.subarray(pointer, pointer + size));
        vm.services.log(level as LogLevel, text, vm.context.plugin?.name ?? "");
      }
      return Ok;
    },
    proxy_get_log_level(result: number) {
      return vm.writeU32(result, vm.services.logLevel) ? Ok : InvalidMemoryAccess;
    },
  };
}

function headerFunctions(vm: Vm): Record<string, HostFunction> {
  /** Looks the map up, changes it, and says so; BadArgument where this phase has none. */
  const change = (type: number, action: (map: HeaderMap) => void): number => {
    const map = vm.context.mutableHeaderMap(type);
    if (map === null) return BadArgument;
    action(map);
    vm.context.headersModified(type);
    return Ok;
  };
  return {
    proxy_get_header_map_value(type: number, key: number, keySize: number, pointer: number, size: number) {
      if (type > MAX_HEADER_MAP_TYPE) return BadArgument;
      const name = vm.readString(key, keySize);
      if (name === null) return InvalidMemoryAccess;
      const map = vm.context.headerMap(type);
      if (map === null) return vm.context.inAccessLog ? NotFound : BadArgument;
      const value = map.getFirst(name);
      if (value === null) return NotFound;
      return vm.returnString(value, pointer, size) ? Ok : InvalidMemoryAccess;
    },
    proxy_add_header_map_value(type: number, key: number, keySize: number, value: number, valueSize: number) {
      if (type > MAX_HEADER_MAP_TYPE) return BadArgument;
      const name = vm.readString(key, keySize);
      const text = vm.readString(value, valueSize);
      if (name === null || text === null) return InvalidMemoryAccess;
      return change(type, (map) => map.add(name, text));
    },
    proxy_replace_header_map_value(
      type: number,
      key: number,
      keySize: number,
      value: number,
      valueSize: number,
    ) {
      if (type > MAX_HEADER_MAP_TYPE) return BadArgument;
      const name = vm.readString(key, keySize);
      const text = vm.readString(value, valueSize);
      if (name === null || text === null) return InvalidMemoryAccess;
      return change(type, (map) => map.replace(name, text));
    },
    proxy_remove_header_map_value(type: number, key: number, keySize: number) {
      if (type > MAX_HEADER_MAP_TYPE) return BadArgument;
      const name = vm.readString(key, keySize);
      if (name === null) return InvalidMemoryAccess;
      return change(type, (map) => map.remove(name));
    },
    /** A map that is not there is Ok and empty. */
    proxy_get_header_map_pairs(type: number, pointer: number, size: number) {
      if (type > MAX_HEADER_MAP_TYPE) return BadArgument;
      const flat = vm.context.headerMap(type)?.flat ?? [];
      if (flat.length === 0) return vm.returnBytes(NO_BYTES, pointer, size) ? Ok : InvalidMemoryAccess;
      const bytes = pairsSize(flat);
      const at = vm.allocate(bytes);
      if (at === 0) return InvalidMemoryAccess;
      writePairs(vm.memory, vm.view, at, flat);
      return vm.writeU32(pointer, at) && vm.writeU32(size, bytes) ? Ok : InvalidMemoryAccess;
    },
    proxy_set_header_map_pairs(type: number, pointer: number, size: number) {
      if (type > MAX_HEADER_MAP_TYPE) return BadArgument;
      if (!vm.inBounds(pointer, size)) return InvalidMemoryAccess;
      const flat = readPairs(vm.memory, pointer, size);
      return change(type, (map) => {
        map.clear();
        for (let i = 0; i < flat.length; i += 2) map.add(flat[i]!, flat[i + 1]!);
      });
    },
    proxy_get_header_map_size(type: number, result: number) {
      if (type > MAX_HEADER_MAP_TYPE) return BadArgument;
      const map = vm.context.mutableHeaderMap(type);
      if (map === null) return BadArgument;
      return vm.writeU32(result, map.byteSize) ? Ok : InvalidMemoryAccess;
    },
  };
}

function bufferFunctions(vm: Vm): Record<string, HostFunction> {
  return {
    /** Of no bytes it is Ok and writes neither pointer nor size. */
    proxy_get_buffer_bytes(type: number, start: number, length: number, pointer: number, size: number) {
      if (type > MAX_BUFFER_TYPE) return BadArgument;
      const buffer = vm.context.buffer(type);
      if (buffer === null) return NotFound;
      const bytes = "body" in buffer ? buffer.body.bytes : buffer.bytes;
      const end = Math.min(start + length, bytes.length);
      if (end <= start) return Ok;
      return vm.returnBytes(bytes.subarray(start, end), pointer, size) ? Ok : InvalidMemoryAccess;
    },
    proxy_get_buffer_status(type: number, length: number, flags: number) {
      if (type > MAX_BUFFER_TYPE) return BadArgument;
      const buffer = vm.context.buffer(type);
      if (buffer === null) return NotFound;
      const bytes = "body" in buffer ? buffer.body.bytes : buffer.bytes;
      return vm.writeU32(length, bytes.length) && vm.writeU32(flags, 0) ? Ok : InvalidMemoryAccess;
    },
    /** Replaces the beginning (prepends when that is empty), or appends at the end; else BadArgument. */
    proxy_set_buffer_bytes(type: number, start: number, length: number, data: number, dataSize: number) {
      if (type > MAX_BUFFER_TYPE) return BadArgument;
      const buffer = vm.context.buffer(type);
      if (buffer === null) return NotFound;
      const bytes = vm.readBytes(data, dataSize);
      if (bytes === null) return InvalidMemoryAccess;
      if (!("body" in buffer)) return BadArgument;
      const { body } = buffer;
      if (start === 0) body.bytes = concatBytes(bytes, body.bytes.subarray(length));
      else if (start >= body.bytes.length) body.bytes = concatBytes(body.bytes, bytes);
      else return BadArgument;
      return Ok;
    },
  };
}

function propertyFunctions(vm: Vm): Record<string, HostFunction> {
  return {
    proxy_get_property(path: number, pathSize: number, pointer: number, size: number) {
      const key = vm.readString(path, pathSize);
      if (key === null) return InvalidMemoryAccess;
      if (key === "") return SerializationFailure;
      const value = getProperty(vm.context, key);
      if (typeof value !== "string") return value;
      return vm.returnString(value, pointer, size) ? Ok : InvalidMemoryAccess;
    },
    proxy_set_property(path: number, pathSize: number, value: number, valueSize: number) {
      const key = vm.readString(path, pathSize);
      const text = vm.readString(value, valueSize);
      if (key === null || text === null) return InvalidMemoryAccess;
      return vm.context.setProperty(key, text);
    },
  };
}

function streamFunctions(vm: Vm): Record<string, HostFunction> {
  return {
    proxy_send_local_response(
      status: number,
      details: number,
      detailsSize: number,
      body: number,
      bodySize: number,
      headers: number,
      headersSize: number,
      grpcStatus: number,
    ) {
      const detailsText = vm.readString(details, detailsSize);
      const bodyBytes = vm.readBytes(body, bodySize);
      if (detailsText === null || bodyBytes === null || !vm.inBounds(headers, headersSize)) {
        return InvalidMemoryAccess;
      }
      vm.context.sendLocalResponse({
        status,
        body: bodyBytes,
        headers: readPairs(vm.memory, headers, headersSize),
        grpcStatus: grpcStatus <= MAX_GRPC_STATUS ? grpcStatus : null,
        details: detailsText.replace(/[ \t\n\v\f\r]/g, "_"),
      });
      vm.stopNextIteration = true;
      return Ok;
    },
    proxy_continue_stream(type: number) {
      return type > MAX_STREAM_TYPE ? BadArgument : vm.context.continueStream(type);
    },
    proxy_close_stream(type: number) {
      return type > MAX_STREAM_TYPE ? BadArgument : vm.context.closeStream(type);
    },
    proxy_get_status(code: number, pointer: number, size: number) {
      const { statusCode, statusMessage } = vm.context;
      if (!vm.writeU32(code, statusCode)) return InvalidMemoryAccess;
      return vm.returnString(statusMessage, pointer, size) ? Ok : InvalidMemoryAccess;
    },
  };
}

function sharedDataFunctions(vm: Vm): Record<string, HostFunction> {
  const { sharedData } = vm.services;
  return {
    proxy_get_shared_data(key: number, keySize: number, pointer: number, size: number, cas: number) {
      const name = vm.readString(key, keySize);
      if (name === null) return InvalidMemoryAccess;
      const entry = sharedData.get(vm.vmId, name);
      if (entry === null) return NotFound;
      const { value, cas: entryCas } = entry;
      if (!vm.returnBytes(value, pointer, size)) return InvalidMemoryAccess;
      return vm.writeU32(cas, entryCas) ? Ok : InvalidMemoryAccess;
    },
    proxy_set_shared_data(key: number, keySize: number, value: number, valueSize: number, cas: number) {
      const name = vm.readString(key, keySize);
      const bytes = vm.readBytes(value, valueSize);
      if (name === null || bytes === null) return InvalidMemoryAccess;
      return sharedData.set(vm.vmId, name, bytes, cas);
    },
  };
}

function metricFunctions(vm: Vm): Record<string, HostFunction> {
  return {
    proxy_define_metric(type: number, name: number, nameSize: number, result: number) {
      const text = vm.readString(name, nameSize);
      if (text === null) return InvalidMemoryAccess;
      const id = vm.metrics.define(type, text);
      if (id === null) return BadArgument;
      return vm.writeU32(result, id) ? Ok : InvalidMemoryAccess;
    },
    proxy_increment_metric: (id: number, offset: bigint) => vm.metrics.increment(id, offset),
    proxy_record_metric: (id: number, value: bigint) => vm.metrics.record(id, value),
    proxy_get_metric(id: number, result: number) {
      const value = vm.metrics.get(id);
      if (typeof value !== "bigint") return value;
      return vm.writeU64(result, value) ? Ok : InvalidMemoryAccess;
    },
  };
}

function contextFunctions(vm: Vm): Record<string, HostFunction> {
  return {
    proxy_set_effective_context(id: number) {
      if (!vm.contexts.has(id)) return BadArgument;
      vm.effectiveId = id;
      return Ok;
    },
    /** Ends a root context whose `proxy_on_done` answered false; NotFound for any other. */
    proxy_done() {
      const key = vm.context.plugin?.key ?? "";
      const root = vm.pendingDone.get(key);
      if (root === undefined) return NotFound;
      vm.pendingDone.delete(key);
      vm.addAfterCall(() => root.delete());
      return Ok;
    },
    proxy_set_tick_period_milliseconds: (milliseconds: number) => vm.context.setTickPeriod(milliseconds),
    proxy_get_current_time_nanoseconds(result: number) {
      return vm.writeU64(result, vm.services.clock.wall) ? Ok : InvalidMemoryAccess;
    },
    proxy_call_foreign_function(
      name: number,
      nameSize: number,
      argument: number,
      argumentSize: number,
      pointer: number,
      size: number,
    ) {
      const functionName = vm.readString(name, nameSize);
      const bytes = vm.readBytes(argument, argumentSize);
      if (functionName === null || bytes === null) return InvalidMemoryAccess;
      const foreign = vm.services.foreignFunctions.get(functionName);
      if (foreign === undefined) return NotFound;
      const answer = foreign(vm.context, bytes);
      const result = typeof answer === "number" ? NO_BYTES : answer;
      const at = result.length > 0 && pointer !== 0 ? vm.allocate(result.length) : 0;
      if (at !== 0) vm.memory.set(result, at);
      if (pointer !== 0 && !vm.writeU32(pointer, at)) return InvalidMemoryAccess;
      if (size !== 0 && !vm.writeU32(size, result.length)) return InvalidMemoryAccess;
      return typeof answer === "number" ? answer : Ok;
    },
    pthread_equal: (left: number, right: number) => (left === right ? 1 : 0),
    emscripten_notify_memory_growth: () => 0,
  };
}

/** The host functions for calls and queues (proxy-wasm-cpp-host `exports.cc`). Calls belong to the root context, whoever makes them. */
import { WasmResult } from "./abi.ts";
import { RootContext } from "./context.ts";
import type { HostFunction } from "./host-functions.ts";
import { readPairs } from "./pairs.ts";
import type { Vm } from "./vm.ts";

const { Ok, NotFound, BadArgument, InvalidMemoryAccess } = WasmResult;

export function callFunctions(vm: Vm): Record<string, HostFunction> {
  return { ...httpFunctions(vm), ...grpcFunctions(vm), ...queueFunctions(vm) };
}

/** The root context in whose name calls are made; null in the VM's own. */
function rootOf(vm: Vm): RootContext | null {
  const { root } = vm.context;
  return root instanceof RootContext ? root : null;
}

function httpFunctions(vm: Vm): Record<string, HostFunction> {
  return {
    proxy_http_call(
      cluster: number,
      clusterSize: number,
      headers: number,
      headersSize: number,
      body: number,
      bodySize: number,
      trailers: number,
      trailersSize: number,
      timeout: number,
      result: number,
    ) {
      const name = vm.readString(cluster, clusterSize);
      const bytes = vm.readBytes(body, bodySize);
      const bounded = vm.inBounds(headers, headersSize) && vm.inBounds(trailers, trailersSize);
      if (name === null || bytes === null || !bounded || !vm.writeU32(result, 0)) return InvalidMemoryAccess;
      const root = rootOf(vm);
      if (root === null) return BadArgument;
      const answer = root.httpCalls.send(
        name,
        readPairs(vm.memory, headers, headersSize),
        bytes,
        readPairs(vm.memory, trailers, trailersSize),
        timeout | 0,
      );
      if ("token" in answer) vm.writeU32(result, answer.token);
      return answer.result;
    },
  };
}

function grpcFunctions(vm: Vm): Record<string, HostFunction> {
  return {
    proxy_grpc_call(
      target: number,
      targetSize: number,
      service: number,
      serviceSize: number,
      method: number,
      methodSize: number,
      metadata: number,
      metadataSize: number,
      message: number,
      messageSize: number,
      timeout: number,
      result: number,
    ) {
      const targetBytes = vm.readBytes(target, targetSize);
      const serviceName = vm.readString(service, serviceSize);
      const methodName = vm.readString(method, methodSize);
      const bytes = vm.readBytes(message, messageSize);
      if (targetBytes === null || serviceName === null || methodName === null || bytes === null) {
        return InvalidMemoryAccess;
      }
      if (!vm.inBounds(metadata, metadataSize)) return InvalidMemoryAccess;
      const root = rootOf(vm);
      if (root === null) return BadArgument;
      const pairs = readPairs(vm.memory, metadata, metadataSize);
      const path = `/${serviceName}/${methodName}`;
      const answer = root.grpcCalls.call(targetBytes, path, pairs, bytes, timeout);
      if (!("token" in answer)) return answer.result;
      return vm.writeU32(result, answer.token) ? Ok : InvalidMemoryAccess;
    },
    proxy_grpc_stream(
      target: number,
      targetSize: number,
      service: number,
      serviceSize: number,
      method: number,
      methodSize: number,
      metadata: number,
      metadataSize: number,
      result: number,
    ) {
      const targetBytes = vm.readBytes(target, targetSize);
      const serviceName = vm.readString(service, serviceSize);
      const methodName = vm.readString(method, methodSize);
      if (targetBytes === null || serviceName === null || methodName === null) return InvalidMemoryAccess;
      if (!vm.inBounds(metadata, metadataSize)) return InvalidMemoryAccess;
      const root = rootOf(vm);
      if (root === null) return BadArgument;
      const pairs = readPairs(vm.memory, metadata, metadataSize);
      const answer = root.grpcCalls.open(targetBytes, `/${serviceName}/${methodName}`, pairs);
      if (!("token" in answer)) return answer.result;
      return vm.writeU32(result, answer.token) ? Ok : InvalidMemoryAccess;
    },
    proxy_grpc_send(token: number, message: number, messageSize: number, end: number) {
      const bytes = vm.readBytes(message, messageSize);
      if (bytes === null) return InvalidMemoryAccess;
      return rootOf(vm)?.grpcCalls.send(token, bytes, end !== 0) ?? NotFound;
    },
    proxy_grpc_close: (token: number) => rootOf(vm)?.grpcCalls.close(token) ?? NotFound,
    proxy_grpc_cancel: (token: number) => rootOf(vm)?.grpcCalls.cancel(token) ?? NotFound,
  };
}

function queueFunctions(vm: Vm): Record<string, HostFunction> {
  const { sharedQueues } = vm.services;
  return {
    proxy_register_shared_queue(name: number, nameSize: number, result: number) {
      const text = vm.readString(name, nameSize);
      if (text === null) return InvalidMemoryAccess;
      const root = rootOf(vm);
      if (root === null) return BadArgument;
      return vm.writeU32(result, sharedQueues.register(root, text)) ? Ok : InvalidMemoryAccess;
    },
    proxy_resolve_shared_queue(
      vmId: number,
      vmIdSize: number,
      name: number,
      nameSize: number,
      result: number,
    ) {
      const id = vm.readString(vmId, vmIdSize);
      const text = vm.readString(name, nameSize);
      if (id === null || text === null) return InvalidMemoryAccess;
      const token = sharedQueues.resolve(id === "" ? vm.vmId : id, text);
      if (token === 0) return NotFound;
      return vm.writeU32(result, token) ? Ok : InvalidMemoryAccess;
    },
    proxy_enqueue_shared_queue(token: number, data: number, dataSize: number) {
      const bytes = vm.readBytes(data, dataSize);
      return bytes === null ? InvalidMemoryAccess : sharedQueues.enqueue(token, bytes);
    },
    proxy_dequeue_shared_queue(token: number, pointer: number, size: number) {
      const entry = sharedQueues.dequeue(token);
      if (typeof entry === "number") return entry;
      return vm.returnBytes(entry, pointer, size) ? Ok : InvalidMemoryAccess;
    },
  };
}

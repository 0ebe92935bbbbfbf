/**
 * What Envoy offers of WASI (proxy-wasm-cpp-host `exports.cc`, `wasi_unstable_*`): time, randomness,
 * output that becomes log lines, the environment. Files are not there.
 */
import { Errno, LogLevel } from "./abi.ts";
import { bytesOf, decodeUtf8, encodeUtf8, byteStringOf } from "./bytes.ts";
import type { HostFunction } from "./host-functions.ts";
import { WASI_FUNCTION_NAMES } from "./signatures.ts";
import type { Vm } from "./vm.ts";

const { Success, BadFileDescriptor, Fault, NotSupported, NotSupportedSyscall } = Errno;

const STDOUT = 1;
const STDERR = 2;
const REALTIME = 0;
const MONOTONIC = 1;

export function wasiFunctions(vm: Vm): Record<string, HostFunction> {
  const unsupported = Object.fromEntries(
    WASI_FUNCTION_NAMES.map((name) => [name, () => NotSupportedSyscall]),
  );
  const environment = (): string[] =>
    Object.entries(vm.environment).map(
      ([name, value]) => `${byteStringOf(encodeUtf8(`${name}=${value}`))}\0`,
    );
  return {
    ...unsupported,
    clock_time_get(clock: number, _precision: bigint, result: number) {
      const { wall, monotonic } = vm.services.clock;
      if (clock !== REALTIME && clock !== MONOTONIC) return NotSupported;
      return vm.writeU64(result, clock === REALTIME ? wall : monotonic) ? Success : Fault;
    },
    random_get(pointer: number, size: number) {
      if (!vm.inBounds(pointer, size)) return Fault;
      vm.services.random(vm.memory.subarray(pointer, pointer + size));
      return Success;
    },
    /** stdout is level info, stderr level error; a newline at the end is dropped. */
    fd_write(fd: number, vectors: number, count: number, written: number) {
      if (fd !== STDOUT && fd !== STDERR) return BadFileDescriptor;
      let bytes = "";
      for (let i = 0; i < count; i++) {
        const at = vectors + 8 * i;
        if (!vm.inBounds(at, 8)) return Fault;
        const part = vm.readString(vm.view.getUint32(at, true), vm.view.getUint32(at + 4, true));
        if (part === null) return Fault;
        bytes += part;
      }
      if (bytes.length > 0) {
        const text = decodeUtf8(bytesOf(bytes.endsWith("\n") ? bytes.slice(0, -1) : bytes));
        const level = fd === STDOUT ? LogLevel.Info : LogLevel.Error;
        if (level >= vm.services.logLevel) vm.services.log(level, text, vm.context.plugin?.name ?? "");
      }
      return vm.writeU32(written, bytes.length) ? Success : Fault;
    },
    fd_seek: () => Success,
    fd_close: () => Success,
    fd_fdstat_get(fd: number, result: number) {
      if (fd !== STDOUT && fd !== STDERR) return BadFileDescriptor;
      // All zero but fs_rights_base, which is FD_WRITE.
      const ok = vm.writeU64(result, 0n) && vm.writeU64(result + 8, 64n) && vm.writeU64(result + 16, 0n);
      return ok ? Success : Fault;
    },
    fd_prestat_get: () => BadFileDescriptor,
    environ_sizes_get(count: number, size: number) {
      const entries = environment();
      const bytes = entries.reduce((sum, entry) => sum + entry.length, 0);
      return vm.writeU32(count, entries.length) && vm.writeU32(size, bytes) ? Success : Fault;
    },
    environ_get(pointers: number, buffer: number) {
      let at = buffer;
      for (const [i, entry] of environment().entries()) {
        if (!vm.writeU32(pointers + 4 * i, at) || !vm.inBounds(at, entry.length)) return Fault;
        vm.memory.set(bytesOf(entry), at);
        at += entry.length;
      }
      return Success;
    },
    args_sizes_get: (count: number, size: number) =>
      vm.writeU32(count, 0) && vm.writeU32(size, 0) ? Success : Fault,
    args_get: () => Success,
    sched_yield: () => Success,
    /** Envoy returns to the module, which then usually traps. */
    proc_exit: () => Success,
  };
}

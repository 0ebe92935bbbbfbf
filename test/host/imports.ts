/**
 * The functions a module may import, as objects for `WebAssembly.Instance`. Each one is wrapped once:
 * counted, refused or replaced where a test wants that, and kept from seeing a stale memory.
 */
import { proxyFunctions } from "./host-functions.ts";
import type { HostFunction } from "./host-functions.ts";
import { PROXY_FUNCTION_NAMES, WASI_FUNCTION_NAMES, WASI_MODULES } from "./signatures.ts";
import type { Vm } from "./vm.ts";
import { wasiFunctions } from "./wasi.ts";

export function makeImports(vm: Vm): WebAssembly.Imports {
  const proxy = proxyFunctions(vm);
  const wasi = wasiFunctions(vm);
  const wrapAll = (names: readonly string[], functions: Readonly<Record<string, HostFunction>>) =>
    Object.fromEntries(names.map((name) => [name, wrap(vm, name, functions[name]!)]));
  const imports: WebAssembly.Imports = { env: wrapAll(PROXY_FUNCTION_NAMES, proxy) };
  for (const module of WASI_MODULES) imports[module] = wrapAll(WASI_FUNCTION_NAMES, wasi);
  return imports;
}

/** Pointers and sizes come as signed 32 bits and go on unsigned. */
function wrap(vm: Vm, name: string, body: HostFunction): (...args: (number | bigint)[]) => number {
  const { faults, replacements, hostCalls } = vm.services;
  return (...args) => {
    hostCalls.set(name, (hostCalls.get(name) ?? 0) + 1);
    const own = vm.context.hostCalls;
    if (own !== null) own.set(name, (own.get(name) ?? 0) + 1);
    if (faults.size > 0) {
      const fault = faults.get(name);
      if (fault !== undefined) return fault;
    }
    vm.refreshMemory();
    for (let i = 0; i < args.length; i++) {
      const arg = args[i]!;
      if (typeof arg === "number") args[i] = arg >>> 0;
    }
    const work = body as (...args: (number | bigint)[]) => number;
    if (replacements.size > 0) {
      const replacement = replacements.get(name);
      if (replacement !== undefined) return replacement(vm, args, () => work(...args));
    }
    return work(...args);
  };
}

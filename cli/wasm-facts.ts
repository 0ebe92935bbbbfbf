/** What a Wasm module says of itself, and whether a proxy would load it. */
import { statSync } from "node:fs";
import { ModuleLoadError, PluginModule } from "../test/host/index.ts";
import { reasonOf, UserError } from "./errors.ts";
import { readBytes } from "./read-bytes.ts";

export interface WasmFacts {
  /** Versions of the proxy-wasm ABI that it says it speaks, as `0.2.1`; none for a module that is no plugin. */
  abi: readonly string[];
  /** Names of functions; other kinds have theirs behind: `memory (memory)`. */
  exports: readonly string[];
  /** The same, with their module: `env.proxy_log`. */
  imports: readonly string[];
}

/** What Istio takes at most (istio `pilot/pkg/features`, `MaxWasmBinarySizeBytes`). */
export const MAX_MODULE_BYTES = 256 * 1024 * 1024;

/** Throws {@link UserError} for a file that cannot be read or is larger than a proxy takes. */
export function readModule(path: string): Uint8Array {
  try {
    const { size } = statSync(path);
    if (size > MAX_MODULE_BYTES) throw tooLarge(path, `${size}`);
    // A device has no size, and no end.
    const module = readBytes(path, MAX_MODULE_BYTES);
    if (module.length > MAX_MODULE_BYTES) throw tooLarge(path, "more");
    return module;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`cannot read ${path}: ${reasonOf(error)}`);
  }
}

function tooLarge(path: string, size: string): UserError {
  return new UserError(`${path} has ${size} bytes, and Istio takes ${MAX_MODULE_BYTES} at most`);
}

/** `what` names it in errors. Throws {@link UserError} for what is no Wasm module. */
export function wasmFacts(bytes: Uint8Array, what: string): WasmFacts {
  // WebAssembly specification, "Binary Format", magic and version.
  if (!Buffer.from(bytes.subarray(0, 8)).equals(Buffer.from("\0asm\x01\0\0\0", "latin1"))) {
    throw new UserError(`${what} is no Wasm module: it does not begin with \\0asm and version 1`);
  }
  let module: WebAssembly.Module;
  try {
    module = new WebAssembly.Module(bytes as BufferSource);
  } catch (error) {
    throw new UserError(`${what} is a broken Wasm module: ${(error as Error).message}`);
  }
  const exports = WebAssembly.Module.exports(module);
  const named = (name: string, kind: string): string => (kind === "function" ? name : `${name} (${kind})`);
  return {
    abi: exports.flatMap(
      ({ name }) => /^proxy_abi_version_(\d+_\d+_\d+)$/.exec(name)?.[1]?.replaceAll("_", ".") ?? [],
    ),
    exports: exports.map(({ name, kind }) => named(name, kind)),
    imports: WebAssembly.Module.imports(module).map(({ module: from, name, kind }) =>
      named(`${from}.${name}`, kind),
    ),
  };
}

/** Versions of the ABI that Envoy loads; of a module with another one alone it says "Failed to load Wasm code" (tried with 1.40). */
const LOADED_ABI = ["0.1.0", "0.2.0", "0.2.1"];

/** Why no proxy would load it; null for a plugin. For a module of which {@link wasmFacts} are known. */
export function whyNotLoaded(bytes: Uint8Array, { abi, exports }: WasmFacts): string | null {
  if (abi.length === 0)
    return "it is no proxy-wasm plugin: it exports no proxy_abi_version_0_2_1 (or 0_2_0, 0_1_0)";
  if (!abi.some((version) => LOADED_ABI.includes(version)))
    return `it speaks proxy-wasm ${abi.join(", ")}, and proxies speak ${LOADED_ABI.join(", ")}`;
  if (!exports.includes("memory (memory)")) return 'it exports no memory named "memory"';
  // Of other versions of the ABI it is not known here what a proxy has for them.
  if (!abi.includes("0.2.1")) return null;
  try {
    PluginModule.compile(bytes);
    return null;
  } catch (error) {
    if (error instanceof ModuleLoadError) return error.message.split("\n").join("; ");
    throw error;
  }
}

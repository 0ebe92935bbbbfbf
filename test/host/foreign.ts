/**
 * Foreign functions (Envoy `source/extensions/common/wasm/foreign.cc`), by name; one that is not here is
 * NotFound. What each kind does is in a file of its own.
 */
import { WasmResult } from "./abi.ts";
import type { Context } from "./context.ts";
import { expressionFunctions } from "./expression-functions.ts";
import { filterStateFunctions } from "./filter-state-functions.ts";
import type { HostLibraries } from "./libraries.ts";
import { compressionFunctions } from "./compression-functions.ts";
import { signatureFunctions } from "./signature-functions.ts";

/**
 * Answers a result, or the bytes of one (which is then Ok). The context is the effective one; what Envoy does in the name of the one that
 * was called back takes `context.vm.callContext`.
 */
export type ForeignFunction = (context: Context, argument: Uint8Array) => WasmResult | Uint8Array;

export type ForeignFunctions = Map<string, ForeignFunction>;

export function builtInForeignFunctions(libraries: HostLibraries): ForeignFunctions {
  return new Map<string, ForeignFunction>([
    [
      "clear_route_cache",
      (context) => {
        context.clearRouteCache();
        return WasmResult.Ok;
      },
    ],
    ...expressionFunctions(),
    ...filterStateFunctions(),
    ...signatureFunctions(libraries),
    ...compressionFunctions(libraries),
  ]);
}

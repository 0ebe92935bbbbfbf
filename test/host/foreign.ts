/**
 * Foreign functions (Envoy `source/extensions/common/wasm/foreign.cc`), by name; one that is not here is
 * NotFound. Those that need more of the host (`expr_*`, `verify_signature`) are registered by whoever
 * provides them.
 */
import { WasmResult } from "./abi.ts";
import type { Context } from "./context.ts";

/** Answers a result, or the bytes of one (which is then Ok). */
export type ForeignFunction = (context: Context, argument: Uint8Array) => WasmResult | Uint8Array;

export type ForeignFunctions = Map<string, ForeignFunction>;

export function builtInForeignFunctions(): ForeignFunctions {
  return new Map<string, ForeignFunction>([
    [
      "clear_route_cache",
      (context) => {
        context.clearRouteCache();
        return WasmResult.Ok;
      },
    ],
  ]);
}

/** The foreign functions `compress` and `uncompress`. */
import { WasmResult } from "./abi.ts";
import type { ForeignFunction } from "./foreign.ts";
import type { Compression, HostLibraries } from "./libraries.ts";

export function compressionFunctions({ compression }: HostLibraries): [string, ForeignFunction][] {
  const library = (): Compression => {
    if (compression === undefined) throw new Error("the host needs `compression` for this: see HostOptions");
    return compression;
  };
  return [
    ["compress", (_context, bytes) => library().compress(bytes)],
    ["uncompress", (_context, bytes) => library().uncompress(bytes) ?? WasmResult.SerializationFailure],
  ];
}

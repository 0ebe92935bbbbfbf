/** Compiles the modules that our filters are compared with into `build/bench/`. */
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

export const root = fileURLToPath(new URL("../", import.meta.url));

/** The smallest and fastest that the compiler makes of hand-written code. */
const handWritten = [
  ...["--runtime", "stub", "-O3", "--shrinkLevel", "2", "--converge", "--noAssert", "--use", "abort="],
];

/** What the SDK's README and `asinit`'s release target give its users, with the WASI shim its imports need. */
const gcore = [
  ...["--config", "node_modules/@assemblyscript/wasi-shim/asconfig.json"],
  ...["--lib", "node_modules/@assemblyscript/wasi-shim/assembly"],
  ...["--use", "abort=abort_proc_exit", "-O3", "--shrinkLevel", "0"],
];

/** Source, output and compiler options of each module, paths from the repository's root. */
const modules = {
  barest: { source: "bench/limit/barest.ts", output: "build/bench/barest.wasm", options: handWritten },
  sameCalls: {
    source: "bench/limit/same-calls.ts",
    output: "build/bench/same-calls.wasm",
    options: handWritten,
  },
  oneMoreCall: {
    source: "bench/limit/one-more-call.ts",
    output: "build/bench/one-more-call.wasm",
    options: handWritten,
  },
  localSameCalls: {
    source: "bench/limit/local-same-calls.ts",
    output: "build/bench/local-same-calls.wasm",
    options: handWritten,
  },
  traceSameCalls: {
    source: "bench/limit/trace-same-calls.ts",
    output: "build/bench/trace-same-calls.wasm",
    options: handWritten,
  },
  authzSameCalls: {
    source: "bench/limit/authz-same-calls.ts",
    output: "build/bench/authz-same-calls.wasm",
    options: handWritten,
  },
  gcore: { source: "bench/gcore/dark-launch.ts", output: "build/bench/gcore.wasm", options: gcore },
} as const;

export type BenchModule = keyof typeof modules;

/** Compiles all of them and answers with their paths. Throws with the compiler's messages. */
export async function buildModules(): Promise<Record<BenchModule, string>> {
  await mkdir(`${root}build/bench`, { recursive: true });
  const built: Partial<Record<BenchModule, string>> = {};
  for (const [name, { source, output, options }] of Object.entries(modules)) {
    let messages = "";
    const stderr = { write: (chunk: Uint8Array | string) => void (messages += chunk.toString()) };
    const { error } = await asc.main([source, "--baseDir", root, "--outFile", output, ...options], {
      stderr,
    });
    if (error) throw new Error(`${source} does not compile: ${error.message}\n${messages}`);
    built[name as BenchModule] = root + output;
  }
  return built as Record<BenchModule, string>;
}

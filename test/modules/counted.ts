import binaryen from "binaryen";
import { compile } from "../../tools/compile.ts";

/** The functions of AssemblyScript's runtime through which every allocation goes, managed or raw. */
export const ALLOCATORS = ["~lib/rt/tcms/__new", "~lib/rt/tlsf/__alloc", "~lib/rt/tlsf/__realloc"];

/** The exported global that counts calls of {@link ALLOCATORS}. */
export const ALLOCATIONS = "allocations";

/**
 * Compiles a module such that it counts its allocations in the exported global `allocations`, or the calls of other functions
 * in globals of other names: the counting is inserted into the unoptimized module, where nothing is inlined yet, which is
 * optimized afterwards.
 */
export async function compileCounted(
  entry: string,
  counted: Readonly<Record<string, readonly string[]>> = { [ALLOCATIONS]: ALLOCATORS },
): Promise<Uint8Array> {
  const options = ["--runtime", "minimal", "--noAssert", "--use", "abort=", "--debug"];
  const module = binaryen.readBinary(await compile(entry, options));
  const { BulkMemory, BulkMemoryOpt, MutableGlobals, NontrappingFPToInt, SignExt } = binaryen.Features;
  module.setFeatures(BulkMemory | BulkMemoryOpt | MutableGlobals | NontrappingFPToInt | SignExt);
  for (const [counter, names] of Object.entries(counted)) {
    module.addGlobal(counter, binaryen.i32, true, module.i32.const(0));
    for (const name of names) count(module, name, counter);
    module.addGlobalExport(counter, counter);
  }
  binaryen.setOptimizeLevel(2);
  module.optimize();
  const binary = module.emitBinary();
  module.dispose();
  return binary;
}

function count(module: binaryen.Module, name: string, counter: string): void {
  const reference = module.getFunction(name);
  // Only what lets something grow in place has it.
  if (reference === 0 && name.endsWith("__realloc")) return;
  if (reference === 0) throw new Error(`the module has no ${name}: has the compiler changed?`);
  const info = binaryen.getFunctionInfo(reference);
  const counted = module.global.set(
    counter,
    module.i32.add(module.global.get(counter, binaryen.i32), module.i32.const(1)),
  );
  const body = module.block(null, [counted, info.body], info.results);
  module.removeFunction(name);
  module.addFunction(name, info.params, info.results, info.vars, body);
}

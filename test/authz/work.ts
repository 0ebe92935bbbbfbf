import binaryen from "binaryen";
import { compile } from "../../tools/compile.ts";

/** The exported global that counts what a module does. */
export const WORK = "work";

/**
 * Compiles a module as it is built, such that it counts in the exported global `work` each function that it enters and leaves and
 * each round of a loop: what its time hangs on, without a clock.
 */
export async function compileWorking(entry: string): Promise<Uint8Array> {
  const module = binaryen.readBinary(await compile(entry));
  const { BulkMemory, BulkMemoryOpt, MutableGlobals, NontrappingFPToInt, SignExt } = binaryen.Features;
  module.setFeatures(BulkMemory | BulkMemoryOpt | MutableGlobals | NontrappingFPToInt | SignExt);
  // The pass calls an import with the number of each place; a function of the module takes its place.
  module.runPasses(["log-execution"]);
  if (module.getFunction(LOG) === 0) throw new Error(`no ${LOG}: has Binaryen changed?`);
  module.removeFunction(LOG);
  module.addGlobal(WORK, binaryen.i32, true, module.i32.const(0));
  module.addGlobalExport(WORK, WORK);
  const counted = module.i32.add(module.global.get(WORK, binaryen.i32), module.i32.const(1));
  module.addFunction(LOG, binaryen.i32, binaryen.none, [], module.global.set(WORK, counted));
  const binary = module.emitBinary();
  module.dispose();
  return binary;
}

const LOG = "log_execution";

/** Compiles small AssemblyScript modules for tests, so that they need no build step. */
import { writeFile } from "node:fs/promises";
import asc from "assemblyscript/asc";

/** Compiles one source text to `file`. Throws with the compiler's messages. */
export async function compileModule(source: string, file: string): Promise<void> {
  let binary: Uint8Array | undefined;
  const flags = ["-O3", "--runtime", "stub", "--use", "abort="];
  const { error, stderr } = await asc.main(["module.ts", "--outFile", "module.wasm", ...flags], {
    readFile: (name) => (name === "module.ts" ? source : null),
    writeFile: (name, contents) => {
      if (name.endsWith(".wasm")) binary = contents as Uint8Array;
    },
    listFiles: () => [],
  });
  if (error || binary === undefined)
    throw new Error(`asc: ${error?.message ?? "no output"}\n${stderr.toString()}`);
  await writeFile(file, binary);
}

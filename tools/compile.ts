import { readFile } from "node:fs/promises";
import asc from "assemblyscript/asc";
import binaryen from "binaryen";
import { Texts } from "./texts.ts";

/** What does not compile; the message is the compiler's. */
export class CompileError extends Error {
  override name = "CompileError";
}

/**
 * Compiles an AssemblyScript entry file, by default with the options of `asconfig.json`. Binaryen's `-Oz` behind it would
 * save 1 % of the size, but costs Envoy 2.4 MiB of resident memory a module (measured with Envoy 1.40; `-O1` does not).
 * `sources` gets the texts of the files that the compiler read, by their paths; its standard library is not among them.
 */
export async function compile(
  entry: string,
  options: readonly string[] = ["--config", "asconfig.json"],
  sources = new Map<string, string>(),
): Promise<Uint8Array> {
  const files = await runCompiler([entry, ...options], async (name, base) => {
    const text = await readFile(`${base}/${name}`, "utf8").catch(() => null);
    if (text !== null) sources.set(name, text);
    return text;
  });
  const binary = binaryOf(files);
  // With names, somebody wants to find functions in it.
  return options.includes("--debug") ? binary : reordered(binary);
}

/** Numbers functions by how often they are called: the frequent ones get one byte in each call. */
function reordered(binary: Uint8Array): Uint8Array {
  const module = binaryen.readBinary(binary);
  const { BulkMemory, BulkMemoryOpt, MutableGlobals, NontrappingFPToInt, SignExt } = binaryen.Features;
  module.setFeatures(BulkMemory | BulkMemoryOpt | MutableGlobals | NontrappingFPToInt | SignExt);
  module.runPasses(["reorder-functions"]);
  const smaller = module.emitBinary();
  module.dispose();
  return smaller;
}

/** Compiles one source text that imports no other, for small modules in tests. */
export async function compileText(source: string): Promise<Uint8Array> {
  const flags = ["--runtime", "stub", "-O3", "--use", "abort="];
  return binaryOf(
    await runCompiler(["module.ts", ...flags], (name) => (name === "module.ts" ? source : null)),
  );
}

const OUTPUT = "out.wasm";

type Files = ReadonlyMap<string, Uint8Array | string>;

async function runCompiler(
  words: readonly string[],
  readSource: (name: string, base: string) => string | null | Promise<string | null>,
): Promise<Files> {
  const files = new Map<string, Uint8Array | string>();
  const messages: string[] = [];
  const { error } = await asc.main([...words, "--outFile", OUTPUT], {
    stderr: {
      write: (chunk: string | Uint8Array) =>
        void messages.push(typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk)),
    },
    readFile: readSource,
    writeFile: (name, contents) => {
      files.set(name, contents);
    },
    listFiles: () => [],
    transforms: [new Texts()],
  });
  if (error !== null) throw new CompileError(`${words[0]}:\n${messages.join("")}${error.message}`);
  return files;
}

function binaryOf(files: Files): Uint8Array {
  const binary = files.get(OUTPUT);
  if (!(binary instanceof Uint8Array)) throw new CompileError("the compiler wrote no module");
  return binary;
}

import { readFile } from "node:fs/promises";
import asc from "assemblyscript/asc";

export interface Compiled {
  binary: Uint8Array;
  /** For the lines of AssemblyScript behind a frame of a WebAssembly stack. */
  sourceMap: string;
}

/** What does not compile; the message is the compiler's. */
export class CompileError extends Error {
  override name = "CompileError";
}

/** Compiles an AssemblyScript entry file with the options of `asconfig.json`, plus `flags`. */
export async function compile(entry: string, flags: readonly string[] = []): Promise<Compiled> {
  const files = await runCompiler(
    [entry, "--config", "asconfig.json", "--sourceMap", ...flags],
    (name, base) => readFile(`${base}/${name}`, "utf8").catch(() => null),
  );
  const sourceMap = files.get(`${OUTPUT}.map`);
  if (typeof sourceMap !== "string") throw new CompileError(`${entry}: the compiler wrote no source map`);
  return { binary: withoutSourceMapUrl(binaryOf(files)), sourceMap };
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
  });
  if (error !== null) throw new CompileError(`${words[0]}:\n${messages.join("")}${error.message}`);
  return files;
}

function binaryOf(files: Files): Uint8Array {
  const binary = files.get(OUTPUT);
  if (!(binary instanceof Uint8Array)) throw new CompileError("the compiler wrote no module");
  return binary;
}

/** Drops the custom section that names the source map: it is for tools here, not for the proxy. */
function withoutSourceMapUrl(binary: Uint8Array): Uint8Array {
  const kept: Uint8Array[] = [binary.subarray(0, 8)];
  let at = 8;
  while (at < binary.length) {
    const start = at;
    const section = binary[at++];
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = binary[at++] ?? 0;
      size |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    const end = at + size;
    const nameLength = binary[at] ?? 0;
    const name = new TextDecoder().decode(binary.subarray(at + 1, at + 1 + nameLength));
    if (section !== 0 || name !== "sourceMappingURL") kept.push(binary.subarray(start, end));
    at = end;
  }
  return Buffer.concat(kept);
}

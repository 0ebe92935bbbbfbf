/** Our engine, as a WebAssembly module of its own. */
import { compile } from "../../tools/compile.ts";

interface Exports {
  memory: WebAssembly.Memory;
  room(): number;
  compile(length: number, ignoreCase: number): number;
  matches(length: number): number;
  problem(): number;
  collect(): void;
}

export class Engine {
  private compiled = 0;

  private constructor(readonly exports: Exports & Record<string, unknown>) {}

  /** Of the built module, or of one that was made of it. */
  static async load(binary?: Uint8Array): Promise<Engine> {
    const bytes = binary ?? (await compile(MODULE));
    const { instance } = await WebAssembly.instantiate(new Uint8Array(bytes));
    return new Engine(instance.exports as unknown as Exports & Record<string, unknown>);
  }

  /** What is wrong with the pattern; empty when it was compiled. */
  compile(pattern: string | Uint8Array, ignoreCase = false): string {
    // Nothing collects by itself.
    if (++this.compiled % 256 === 0) this.exports.collect();
    if (this.exports.compile(this.put(pattern), ignoreCase ? 1 : 0) === 1) return "";
    const length = this.exports.problem();
    return Buffer.from(this.exports.memory.buffer, this.exports.room(), length).toString();
  }

  /** Whether the value matches the pattern that was compiled last. */
  matches(value: string | Uint8Array): boolean {
    return this.exports.matches(this.put(value)) === 1;
  }

  /** What a module made by `compileCounted` has counted. */
  counted(counter: string): number {
    const global = this.exports[counter];
    if (!(global instanceof WebAssembly.Global)) throw new Error(`the module does not count ${counter}`);
    return Number(global.value);
  }

  private put(text: string | Uint8Array): number {
    const bytes = typeof text === "string" ? Buffer.from(text) : text;
    new Uint8Array(this.exports.memory.buffer).set(bytes, this.exports.room());
    return bytes.length;
  }
}

export const MODULE = "test/regex/module/module.ts";

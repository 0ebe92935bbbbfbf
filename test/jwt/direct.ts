/** Verification without a proxy, but for its `verify_signature`: for many tokens, and for bytes that no header can have. */
import { compile } from "../../tools/compile.ts";
import { nodeLibraries } from "../host/node-libraries.ts";
import { signatureFunctions } from "../host/signature-functions.ts";

export const DIRECT_MODULE = "test/jwt/module/direct.ts";

interface Exports {
  memory: WebAssembly.Memory;
  proxy_on_memory_allocate(size: number): number;
  room(size: number): number;
  take(set: number, size: number): number;
  problem(): number;
  verify(token: number, size: number): number;
  answered(): number;
}

export class DirectVerifier {
  /** Every call of `verify_signature` fails. */
  failing = false;
  private readonly exports: Exports & Record<string, unknown>;

  private constructor(module: WebAssembly.Module) {
    const functions = new Map(signatureFunctions(nodeLibraries));
    const verifySignature = functions.get("verify_signature")!;
    const proxy_call_foreign_function = (
      _name: number,
      _nameLength: number,
      argument: number,
      size: number,
      pointerAt: number,
      lengthAt: number,
    ): number => {
      if (this.failing) return INTERNAL_FAILURE;
      const bytes = Uint8Array.from(this.bytes(argument, size));
      const answer = verifySignature(undefined as never, bytes);
      if (typeof answer === "number") return answer;
      const place = this.exports.proxy_on_memory_allocate(answer.length);
      this.bytes(place, answer.length).set(answer);
      const view = new DataView(this.exports.memory.buffer);
      view.setUint32(pointerAt, place, true);
      view.setUint32(lengthAt, answer.length, true);
      return 0;
    };
    // What else is imported is never called.
    const env: Record<string, WebAssembly.ImportValue> = {};
    for (const { name } of WebAssembly.Module.imports(module)) {
      env[name] = (): never => {
        throw new Error(`${name} was called`);
      };
    }
    env.proxy_call_foreign_function = proxy_call_foreign_function;
    const imports = { env, wasi_snapshot_preview1: env };
    this.exports = new WebAssembly.Instance(module, imports).exports as unknown as typeof this.exports;
  }

  /** Of the built module, or of one that was made of it. */
  static async load(binary?: Uint8Array): Promise<DirectVerifier> {
    const bytes = binary ?? (await compile(DIRECT_MODULE));
    return new DirectVerifier(await WebAssembly.compile(new Uint8Array(bytes)));
  }

  /** Takes a set; answers what is wrong with it, empty when nothing is. */
  take(set: Uint8Array | { keys: readonly object[] }): string {
    const bytes = set instanceof Uint8Array ? set : Buffer.from(JSON.stringify(set));
    if (this.exports.take(this.put(bytes), bytes.length) === 1) return "";
    return this.answer(this.exports.problem());
  }

  /** What comes of a token, by the set that was taken last: its payload when it is right, a word otherwise. Throws when it traps. */
  verify(token: Uint8Array | string): string {
    const bytes = typeof token === "string" ? Buffer.from(token) : token;
    return this.answer(this.exports.verify(this.put(bytes), bytes.length));
  }

  /** What a module made by `compileCounted` has counted. */
  counted(counter: string): number {
    const global = this.exports[counter];
    if (!(global instanceof WebAssembly.Global)) throw new Error(`the module does not count ${counter}`);
    return Number(global.value);
  }

  get memoryBytes(): number {
    return this.exports.memory.buffer.byteLength;
  }

  private put(bytes: Uint8Array): number {
    const place = this.exports.room(bytes.length);
    this.bytes(place, bytes.length).set(bytes);
    return place;
  }

  private answer(place: number): string {
    return Buffer.from(this.bytes(place, this.exports.answered())).toString();
  }

  private bytes(place: number, length: number): Uint8Array {
    return new Uint8Array(this.exports.memory.buffer, place, length);
  }
}

/** `WasmResult::InternalFailure` of the ABI. */
const INTERNAL_FAILURE = 10;

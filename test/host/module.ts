/**
 * A compiled module and what it asks of its host. Loading is as strict as Envoy's: an import which the
 * host lacks, or has with other types, refuses the module, and so does a missing ABI version.
 */
import { HOST_FUNCTIONS } from "./signatures.ts";

export class ModuleLoadError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ModuleLoadError";
  }
}

export interface ImportDescription {
  module: string;
  name: string;
  kind: string;
  /** Of a function: parameters and result as in {@link HOST_FUNCTIONS}; else empty. */
  signature: string;
}

export interface ExportDescription {
  name: string;
  kind: string;
}

const ABI_VERSION_EXPORT = /^proxy_abi_version_(\d+_\d+_\d+)$/;

export class PluginModule {
  readonly compiled: WebAssembly.Module;
  readonly imports: readonly ImportDescription[];
  readonly exports: readonly ExportDescription[];
  /** Two modules of the same bytes share VMs; bytes are told apart by this. */
  readonly codeKey: string;

  private constructor(compiled: WebAssembly.Module, bytes: Uint8Array) {
    this.compiled = compiled;
    this.codeKey = hash(bytes);
    const signatures = importSignatures(bytes);
    this.imports = WebAssembly.Module.imports(compiled).map(({ module, name, kind }, index) => ({
      module,
      name,
      kind,
      signature: signatures[index] ?? "",
    }));
    this.exports = WebAssembly.Module.exports(compiled).map(({ name, kind }) => ({ name, kind }));
  }

  /** Throws {@link ModuleLoadError} which says all that is wrong. */
  static compile(bytes: Uint8Array): PluginModule {
    let compiled: WebAssembly.Module;
    try {
      compiled = new WebAssembly.Module(bytes as BufferSource);
    } catch (error) {
      throw new ModuleLoadError(`Failed to load Wasm module: ${String(error)}`);
    }
    const module = new PluginModule(compiled, bytes);
    const problems = module.problems();
    if (problems.length > 0) throw new ModuleLoadError(problems.join("\n"));
    return module;
  }

  private problems(): string[] {
    const problems: string[] = [];
    for (const { module, name, kind, signature } of this.imports) {
      const offered = HOST_FUNCTIONS[`${module}.${name}`];
      if (kind !== "function" || offered === undefined) {
        problems.push(`Failed to load Wasm module due to a missing import: ${module}.${name}`);
      } else if (signature !== offered) {
        problems.push(
          `Failed to load Wasm module due to an import type mismatch: ${module}.${name}, ` +
            `want: ${signature}, but host exports: ${offered}`,
        );
      }
    }
    const versions = this.exports.flatMap(({ name }) => ABI_VERSION_EXPORT.exec(name)?.[1] ?? []);
    if (!versions.includes("0_2_1")) {
      problems.push(
        versions.length === 0
          ? "Missing or unknown Proxy-Wasm ABI version"
          : `ABI version ${versions.join(", ")}: this host is for 0_2_1`,
      );
    }
    if (!this.exports.some(({ name, kind }) => kind === "memory" && name === "memory")) {
      problems.push("Wasm module does not export a memory named `memory`");
    }
    const allocates = ({ name }: ExportDescription) =>
      name === "malloc" || name === "proxy_on_memory_allocate";
    if (!this.exports.some(allocates)) problems.push("Wasm module is missing malloc function.");
    return problems;
  }
}

/** FNV-1a, 2 × 32 bits, with the length: to tell modules apart, not against an adversary. */
function hash(bytes: Uint8Array): string {
  let a = 0x811c9dc5;
  let b = 0x01000193;
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b ^ byte, 0x85ebca6b);
  }
  return `${bytes.length}-${(a >>> 0).toString(16)}-${(b >>> 0).toString(16)}`;
}

const TYPE_NAMES: Readonly<Record<number, string>> = { 0x7f: "i", 0x7e: "I", 0x7d: "f", 0x7c: "F" };

/** The signature of each import, in order (WebAssembly binary format §5.5); JavaScript does not tell them. */
function importSignatures(bytes: Uint8Array): string[] {
  let at = 8;
  const leb = (): number => {
    let value = 0;
    let shift = 0;
    for (;;) {
      const byte = bytes[at++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
      shift += 7;
    }
  };
  /** Passes over a name. */
  const skip = (): void => {
    const length = leb();
    at += length;
  };
  const limits = (): void => {
    const flags = leb();
    leb();
    if ((flags & 1) !== 0) leb();
  };
  const valueTypes = (): string => {
    let names = "";
    for (let count = leb(); count > 0; count--) names += TYPE_NAMES[bytes[at++]!] ?? "?";
    return names;
  };
  const types: string[] = [];
  const signatures: string[] = [];
  while (at < bytes.length) {
    const section = bytes[at++]!;
    const end = leb() + at;
    if (section === 1) {
      for (let count = leb(); count > 0; count--) {
        if (bytes[at++] !== 0x60) return [];
        const parameters = valueTypes();
        types.push(`${parameters}:${valueTypes()}`);
      }
    } else if (section === 2) {
      for (let count = leb(); count > 0; count--) {
        skip();
        skip();
        const kind = bytes[at++]!;
        let signature = "";
        if (kind === 0) signature = types[leb()] ?? "?";
        else if (kind === 1) {
          at++;
          limits();
        } else if (kind === 2) limits();
        else if (kind === 3) at += 2;
        else if (kind === 4) {
          at++;
          leb();
        }
        signatures.push(signature);
      }
      return signatures;
    }
    at = end;
  }
  return signatures;
}

/** Runs the built command as its users do: as a process. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

export const COMMAND = resolve("build/cli/outrigger.js");

export interface Ran {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  input?: string;
  env?: NodeJS.ProcessEnv;
}

export function outrigger(words: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = spawn(process.execPath, [COMMAND, ...words], {
    cwd: options.cwd,
    env: environment(options.env),
    stdio: ["pipe", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  // It may end without having read its input.
  child.stdin.on("error", () => {}).end(options.input ?? "");
  return new Promise((done, failed) => {
    child.on("error", failed);
    child.on("close", (status) => done({ status, stdout, stderr }));
  });
}

/** Without what the tests' own environment says about colours. */
export function environment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const env = { ...process.env };
  delete env.NO_COLOR;
  delete env.FORCE_COLOR;
  return { ...env, ...more };
}

/** A folder with files, for as long as a test file runs. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), "outrigger-cli-"));

  /** Writes a file and answers its name within the folder. */
  write(name: string, contents: string | Uint8Array): string {
    mkdirSync(dirname(join(this.path, name)), { recursive: true });
    writeFileSync(join(this.path, name), contents);
    return name;
  }

  run(...words: string[]): Promise<Ran> {
    return outrigger(words, { cwd: this.path });
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

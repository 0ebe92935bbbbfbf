/** Istio's own fetcher of images, as a program: whether a WasmPlugin with such a URL would be loaded, and with which module. */
import { spawn } from "node:child_process";
import { goProgram } from "./go-tool.ts";

export interface Fetched {
  /** 64 hexadecimal digits: what `sha256` of a WasmPlugin is compared with. */
  manifest?: string;
  /** Of the module that a proxy would load. */
  module?: string;
  bytes?: number;
  error?: string;
}

/** The path of the program: some minutes to build. */
export const locateIstioFetch = goProgram({ name: "istio-fetch", go: "1.26.0" });

/** `reference` is without `oci://`; `env` says where credentials are (`DOCKER_CONFIG`), and whether certificates are not checked (`WASM_INSECURE_REGISTRIES`, not empty). */
export async function istioFetch(reference: string, env: NodeJS.ProcessEnv = {}): Promise<Fetched> {
  const program = await locateIstioFetch();
  return new Promise((resolve, reject) => {
    const child = spawn(program, [reference], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [answer, log] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (answer += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(JSON.parse(answer) as Fetched);
      else reject(new Error(`istio-fetch ${reference} failed (${code}): ${log}`));
    });
  });
}

/** What the tests of `outrigger validate` share. */
import { expect } from "vitest";
import { Folder } from "./command.ts";

export interface Finding {
  file: string;
  line: number;
  column: number;
  path: string;
  message: string;
  filter: string | null;
  plugin: string | null;
}

/** A folder of files to check. */
export class Checks extends Folder {
  private count = 0;
  /** The name of the file that was checked last. */
  file = "";

  /** Checks a text. */
  async findings(text: string | Uint8Array, ...options: string[]): Promise<Finding[]> {
    this.file = this.write(`plugin-${++this.count}.yaml`, text);
    const { status, stdout } = await this.run("validate", "--json", ...options, this.file);
    const found = JSON.parse(stdout) as Finding[];
    expect(status).toBe(found.length > 0 ? 1 : 0);
    return found;
  }

  /** Checks a text, and answers each finding as `line:column path`. */
  async places(text: string | Uint8Array, ...options: string[]): Promise<string[]> {
    return (await this.findings(text, ...options)).map(
      ({ line, column, path }) => `${line}:${column} ${path}`,
    );
  }
}

/** A `WasmPlugin` whose configuration begins at line 7, column 5. */
export const wasmPlugin = (config: string, spec = "url: oci://ghcr.io/x/dark-launch:1.0"): string =>
  `apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: launch, namespace: reviews }
spec:
  ${spec}
  pluginConfig:
${config.replace(/^/gm, "    ")}
`;

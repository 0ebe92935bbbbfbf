/** `outrigger convert` as its users run it, and all that it has printed. */
import { parseResources, type KubeObject } from "../peers/kube-resources.ts";
import { Folder } from "../cli/command.ts";
import { documents } from "../cli/converting.ts";
import { VERSION } from "./modules.ts";
import { validateManifests, type Problem, type Validation } from "./validate.ts";

export interface Printed {
  plugins: KubeObject[];
  /** VirtualServices that go with them. */
  services: KubeObject[];
  /** What could not be converted: `spec.http[1]: ..`, with what is before it. */
  left: string[];
}

export class Converter {
  readonly #folder = new Folder();
  #runs = 0;

  /** `registry` has the modules: `HOST`. */
  constructor(private readonly registry: string) {}

  async convert(input: readonly object[] | string, ...options: string[]): Promise<Printed> {
    const number = this.#runs++;
    const text = typeof input === "string" ? input : documents(...input);
    const file = this.#folder.write(`in-${number}.yaml`, text);
    const url = `oci://${this.registry}/outrigger/{filter}:${VERSION}`;
    const { status, stdout, stderr } = await this.#folder.run("convert", "--url", url, ...options, file);
    if (status !== 0) throw new Error(`outrigger convert: exit code ${status}\n${stderr}`);
    this.#folder.write(`out-${number}.yaml`, stdout);
    const printed = parseResources(stdout);
    return {
      plugins: printed.filter(({ kind }) => kind !== "VirtualService"),
      services: printed.filter(({ kind }) => kind === "VirtualService"),
      left: stderr.split("\n").filter((line) => line.includes(" not converted: ")),
    };
  }

  /**
   * What istioctl, an API server's schemas and `outrigger validate` have against all that was printed, and had not against what it was printed for.
   * Nothing of `istioctl analyze`, which looks for what resources refer to: that is in the mesh and not here.
   */
  async problems(): Promise<{ files: number; problems: Problem[]; refused: string }> {
    const of = async (kind: string): Promise<Validation> => {
      const found = await validateManifests(this.#folder.path, (file) => !file.startsWith(kind));
      return { ...found, problems: found.problems.filter(({ tool }) => tool !== "istioctl analyze") };
    };
    const known = new Set((await of("in-")).problems.map(textOf));
    const { files, problems } = await of("out-");
    const { status, stdout, stderr } = await this.#folder.run("validate", ...files);
    return {
      files: files.length,
      problems: problems.filter((problem) => !known.has(textOf(problem))),
      refused: status === 0 ? "" : `${stdout}${stderr}`,
    };
  }

  remove(): void {
    this.#folder.remove();
  }
}

function textOf({ tool, at, message }: Problem): string {
  return `${tool} ${at}: ${message}`;
}

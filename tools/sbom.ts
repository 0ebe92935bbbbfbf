/**
 * What a module consists of, in CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/): each source file that the compiler read, by its
 * hash, the packages and the standard library that came in, and the tools. Without time or serial number: the same commit gives the
 * same bytes.
 */
import { sha256Of } from "../cli/oci/digest.ts";
import type { Package, Packages } from "./packages.ts";

export interface BuiltModule {
  /** `authz`. */
  name: string;
  /** That of the project. */
  version: string;
  description: string;
  /** An identifier of SPDX. */
  license: string;
  binary: Uint8Array;
  /** The files that the compiler read, by their paths. */
  sources: ReadonlyMap<string, string>;
}

export function sbomOf(module: BuiltModule, packages: Packages): object {
  const { name, version } = module;
  const self = `outrigger/${name}@${version}`;
  const files = [...module.sources]
    .filter(([path]) => path.endsWith(".ts"))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const own = files.filter(([path]) => !path.includes("node_modules/"));
  const foreign = new Map(
    files
      .filter(([path]) => path.includes("node_modules/"))
      .map(([path]) => packages.of(path))
      .map((found) => [found.purl, found]),
  );
  const compiler = packages.compiler;
  const components = [
    {
      ...component(compiler),
      description: "The standard library and run time of AssemblyScript, as far as the module uses them.",
    },
    ...[...foreign.values()].map(component),
    ...own.map(([path, text]) => ({
      type: "file",
      "bom-ref": path,
      name: path,
      hashes: [sha256(text)],
    })),
  ];
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      // Without references, which are for what is in the module: the compiler is there by its library.
      tools: { components: packages.tools.map((tool) => ({ ...component(tool), "bom-ref": undefined })) },
      component: {
        type: "library",
        "bom-ref": self,
        name,
        version,
        description: module.description,
        hashes: [sha256(module.binary)],
        licenses: [{ license: { id: module.license } }],
      },
    },
    components,
    dependencies: [{ ref: self, dependsOn: components.map((part) => part["bom-ref"]) }],
  };
}

function component({ name, version, purl, license, sha512 }: Package) {
  return {
    type: "library",
    "bom-ref": purl,
    name,
    version,
    ...(sha512 === undefined ? {} : { hashes: [{ alg: "SHA-512", content: sha512 }] }),
    ...(license === undefined ? {} : { licenses: [{ license: { id: license } }] }),
    purl,
  };
}

function sha256(content: string | Uint8Array): { alg: string; content: string } {
  return { alg: "SHA-256", content: sha256Of(content) };
}

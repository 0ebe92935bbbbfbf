/** The Gateway API's CustomResourceDefinitions, out of its Go module: 1 MB, nothing is built. */
import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cached } from "./cache.ts";
import { goSource } from "./go-tool.ts";

/** That of Istio's `go.mod`. */
export const GATEWAY_API_VERSION = "v1.6.0";

/** As its `go.mod` says. */
const GO_VERSION = "1.26.0";

/** The folder of its standard channel. */
const DEFINITIONS = "config/crd/standard";

/** The path of one file with all of them; the first call on a machine fetches it. Throws `PeerNotFound`. */
export function locateGatewayDefinitions(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const file = "standard.yaml";
  return cached(
    `gateway-api-${GATEWAY_API_VERSION}`,
    file,
    async (folder) => {
      const what = `sigs.k8s.io/gateway-api@${GATEWAY_API_VERSION}`;
      const source = await goSource({ name: "gateway-api", go: GO_VERSION, what, cwd: folder }, env);
      const definitions = join(source, DEFINITIONS);
      // One of the files is no definition but guards them.
      const texts = readdirSync(definitions)
        .map((name) => readFileSync(join(definitions, name), "utf8"))
        .filter((text) => text.includes("kind: CustomResourceDefinition\n"));
      await writeFile(join(folder, file), texts.join("\n---\n"));
    },
    env,
  );
}

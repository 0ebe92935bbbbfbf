/** cert-manager's CustomResourceDefinition of certificates, out of its Go module: 3 MB, nothing is built. */
import { cp } from "node:fs/promises";
import { basename, join } from "node:path";
import { cached } from "./cache.ts";
import { goSource } from "./go-tool.ts";

export const CERT_MANAGER_VERSION = "v1.21.2";

/** As its `go.mod` says. */
const GO_VERSION = "1.26.0";

const MODULE = "github.com/cert-manager/cert-manager";
const DEFINITION = "deploy/crds/cert-manager.io_certificates.yaml";

/** The path of the definition; the first call on a machine fetches it. Throws `PeerNotFound`. */
export function locateCertificateDefinition(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const file = basename(DEFINITION);
  return cached(
    `cert-manager-${CERT_MANAGER_VERSION}`,
    file,
    async (folder) => {
      const what = `${MODULE}@${CERT_MANAGER_VERSION}`;
      const source = await goSource({ name: "cert-manager", go: GO_VERSION, what, cwd: folder }, env);
      await cp(join(source, DEFINITION), join(folder, file));
    },
    env,
  );
}

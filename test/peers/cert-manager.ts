/** cert-manager's CustomResourceDefinition of certificates, out of its Go module: 3 MB, nothing is built. */
import { cp } from "node:fs/promises";
import { basename, join } from "node:path";
import { cached, run } from "./cache.ts";
import { PeerNotFound } from "./process.ts";

export const CERT_MANAGER_VERSION = "v1.21.2";

const MODULE = "github.com/cert-manager/cert-manager";
const DEFINITION = "deploy/crds/cert-manager.io_certificates.yaml";

/** The path of the definition; the first call on a machine fetches it. Throws {@link PeerNotFound}. */
export function locateCertificateDefinition(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const file = basename(DEFINITION);
  return cached(
    `cert-manager-${CERT_MANAGER_VERSION}`,
    file,
    async (folder) => {
      const what = `${MODULE}@${CERT_MANAGER_VERSION}`;
      const { code, output } = await run("go", ["mod", "download", "-json", what], { env, cwd: folder });
      if (code !== 0)
        throw new PeerNotFound("cert-manager", `go mod download ${what} failed (${code})`, output.trim());
      const { Dir } = JSON.parse(output) as { Dir: string };
      await cp(join(Dir, DEFINITION), join(folder, file));
    },
    env,
  );
}

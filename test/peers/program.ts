/** Programs that Debian has in a package. */
import { onPath } from "./cache.ts";
import { PeerNotFound } from "./process.ts";

/**
 * The path of a program. Throws {@link PeerNotFound}, which says what to install.
 * @param elsewhere Where else it can be had: an address.
 */
export async function locateProgram(
  name: string,
  debianPackage: string,
  elsewhere?: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const path = await onPath(name, env);
  if (path !== undefined) return path;
  const other = elsewhere === undefined ? "" : ` (or ${elsewhere})`;
  throw new PeerNotFound(
    name,
    "it is not on the PATH",
    `Install it: apt-get install ${debianPackage}${other}.`,
  );
}

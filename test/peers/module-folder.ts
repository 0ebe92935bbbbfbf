/** The folder in which pilot-agents keep the modules that they have pulled. */
import { lstatSync, mkdirSync, readlinkSync, rmdirSync, symlinkSync } from "node:fs";
import { dirname } from "node:path";
import { PeerNotFound } from "./process.ts";

/** `pkg/config/constants` of Istio; no setting changes it. */
const MODULES = "/var/lib/istio/data";

/**
 * Where that leads: into the folder of whichever agent or Envoy asks. Agents with one folder would write the same module while another's
 * Envoy reads it, and Envoy would find it corrupted.
 */
const OWN_MODULES = "/proc/self/cwd/modules";

/** Makes the folder a link, and answers its path. Throws {@link PeerNotFound} where it is somebody else's, or may not be made. */
export async function linkModules(modules = MODULES): Promise<string> {
  try {
    mkdirSync(dirname(modules), { recursive: true });
    const there = lstatSync(modules, { throwIfNoEntry: false });
    if (there?.isSymbolicLink() && readlinkSync(modules) === OWN_MODULES) return modules;
    // An empty folder is nobody's.
    if (there?.isDirectory()) rmdirSync(modules);
    symlinkSync(OWN_MODULES, modules);
    return modules;
  } catch (error) {
    throw new PeerNotFound(
      "pilot-agent",
      `${modules}, where it keeps modules, cannot be made a link to ${OWN_MODULES}: ${(error as Error).message}`,
      `Where nothing else needs it: sudo rm -rf ${modules}; sudo mkdir -p ${dirname(modules)}; sudo ln -s ${OWN_MODULES} ${modules}`,
    );
  }
}

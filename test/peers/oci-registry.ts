/** go-containerregistry's registry on loopback, in memory: it lists referrers itself (OCI distribution specification 1.1). */
import { freePort } from "../envoy/process.ts";
import { goProgram } from "./go-tool.ts";
import { PeerProcess } from "./process.ts";

/** The path of the program: some seconds to build. */
export const locateOciRegistry = goProgram({ name: "oci-registry", go: "1.25.0" });

export class OciRegistry {
  private constructor(
    private readonly process: PeerProcess,
    /** `127.0.0.1:12345`. */
    readonly host: string,
  ) {}

  /** Throws `PeerNotFound`. */
  static async start(): Promise<OciRegistry> {
    const host = `127.0.0.1:${(await freePort()).port}`;
    const process = await PeerProcess.start({
      command: await locateOciRegistry(),
      arguments: [host],
      isReady: async () => (await fetch(`http://${host}/v2/`)).ok,
    });
    return new OciRegistry(process, host);
  }

  async stop(): Promise<void> {
    await this.process.stop();
  }
}

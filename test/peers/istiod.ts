/** The real istiod on loopback, configured by a stand-in for a Kubernetes API. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../envoy/process.ts";
import { locateIstio } from "./istio.ts";
import type { KubeApi } from "./kube-api.ts";
import { PeerProcess } from "./process.ts";

export interface IstiodOptions {
  api: KubeApi;
  /** MeshConfig (istio.mesh.v1alpha1), as an object. */
  mesh?: object;
  /** With waypoints: the API has to know the Gateway API's definitions. */
  ambient?: boolean;
  /** Of its environment, beside those that it has here always. */
  settings?: Readonly<Record<string, string>>;
}

/**
 * Without a certificate authority, injection or status. Stock Envoy lacks Istio's own filters in C++: those of metadata exchange and
 * ALPN are left out of all configuration.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  PILOT_ENABLE_METADATA_EXCHANGE: "false",
  PILOT_ENABLE_ALPN_FILTER: "false",
  ENABLE_CA_SERVER: "false",
  PILOT_CERT_PROVIDER: "none",
  XDS_AUTH: "false",
  CLOUD_PLATFORM: "none",
  PILOT_ENABLE_IP_AUTOALLOCATE: "false",
  PILOT_ENABLE_GATEWAY_API: "false",
  PILOT_ENABLE_GATEWAY_API_STATUS: "false",
  PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER: "false",
  PILOT_ENABLE_STATUS: "false",
  INJECT_ENABLED: "false",
  POD_NAME: "istiod-0",
  POD_NAMESPACE: "istio-system",
  PILOT_DEBOUNCE_AFTER: "10ms",
};

/** Of an ambient mesh. Gateways' deployments and the status of anything are nobody's here. */
const AMBIENT: Readonly<Record<string, string>> = {
  PILOT_ENABLE_AMBIENT: "true",
  AMBIENT_ENABLE_STATUS: "false",
  PILOT_ENABLE_GATEWAY_API: "true",
};

export class Istiod {
  private constructor(
    private readonly process: PeerProcess,
    private readonly folder: string,
    /** Where proxies ask, in plain gRPC. */
    readonly grpcPort: number,
    private readonly httpPort: number,
  ) {}

  /** Ready after about five seconds. The first call on a machine builds it. Throws `PeerNotFound`; rejects with its log. */
  static async start({ api, mesh = {}, ambient = false, settings = {} }: IstiodOptions): Promise<Istiod> {
    const { discovery } = await locateIstio();
    const folder = mkdtempSync(join(tmpdir(), "outrigger-istiod-"));
    writeFileSync(join(folder, "kubeconfig"), api.kubeconfig);
    writeFileSync(join(folder, "mesh.yaml"), JSON.stringify(mesh));
    const [grpc, http, monitoring] = [await freePort(), await freePort(), await freePort()];
    const words = {
      kubeconfig: "kubeconfig",
      clusterID: "Kubernetes",
      meshConfig: "mesh.yaml",
      grpcAddr: `127.0.0.1:${grpc.port}`,
      httpAddr: `127.0.0.1:${http.port}`,
      httpsAddr: "",
      secureGRPCAddr: "",
      monitoringAddr: `127.0.0.1:${monitoring.port}`,
      ctrlz_address: "127.0.0.1",
      ctrlz_port: "0",
    };
    try {
      const istiod = await PeerProcess.start({
        command: discovery,
        arguments: ["discovery", ...Object.entries(words).map(([name, value]) => `--${name}=${value}`)],
        cwd: folder,
        env: { PATH: process.env.PATH, HOME: folder, ...SETTINGS, ...(ambient ? AMBIENT : {}), ...settings },
        isReady: async () => {
          const ready = `http://127.0.0.1:${http.port}/ready`;
          return (await fetch(ready, { signal: AbortSignal.timeout(1000) })).ok;
        },
        readyWithin: 60_000,
      });
      return new Istiod(istiod, folder, grpc.port, http.port);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** The end of its log. */
  log(): string {
    return this.process.log();
  }

  /** A page of its debug interface, as it is: `/debug/endpointz`. */
  async debug(path: string): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${this.httpPort}${path}`, {
      signal: AbortSignal.timeout(5000),
    });
    return answer.text();
  }

  async stop(): Promise<void> {
    await this.process.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/**
 * A proxy of the mesh on loopback: Istio's pilot-agent and the stock Envoy that it starts. Each has an address of 127.0.0.0/8 for its
 * own, so that all have the ports that Istio gives them.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { locateEnvoy } from "../envoy/locate.ts";
import type { Certificate } from "../envoy/certificate.ts";
import { locateIstio } from "./istio.ts";
import type { Istiod } from "./istiod.ts";
import { linkModules } from "./module-folder.ts";
import { PeerProcess } from "./process.ts";

export interface IstioProxyOptions {
  istiod: Istiod;
  /** A gateway is a `router`. */
  type: "router" | "sidecar" | "waypoint";
  /** Of the pod. */
  name: string;
  namespace: string;
  labels: Readonly<Record<string, string>>;
  /** Of the pod: of 127.0.0.0/8. */
  address: string;
  serviceAccount?: string;
  /** With it, TLS to and from others of the mesh: the certificate of the workload and of who signed it. */
  identity?: Certificate & { authority: string };
  /** In its own folder, where relative paths start: their names and texts. */
  files?: Readonly<Record<string, string>>;
  /** Registries that are asked by plain HTTP: `127.0.0.1:5000`. */
  insecureRegistries?: readonly string[];
  /** Environment of pilot-agent: `{WASM_HTTP_REQUEST_TIMEOUT: "1s"}`. */
  settings?: Readonly<Record<string, string>>;
  /** As `--proxyLogLevel` has it; default `warning`. */
  logLevel?: string;
  /** Worker threads; default 1. */
  concurrency?: number;
  /** How long a listener that is replaced serves the connections it has; default Istio's 45 s. */
  drainDuration?: string;
}

export class IstioProxy {
  private constructor(
    private readonly process: PeerProcess,
    private readonly folder: string,
    readonly address: string,
  ) {}

  /** Ready when Envoy has its listeners and clusters. Throws `PeerNotFound`; rejects with the log of both. */
  static async start(options: IstioProxyOptions): Promise<IstioProxy> {
    const { address, identity } = options;
    const istio = await locateIstio();
    const envoy = await locateEnvoy();
    await linkModules();
    // Names of sockets in it are limited to 108 bytes.
    const folder = mkdtempSync(join(tmpdir(), "outrigger-mesh-"));
    mkdirSync(join(folder, "modules"));
    writeFileSync(
      join(folder, "bootstrap.json"),
      forStockEnvoy(onItsAddress(readFileSync(istio.bootstrap, "utf8"), address)),
    );
    for (const [name, text] of Object.entries(options.files ?? {})) writeFileSync(join(folder, name), text);
    if (identity !== undefined) {
      const certificates = join(folder, "etc", "certs");
      mkdirSync(certificates, { recursive: true });
      writeFileSync(join(certificates, "cert-chain.pem"), identity.certificate);
      writeFileSync(join(certificates, "key.pem"), identity.key);
      writeFileSync(join(certificates, "root-cert.pem"), identity.authority);
    }
    const words = ["proxy", options.type, "--domain", `${options.namespace}.svc.cluster.local`];
    try {
      const process = await PeerProcess.start({
        command: istio.agent,
        arguments: [...words, "--proxyLogLevel", options.logLevel ?? "warning"],
        cwd: folder,
        group: true,
        env: environment(options, envoy),
        isReady: async () => (await page(address, "/ready")).startsWith("LIVE"),
        readyWithin: 30_000,
      });
      return new IstioProxy(process, folder, address);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** A page of Envoy's admin interface: `/config_dump`. */
  admin(path: string): Promise<string> {
    return page(this.address, path);
  }

  /** The end of what pilot-agent and Envoy wrote. Access logs need a file: `/dev/stdout` is a socket here, which cannot be opened. */
  log(): string {
    return this.process.log();
  }

  /** Lines of a file that Envoy writes; a relative path (of MeshConfig's `accessLogFile`, say) starts at the proxy's own folder. */
  lines(path: string): string[] {
    const text = readFileSync(resolve(this.folder, path), "utf8");
    return text.split("\n").filter((line) => line !== "");
  }

  /** Ends pilot-agent and its Envoy, without draining. */
  async stop(): Promise<void> {
    await this.process.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const ADMIN_PORT = 15000;

async function page(address: string, path: string): Promise<string> {
  const answer = await fetch(`http://${address}:${ADMIN_PORT}${path}`, { signal: AbortSignal.timeout(5000) });
  return answer.text();
}

/** What Istio's template has listen on all addresses, or on 127.0.0.1, listens on the proxy's own. */
function onItsAddress(template: string, address: string): string {
  return template.replace(/\{\{ \.(localhost|wildcard) \}\}/g, address);
}

/** Without what a waypoint asks istiod about its peers: an extension of Istio's own Envoy, which the stock one would not start with. */
function forStockEnvoy(template: string): string {
  return template.replaceAll("{{- if .metadata_discovery }}", "{{- if false }}");
}

function environment(options: IstioProxyOptions, envoy: string): NodeJS.ProcessEnv {
  const { istiod, name, namespace, labels, address, insecureRegistries = [] } = options;
  return {
    PATH: process.env.PATH,
    CLOUD_PLATFORM: "none",
    INSTANCE_IP: address,
    POD_NAME: name,
    POD_NAMESPACE: namespace,
    SERVICE_ACCOUNT: options.serviceAccount ?? "default",
    ISTIO_META_CLUSTER_ID: "Kubernetes",
    ISTIO_META_MESH_ID: "cluster.local",
    ISTIO_META_NAMESPACE: namespace,
    ISTIO_META_SERVICE_ACCOUNT: options.serviceAccount ?? "default",
    // Nothing is redirected here: the proxy has ports of its own.
    ...(options.type === "sidecar" ? { ISTIO_META_INTERCEPTION_MODE: "NONE" } : {}),
    ISTIO_METAJSON_LABELS: JSON.stringify(labels),
    FILE_MOUNTED_CERTS: "true",
    GRPC_XDS_BOOTSTRAP: "",
    ENVOY_STATUS_PORT: "15021",
    ENVOY_PROMETHEUS_PORT: "15090",
    WASM_INSECURE_REGISTRIES: insecureRegistries.join(","),
    PROXY_CONFIG: JSON.stringify({
      binaryPath: envoy,
      configPath: "./etc/istio/proxy",
      proxyBootstrapTemplatePath: "./bootstrap.json",
      discoveryAddress: `127.0.0.1:${istiod.grpcPort}`,
      controlPlaneAuthPolicy: "NONE",
      proxyAdminPort: ADMIN_PORT,
      // Of pilot-agent itself, which would listen on all addresses. Where the port is taken it says so and goes on without.
      statusPort: istiod.grpcPort,
      concurrency: options.concurrency ?? 1,
      drainDuration: options.drainDuration ?? "45s",
    }),
    ...options.settings,
  };
}

/**
 * A mesh on loopback: the real istiod, gateways and sidecars of the real pilot-agent and Envoy, a registry, and applications. What a
 * cluster does besides is done here: pods have addresses, of 127.0.0.0/8, and Services have endpoints.
 */
import { readFileSync } from "node:fs";
import { CertificateAuthority, type Certificate } from "../envoy/certificate.ts";
import { freePort } from "../envoy/process.ts";
import { IstioProxy, type IstioProxyOptions } from "../peers/istio-proxy.ts";
import { locateIstio } from "../peers/istio.ts";
import { Istiod } from "../peers/istiod.ts";
import { KubeApi } from "../peers/kube-api.ts";
import { parseResources, type KubeObject } from "../peers/kube-resources.ts";
import type { Reference } from "../peers/kube-store.ts";
import { Registry } from "../peers/registry.ts";
import { endpointSlice, type Pod } from "./endpoints.ts";
import { enrolled, waypointPod, waypointResources } from "./waypoint.ts";
import { Workload } from "./workload.ts";

/** Of Services whose requests a sidecar takes, when its application makes them. */
const SERVICE_PORT = 9080;

export interface MeshOptions {
  /** Of all proxies: see {@link IstioProxyOptions}. */
  drainDuration?: string;
  /** Makes an ambient mesh, with waypoints: the file of the Gateway API's definitions. */
  gatewayApi?: string;
  /** Of istiod: see {@link IstiodOptions}. */
  settings?: Readonly<Record<string, string>>;
}

export interface WorkloadOptions {
  /** Of the pod: `reviews-v1`. */
  name: string;
  namespace: string;
  labels: Readonly<Record<string, string>>;
  /** Where its Service finds it; default 9080. */
  port?: number;
  serviceAccount?: string;
}

export interface ProxyOptions
  extends WorkloadOptions, Pick<IstioProxyOptions, "settings" | "logLevel" | "concurrency" | "files"> {}

export interface Sidecar {
  proxy: IstioProxy;
  /**
   * Where it takes its application's requests to Services on port 9080, whose host tells them apart. Nothing is redirected here: the
   * application would have to be told.
   */
  outbound: { address: string; port: number };
  /** Its Sidecar, which has these addresses; it is told of all Services. */
  resource: KubeObject;
  /** The application behind it. */
  workload: Workload;
}

export class Mesh {
  readonly authority = new CertificateAuthority("mesh root");
  /** Two random parts of all addresses, so that meshes of different test runs do not meet. */
  readonly #block = `127.${between(16, 250)}.${between(1, 250)}`;
  #addresses = 0;
  #services = 0;
  #gateway: string | undefined;
  readonly #proxies: IstioProxy[] = [];
  readonly #workloads: Workload[] = [];

  private constructor(
    readonly api: KubeApi,
    readonly istiod: Istiod,
    readonly registry: Registry,
    private readonly options: MeshOptions,
  ) {}

  /** `config` is istiod's MeshConfig. Throws `PeerNotFound`. */
  static async start(config: object = {}, options: MeshOptions = {}): Promise<Mesh> {
    const { gatewayApi, settings = {} } = options;
    const { definitions } = await locateIstio();
    const files = [definitions, ...(gatewayApi === undefined ? [] : [gatewayApi])];
    const registry = await Registry.start();
    const api = await KubeApi.start(files.map((file) => readFileSync(file, "utf8")).join("\n---\n"));
    for (const name of ["istio-system", "my-app"]) api.apply(namespace(name));
    try {
      const istiod = await Istiod.start({ api, mesh: config, ambient: gatewayApi !== undefined, settings });
      return new Mesh(api, istiod, registry, options);
    } catch (error) {
      await Promise.all([api.close(), registry.stop()]);
      throw error;
    }
  }

  /** `kubectl apply -f`. A Gateway listens on the gateway's address alone, and has its certificate from there. */
  apply(...resources: readonly (KubeObject | string)[]): void {
    for (const one of resources)
      for (const object of typeof one === "string" ? parseResources(one) : [one])
        this.api.apply(this.#admitted(object));
    this.#publish();
  }

  /** `kubectl delete`. */
  delete(...references: readonly Reference[]): void {
    for (const reference of references)
      if (!this.api.delete(reference)) throw new Error(`${reference.kind} ${reference.name} is not there`);
    this.#publish();
  }

  /** `kubectl delete -f`, of what is there. */
  remove(...resources: readonly KubeObject[]): void {
    for (const { kind, metadata } of resources) this.api.delete({ kind, ...metadata });
    this.#publish();
  }

  /** An application without a sidecar. */
  async workload(options: WorkloadOptions): Promise<Workload> {
    const workload = await Workload.start(options.name, this.#address(), options.port ?? SERVICE_PORT);
    this.#workloads.push(workload);
    this.apply(pod(options, workload.address));
    return workload;
  }

  /** An application with a sidecar. */
  async sidecar(options: ProxyOptions): Promise<Sidecar> {
    const { name, labels } = options;
    const workload = await Workload.start(name, "127.0.0.1", (await freePort()).port);
    this.#workloads.push(workload);
    const address = this.#address();
    const outbound = { address: this.#address(), port: SERVICE_PORT };
    const tls = { "security.istio.io/tlsMode": "istio" };
    const resource = {
      apiVersion: "networking.istio.io/v1",
      kind: "Sidecar",
      metadata: { name, namespace: options.namespace },
      spec: {
        workloadSelector: { labels },
        ingress: [
          {
            port: { number: options.port ?? SERVICE_PORT, protocol: "HTTP", name: "http" },
            bind: address,
            captureMode: "NONE",
            defaultEndpoint: `127.0.0.1:${workload.port}`,
          },
        ],
        egress: [
          {
            port: { number: outbound.port, protocol: "HTTP", name: "outbound" },
            bind: outbound.address,
            captureMode: "NONE",
            hosts: ["*/*"],
          },
          {
            // It makes the clusters of Services on all ports known, for plugins. Itself it finds those on port 80 only: its routes'
            // domains have ports, which are not looked at (`IgnorePortInHostMatching`, pilot/pkg/networking/core/httproute.go).
            port: { number: 15080, protocol: "HTTP_PROXY", name: "proxy" },
            bind: outbound.address,
            captureMode: "NONE",
            hosts: ["*/*"],
          },
        ],
      },
    };
    this.apply(pod({ ...options, labels: { ...labels, ...tls } }, address), resource);
    return { workload, outbound, resource, proxy: await this.#proxy("sidecar", options, address) };
  }

  /**
   * The ingress gateway, with Istio's ports: 80 is 8080, and 443 is 8443. `hosts` are served over TLS with certificates of {@link authority},
   * by the `credentialName` of Gateways.
   */
  async gateway(hosts: Readonly<Record<string, string>> = {}): Promise<IstioProxy> {
    const labels = { istio: "ingressgateway", app: "istio-ingressgateway" };
    const serviceAccount = "istio-ingressgateway-service-account";
    const options = { name: "istio-ingressgateway-0", namespace: "istio-system", labels, serviceAccount };
    this.#gateway = this.#address();
    this.apply(pod(options, this.#gateway), {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "istio-ingressgateway", namespace: "istio-system", labels },
      spec: {
        type: "LoadBalancer",
        selector: labels,
        ports: [
          { name: "http2", port: 80, targetPort: 8080 },
          { name: "https", port: 443, targetPort: 8443 },
        ],
      },
    });
    const files: Record<string, string> = {};
    for (const [name, host] of Object.entries(hosts)) {
      const { certificate, key } = this.authority.issue({ commonName: host, dnsNames: [host] });
      files[`${name}.crt`] = certificate;
      files[`${name}.key`] = key;
    }
    return this.#proxy("router", { ...options, files }, this.#gateway);
  }

  /** The waypoint of a namespace, which is enrolled with it: `istioctl waypoint apply -n <namespace> --enroll-namespace`. */
  async waypoint(namespace: string): Promise<IstioProxy> {
    const options = waypointPod(namespace);
    const address = this.#address();
    this.apply(enrolled(namespace), pod(options, address), ...(await waypointResources(namespace, address)));
    return this.#proxy("waypoint", options, address);
  }

  /** The address of a Service. */
  clusterIp(namespace: string, name: string): string {
    const { store } = this.api;
    const service = store.get(
      store.types.find(({ kind }) => kind === "Service")!,
      name,
      namespace,
    );
    return (service!.spec as { clusterIP: string }).clusterIP;
  }

  /** The ends of all logs, for what has failed. */
  log(): string {
    const proxies = this.#proxies.map((proxy) => `== ${proxy.address}\n${proxy.log()}`);
    return [`== istiod\n${this.istiod.log()}`, ...proxies].join("\n");
  }

  async stop(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.stop()));
    await this.istiod.stop();
    await Promise.all([this.api.close(), this.registry.stop(), ...this.#workloads.map((one) => one.close())]);
  }

  async #proxy(type: IstioProxyOptions["type"], options: ProxyOptions, address: string): Promise<IstioProxy> {
    const { namespace, serviceAccount = "default" } = options;
    const { drainDuration } = this.options;
    const proxy = await IstioProxy.start({
      ...options,
      type,
      istiod: this.istiod,
      address,
      identity: { ...this.identity(namespace, serviceAccount), authority: this.authority.certificate },
      insecureRegistries: [this.registry.host],
      ...(drainDuration === undefined ? {} : { drainDuration }),
    });
    this.#proxies.push(proxy);
    return proxy;
  }

  /** A certificate of a workload. */
  identity(namespace: string, serviceAccount: string): Certificate {
    const uris = [`spiffe://cluster.local/ns/${namespace}/sa/${serviceAccount}`];
    return this.authority.issue({ commonName: serviceAccount, uris });
  }

  #address(): string {
    return `${this.#block}.${++this.#addresses}`;
  }

  /** As it is here: with what a cluster would have added, and on loopback. */
  #admitted(object: KubeObject): KubeObject {
    if (object.kind === "Service") {
      const clusterIP = `10.96.0.${++this.#services}`;
      return { ...object, spec: { clusterIP, ...(object.spec as object) } };
    }
    if (object.kind !== "Gateway" || !object.apiVersion.startsWith("networking.istio.io/")) return object;
    if (this.#gateway === undefined)
      throw new Error(`Gateway ${object.metadata.name}: there is no gateway yet`);
    const spec = object.spec as { servers: { tls?: { credentialName?: string } }[] };
    const servers = spec.servers.map(({ tls, ...server }) => ({
      ...server,
      bind: this.#gateway,
      ...(tls === undefined ? {} : { tls: withFiles(tls) }),
    }));
    return { ...object, spec: { ...spec, servers } };
  }

  /** Gives each Service its endpoints. */
  #publish(): void {
    const { store } = this.api;
    const list = (kind: string): KubeObject[] => store.list(store.types.find((type) => type.kind === kind)!);
    const pods = list("Pod") as Pod[];
    for (const service of list("Service")) {
      const slice = endpointSlice(service, pods);
      if (slice !== undefined) this.api.apply(slice);
    }
  }
}

/**
 * With files for the Secret that `credentialName` names: istiod hands Secrets to proxies which have proved who they are, and here they ask it in
 * plain gRPC. The files are those of {@link Mesh.gateway}.
 */
function withFiles({ credentialName, ...tls }: { credentialName?: string }): object {
  if (credentialName === undefined) return tls;
  return { ...tls, serverCertificate: `./${credentialName}.crt`, privateKey: `./${credentialName}.key` };
}

function namespace(name: string): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, labels: { "kubernetes.io/metadata.name": name } },
  };
}

function pod(options: WorkloadOptions, address: string): Pod {
  const { name, namespace, labels, port = SERVICE_PORT, serviceAccount = "default" } = options;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels: { ...labels } },
    spec: {
      serviceAccountName: serviceAccount,
      containers: [{ name: "app", ports: [{ name: "http", containerPort: port }] }],
    },
    status: {
      phase: "Running",
      podIP: address,
      podIPs: [{ ip: address }],
      hostIP: "127.0.0.1",
      conditions: [{ type: "Ready", status: "True" }],
    },
  };
}

/** A random whole number, both ends included. */
function between(low: number, high: number): number {
  return low + Math.floor(Math.random() * (high - low + 1));
}

/** Cluster discovery from a file: the clusters that sessions name, each with a real server behind it. */
import { rename, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "../driver.ts";
import { GrpcServer } from "./grpc-server.ts";
import { HttpServer } from "./http-server.ts";
import type { EnvoyProcess } from "./process.ts";

/** Nothing listens here: a port that only root could take, and that nobody does. */
const REFUSING_PORT = 1;

interface Server {
  readonly port: number;
  readonly kind: "http" | "grpc" | "refuse";
  cluster: Cluster;
  close(): Promise<void>;
}

export class ClusterFile {
  readonly path: string;
  readonly #servers = new Map<string, Server>();
  #version = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** `dynamic_resources.cds_config` of the bootstrap. */
  get source(): object {
    return { resource_api_version: "V3", path_config_source: { path: this.path } };
  }

  /** Writes the clusters that there are. */
  async write(): Promise<void> {
    const resources = [...this.#servers].map(([name, { port, kind }]) => ({
      "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
      ...upstreamCluster(name, port, kind === "grpc"),
    }));
    await writeFile(
      `${this.path}.next`,
      JSON.stringify({ version_info: String(++this.#version), resources }),
    );
    await rename(`${this.path}.next`, this.path);
  }

  /** Gives Envoy these clusters beside those that it has; one that it has already gets another server's behaviour. */
  async declare(envoy: EnvoyProcess, clusters: Readonly<Record<string, Cluster>>): Promise<void> {
    let changed = false;
    for (const [name, cluster] of Object.entries(clusters)) {
      const existing = this.#servers.get(name);
      if (existing?.kind === kindOf(cluster)) {
        existing.cluster = cluster;
        continue;
      }
      await existing?.close();
      this.#servers.set(name, await serve(cluster));
      changed = true;
    }
    if (!changed) return;
    const before = await updates(envoy);
    await this.write();
    for (const end = Date.now() + 20_000; (await updates(envoy)) <= before; await sleep(5)) {
      if (Date.now() > end)
        throw new Error(`Envoy did not take a cluster update within 20 s\n${envoy.logText()}`);
    }
  }

  async close(): Promise<void> {
    for (const server of this.#servers.values()) await server.close();
    this.#servers.clear();
  }
}

function kindOf(cluster: Cluster): Server["kind"] {
  if (cluster === "refuse") return "refuse";
  return "http" in cluster ? "http" : "grpc";
}

async function serve(cluster: Cluster): Promise<Server> {
  const kind = kindOf(cluster);
  if (kind === "refuse") return { port: REFUSING_PORT, kind, cluster, close: async () => {} };
  const server: Server = { port: 0, kind, cluster, close: async () => {} };
  const started =
    kind === "http"
      ? await HttpServer.start((request) => {
          const now = server.cluster;
          return now !== "refuse" && "http" in now ? now.http(request) : "reset";
        })
      : await GrpcServer.start((exchange) => {
          const now = server.cluster;
          return now !== "refuse" && "grpc" in now ? now.grpc(exchange) : {};
        });
  return Object.assign(server, { port: started.port, close: () => started.close() });
}

async function updates(envoy: EnvoyProcess): Promise<number> {
  const text = await envoy.admin("/stats?filter=^cluster_manager\\.cds\\.update_success");
  return Number(/update_success: (\d+)/.exec(text)?.[1] ?? 0);
}

/** A cluster with one endpoint on 127.0.0.1. Requests that the router sends there pass the filters. */
export function upstreamCluster(
  name: string,
  port: number,
  http2 = false,
  filters: readonly object[] = [],
): object {
  const options = http2
    ? { http2_protocol_options: {} }
    : { http_protocol_options: { enable_trailers: true } };
  return {
    name,
    type: "STATIC",
    connect_timeout: "2s",
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config: options,
        common_http_protocol_options: { max_headers_count: 1000 },
        ...(filters.length === 0 ? {} : { http_filters: [...filters, UPSTREAM_CODEC] }),
      },
    },
    load_assignment: {
      cluster_name: name,
      endpoints: [
        {
          lb_endpoints: [
            { endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } } },
          ],
        },
      ],
    },
  };
}

/** The last of a cluster's filters, as the router is the last of a listener's. */
const UPSTREAM_CODEC = {
  name: "envoy.filters.http.upstream_codec",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec",
  },
};

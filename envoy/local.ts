/** What `make demo` and `make dev` share: envoy.yaml with ports that are free, and the upstreams behind it. */
import { existsSync, readFileSync } from "node:fs";
import type { Server } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { freePort } from "../test/envoy/process.ts";
import { startUpstream } from "./upstream.ts";

/** The clone's root; the paths in envoy.yaml start there. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));
export const CONFIG = join(ROOT, "envoy", "envoy.yaml");

interface Address {
  socket_address: { address: string; port_value: number };
}

/** The parts of a bootstrap that are looked at here. */
export interface Bootstrap {
  admin: { address: Address };
  static_resources: {
    listeners: { name: string; address: Address }[];
    clusters: {
      name: string;
      type: string;
      connect_timeout: string;
      load_assignment: {
        cluster_name: string;
        endpoints: { lb_endpoints: { endpoint: { address: Address } }[] }[];
      };
    }[];
  };
  [field: string]: unknown;
}

/** Whose SHA-256 envoy.yaml has among its `apiKeys`. Of this local Envoy alone. */
export const DEPLOY_KEY = "ork_ba8ddce2ec0596e605557e4defb84e99";

/** Ports as envoy.yaml has them → as they are used. */
export type Ports = Map<number, number>;

export function readConfig(): Bootstrap {
  return parse(readFileSync(CONFIG, "utf8")) as Bootstrap;
}

/** Moves every port that is taken to a free one, and tells. `ports` keeps the choices for the next call. */
export async function freePorts(config: Bootstrap, ports: Ports): Promise<void> {
  const { admin, static_resources } = config;
  const places: [string, Address][] = [["the admin interface", admin.address]];
  for (const listener of static_resources.listeners)
    places.push([`listener ${listener.name}`, listener.address]);
  for (const cluster of static_resources.clusters) places.push([cluster.name, clusterAddress(cluster)]);
  for (const [what, { socket_address }] of places) {
    const wanted = socket_address.port_value;
    if (!ports.has(wanted)) {
      const { port, taken } = await freePort(wanted);
      if (taken !== undefined) console.log(`Port ${taken} is taken; ${what} uses ${port} instead.`);
      ports.set(wanted, port);
    }
    socket_address.port_value = ports.get(wanted)!;
  }
}

/** Starts a server for each cluster named `<service>-<version>`. */
export async function startUpstreams(config: Bootstrap): Promise<Server[]> {
  return Promise.all(
    config.static_resources.clusters
      .filter(({ name }) => name.includes("-"))
      .map(({ name }) => startUpstream(name.split("-").pop()!, clusterPort(config, name))),
  );
}

/** Throws where envoy.yaml has no cluster of this name. */
export function clusterPort(config: Bootstrap, name: string): number {
  const cluster = config.static_resources.clusters.find((one) => one.name === name);
  if (cluster === undefined) throw new Error(`${CONFIG} has no cluster ${name}`);
  return clusterAddress(cluster).socket_address.port_value;
}

export function listenerPort(config: Bootstrap): number {
  return config.static_resources.listeners[0]!.address.socket_address.port_value;
}

/** The modules which the configuration names, as it names them. */
export function modulesOf(config: Bootstrap): string[] {
  return [
    ...new Set(
      JSON.stringify(config.static_resources.listeners).match(/(?<="filename":")[^"]+\.wasm/g) ?? [],
    ),
  ];
}

/** Says which modules are missing and how to make them; null when all are there. */
export function missingModules(config: Bootstrap): string | null {
  const missing = modulesOf(config).filter((file) => !existsSync(join(ROOT, file)));
  return missing.length > 0 ? `${missing.join(", ")}: not there. Build first: npm run build` : null;
}

export function closeAll(servers: readonly Server[]): void {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
}

function clusterAddress(cluster: Bootstrap["static_resources"]["clusters"][number]): Address {
  return cluster.load_assignment.endpoints[0]!.lb_endpoints[0]!.endpoint.address;
}

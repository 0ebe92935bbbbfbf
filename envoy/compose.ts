/**
 * What docker-compose.yaml mounts, made of what is here: envoy.yaml as it is among containers, and upstream.ts as one file of JavaScript.
 * `npm run build` writes both to `build/compose/`.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { stringify } from "yaml";
import { readConfig, ROOT, type Bootstrap } from "./local.ts";

const FOLDER = join("build", "compose");

/** The cluster of the tracing service, and its container. */
const ZIPKIN = "zipkin";
/** Ports of the containers, which have the names of clusters. */
const PORTS: Readonly<Record<string, number>> = { ratelimit: 8081, [ZIPKIN]: 9411 };
const UPSTREAM_PORT = 8080;

const HEADER = ` Made of envoy/envoy.yaml by envoy/compose.ts: change those, and build anew.\n`;

/** Writes the files and answers their paths. */
export async function writeCompose(): Promise<string[]> {
  await mkdir(join(ROOT, FOLDER), { recursive: true });
  const envoy = join(FOLDER, "envoy.yaml");
  const text = stringify(composeBootstrap(readConfig()), { aliasDuplicateObjects: false });
  await writeFile(join(ROOT, envoy), `#${HEADER}${text}`);
  const upstream = join(FOLDER, "upstream.mjs");
  await build({
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "warning",
    entryPoints: [join(ROOT, "envoy", "upstream.ts")],
    outfile: join(ROOT, upstream),
  });
  return [envoy, upstream];
}

/**
 * envoy.yaml, changed in place: each cluster is the container of its name, all interfaces are listened on (of the container: what of them
 * can be reached is for docker-compose.yaml to say), and spans are told to Zipkin.
 */
export function composeBootstrap(config: Bootstrap): Bootstrap {
  const { admin, static_resources } = config;
  for (const { address } of [admin, ...static_resources.listeners])
    address.socket_address.address = "0.0.0.0";
  static_resources.clusters.push(zipkinCluster());
  for (const cluster of static_resources.clusters) {
    cluster.type = "STRICT_DNS";
    for (const { lb_endpoints } of cluster.load_assignment.endpoints) {
      for (const { endpoint } of lb_endpoints) {
        endpoint.address.socket_address.address = cluster.name;
        endpoint.address.socket_address.port_value = PORTS[cluster.name] ?? UPSTREAM_PORT;
      }
    }
  }
  reportSpans(config);
  return config;
}

function zipkinCluster(): Bootstrap["static_resources"]["clusters"][number] {
  const address = { socket_address: { address: ZIPKIN, port_value: PORTS[ZIPKIN]! } };
  return {
    name: ZIPKIN,
    type: "STRICT_DNS",
    connect_timeout: "1s",
    load_assignment: { cluster_name: ZIPKIN, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
  };
}

/** Adds `report` to the configuration of `tracePropagation`. Throws where the suite is not where it is looked for. */
function reportSpans(config: Bootstrap): void {
  const configurations = wasmConfigurations(config.static_resources.listeners);
  for (const configuration of configurations) {
    const suite = JSON.parse(configuration.value) as { filters: { tracePropagation?: object }[] };
    const entry = suite.filters.find(({ tracePropagation }) => tracePropagation !== undefined);
    if (entry === undefined) continue;
    entry.tracePropagation = {
      ...entry.tracePropagation,
      report: { zipkin: { cluster: ZIPKIN }, serviceName: "envoy" },
    };
    configuration.value = JSON.stringify(suite, null, 2);
    return;
  }
  throw new Error("envoy.yaml has no plugin with tracePropagation");
}

/** The configurations of the plugins, wherever they stand. */
function wasmConfigurations(node: unknown): { value: string }[] {
  if (typeof node !== "object" || node === null) return [];
  const { "@type": type, value } = node as { "@type"?: string; value?: unknown };
  if (type === "type.googleapis.com/google.protobuf.StringValue" && typeof value === "string")
    return [node as { value: string }];
  return Object.values(node).flatMap(wasmConfigurations);
}

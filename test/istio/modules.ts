/** What the filters need in a mesh: their modules in the registry, and the rate limit service as one of the mesh. */
import { readFileSync } from "node:fs";
import { FILTERS } from "../../tools/filters.ts";
import type { KubeObject } from "../peers/kube-resources.ts";
import type { Registry } from "../peers/registry.ts";
import { loopbackEndpoint } from "./endpoints.ts";
import { pushFile } from "./image.ts";

/** The version of this release. */
export const { version: VERSION } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };

/** Pushes modules of `build/` as `outrigger/<filter>:<version>`. */
export async function pushModules(registry: Registry, filters = FILTERS): Promise<void> {
  for (const filter of filters)
    await pushFile(`${registry.host}/outrigger/${filter}`, VERSION, `build/${filter}.wasm`);
}

/** The endpoint of the Service `ratelimit` in `istio-system`: a port of 127.0.0.1. */
export function rateLimitEndpoints(port: number): KubeObject {
  return loopbackEndpoint({ name: "ratelimit", namespace: "istio-system" }, "grpc", port);
}

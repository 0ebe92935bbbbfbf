/** The rate limit service behind envoy.yaml, in this process: what `outrigger ratelimit-service` runs, with ratelimit.yaml. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readConfiguration } from "../cli/ratelimit-service/config.ts";
import { RateLimitServer } from "../cli/ratelimit-service/server.ts";
import { RateLimitService } from "../cli/ratelimit-service/service.ts";
import { clusterPort, ROOT, type Bootstrap } from "./local.ts";

/** The cluster of the service in envoy.yaml. */
export const RATE_LIMITS = "ratelimit";
/** From the clone's root. */
export const LIMITS_FILE = join("envoy", "ratelimit.yaml");

/** Serves on 127.0.0.1, on the cluster's port. Throws what is wrong with ratelimit.yaml. */
export async function startRateLimits(config: Bootstrap): Promise<RateLimitServer> {
  const text = readFileSync(join(ROOT, LIMITS_FILE), "utf8");
  const { configuration, problems } = readConfiguration([{ file: LIMITS_FILE, text }]);
  if (problems.length > 0) {
    throw new Error(
      problems.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`).join("\n"),
    );
  }
  const service = new RateLimitService(configuration, Date.now);
  return RateLimitServer.start(service, "127.0.0.1", clusterPort(config, RATE_LIMITS));
}

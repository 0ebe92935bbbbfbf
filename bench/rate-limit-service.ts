/** The rate limit service of the benchmark: envoyproxy/ratelimit with a Redis where they can be had, else our own. */
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { PeerNotFound, PeerProcess } from "../test/peers/process.ts";
import { RateLimit, RATELIMIT_VERSION } from "../test/peers/ratelimit.ts";
import { Redis } from "../test/peers/redis.ts";
import { root } from "./build.ts";
import { directory, freePort } from "./envoy.ts";

export interface Service {
  name: string;
  /** Where it answers gRPC. */
  port: number;
  /** The processes whose CPU time is its own. */
  pids: number[];
  stop: () => Promise<void>;
}

/** `configuration` is in ratelimit's format. */
export async function startService(domain: string, configuration: string): Promise<Service> {
  try {
    return await startReal(configuration);
  } catch (error) {
    if (!(error instanceof PeerNotFound)) throw error;
    return startOurs(domain, configuration);
  }
}

async function startReal(configuration: string): Promise<Service> {
  const redis = await Redis.start();
  try {
    const service = await RateLimit.start({ redis, configurations: [configuration] });
    return {
      name: `envoyproxy/ratelimit ${RATELIMIT_VERSION} with its Redis`,
      port: service.port,
      pids: [service.pid, redis.pid].filter((pid) => pid !== undefined),
      stop: async () => {
        await service.stop();
        await redis.stop();
      },
    };
  } catch (error) {
    await redis.stop();
    throw error;
  }
}

async function startOurs(domain: string, configuration: string): Promise<Service> {
  const file = join(directory, `${domain}.yaml`);
  await writeFile(file, configuration);
  const port = await freePort();
  const service = await PeerProcess.start({
    command: process.execPath,
    arguments: [
      ...[`${root}build/cli/outrigger.js`, "ratelimit-service"],
      ...["--config", file, "--host", "127.0.0.1", "--port", String(port)],
    ],
    isReady: () => accepts(port),
  });
  return {
    name: "outrigger ratelimit-service (envoyproxy/ratelimit or Redis is missing)",
    port,
    pids: [service.pid],
    stop: () => service.stop(),
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

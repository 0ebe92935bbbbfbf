/** Rate limit services in processes of their own, for scenarios: envoyproxy/ratelimit with Redis, and our command. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Client, credentials } from "@grpc/grpc-js";
import { encodeRequest } from "../../cli/ratelimit-service/messages.ts";
import { RateLimit } from "../peers/ratelimit.ts";
import { Redis } from "../peers/redis.ts";
import type { RealRateLimitService, StartRateLimitService } from "./stand-ins.ts";

const METHOD = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";
/** Milliseconds that a service has for an answer. */
const PATIENCE = 5_000;

/** Asks about nothing that counts. */
const WARM_UP = encodeRequest({
  domain: "warm-up",
  descriptors: [{ entries: [{ key: "none", value: "none" }], limit: null, hitsAddend: null }],
  hitsAddend: 0,
});

/**
 * Passes messages on to the service on this port as they are. It has been asked a few times before, since the first answers of a new
 * process take longer than a request waits.
 */
async function forwarding(port: number, stop: () => Promise<void>): Promise<RealRateLimitService> {
  const service = passing(port, stop);
  for (let at = 0; at < 20; at++) await service.ask(WARM_UP);
  return service;
}

function passing(port: number, stop: () => Promise<void>): RealRateLimitService {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const asBytes = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
  return {
    ask: (message) =>
      new Promise((resolve, reject) => {
        const options = { deadline: Date.now() + PATIENCE };
        client.makeUnaryRequest(
          METHOD,
          asBytes,
          (bytes) => bytes,
          message,
          options,
          (error, answer) => {
            // The status alone: see `RealRateLimitService`.
            // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
            if (error !== null) reject(error.code);
            else resolve(answer ?? new Uint8Array(0));
          },
        );
      }),
    stop: async () => {
      client.close();
      await stop();
    },
  };
}

/** envoyproxy/ratelimit for each scenario, all with this Redis, which is emptied each time. */
export function realService(redis: Redis): StartRateLimitService {
  return async (configurations) => {
    await redis.flush();
    const service = await RateLimit.start({ redis, configurations });
    return forwarding(service.port, () => service.stop());
  };
}

/** `outrigger ratelimit-service` for each scenario. */
export const commandService: StartRateLimitService = async (configurations) => {
  const folder = mkdtempSync(join(tmpdir(), "outrigger-service-"));
  for (const [at, text] of configurations.entries()) writeFileSync(join(folder, `${at}.yaml`), text);
  const child = spawn(
    process.execPath,
    ["cli/bin.js", "ratelimit-service", "--config", folder, "--port", "0"],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const told = /127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (told !== undefined) resolve(Number(told));
    });
    void gone.then(() => reject(new Error("outrigger ratelimit-service has ended")));
  });
  return forwarding(port, async () => {
    child.kill("SIGTERM");
    await gone;
    rmSync(folder, { recursive: true, force: true });
  });
};

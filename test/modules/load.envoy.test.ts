import { mkdtemp, rm } from "node:fs/promises";
import { Agent, createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PluginSpec } from "../driver.ts";
import { ListenerFile } from "../envoy/lds.ts";
import { listenerConfig } from "../envoy/listener.ts";
import { linearMemories } from "../envoy/proc.ts";
import { EnvoyProcess, freePort } from "../envoy/process.ts";

/** Requests under way at once. */
const CONNECTIONS = 8;

/** An Envoy with one listener of two dark-launch plugins, whose upstream answers with the variants it saw. */
describe("dark-launch in a real Envoy under load", () => {
  let upstream: Server;
  let envoy: EnvoyProcess;
  let folder: string;
  let file: ListenerFile;
  let port: number;
  let revision = 0;

  const plugin = (name: string, header: string, variant: string): PluginSpec => ({
    module: "build/dark-launch.wasm",
    name,
    rootId: "dark-launch",
    configuration: JSON.stringify({
      header,
      default: variant,
      rules: [{ name: "beta", variant: "beta", match: { headers: { "x-beta-user": "true" } } }],
    }),
  });
  const listeners = (variant: string): object[] => [
    listenerConfig({
      name: "load",
      port,
      revision: ++revision,
      plugins: [plugin("first", "x-first", variant), plugin("second", "x-second", "fixed")],
      properties: [],
    }),
  ];

  beforeAll(async () => {
    upstream = createServer((incoming, outgoing) => {
      const { "x-first": first, "x-second": second } = incoming.headers;
      outgoing.end(`${String(first)} ${String(second)}`);
    });
    await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
    const upstreamPort = (upstream.address() as AddressInfo).port;
    folder = await mkdtemp(join(tmpdir(), "outrigger-load-"));
    file = new ListenerFile(join(folder, "lds.json"));
    ({ port } = await freePort());
    await file.write(listeners("v0"));
    envoy = await EnvoyProcess.start({
      concurrency: 2,
      bootstrap: {
        node: { id: "load", cluster: "load" },
        dynamic_resources: { lds_config: file.source },
        static_resources: {
          clusters: [
            {
              name: "upstream",
              type: "STATIC",
              load_assignment: {
                cluster_name: "upstream",
                endpoints: [
                  {
                    lb_endpoints: [
                      {
                        endpoint: {
                          address: { socket_address: { address: "127.0.0.1", port_value: upstreamPort } },
                        },
                      },
                    ],
                  },
                ],
              },
            },
          ],
        },
      },
    });
  });

  afterAll(async () => {
    await envoy.stop();
    upstream.close();
    upstream.closeAllConnections();
    await rm(folder, { recursive: true, force: true });
  });

  test(
    "over updates, each request is decided by one configuration, old or new, in each plugin by its own",
    { timeout: 60_000 },
    async () => {
      let current = 0;
      const seen = new Map<string, number>();
      let answered = 0;
      let running = true;
      const clients = Array.from({ length: CONNECTIONS }, async () => {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });
        let newest = 0;
        while (running) {
          const beta = answered % 2 === 0;
          const { status, body } = await get(
            port,
            agent,
            beta ? { "x-beta-user": "true", "x-first": "forged" } : {},
          );
          answered++;
          expect(status).toBe(200);
          if (beta) {
            expect(body).toBe("beta beta");
            continue;
          }
          const variant = /^v(\d+) fixed$/.exec(body)?.[1];
          expect(variant, body).toBeDefined();
          seen.set(body, (seen.get(body) ?? 0) + 1);
          // An old connection may still be on an old configuration; it never goes back to one, nor ahead of the update.
          expect(Number(variant)).toBeLessThanOrEqual(current + 1);
          expect(Number(variant)).toBeGreaterThanOrEqual(newest);
          newest = Number(variant);
        }
        agent.destroy();
      });
      for (let version = 1; version <= UPDATES; version++) {
        expect(await file.update(envoy, listeners(`v${version}`), 2)).toBe("taken");
        current = version;
        const fresh = await get(port, undefined, {});
        expect(fresh.body).toBe(`v${version} fixed`);
      }
      running = false;
      await Promise.all(clients);
      console.log(
        `${answered} requests over ${UPDATES} updates; by variant: ${JSON.stringify(Object.fromEntries(seen))}`,
      );
      expect(answered).toBeGreaterThan(UPDATES);
      expect(seen.size).toBeGreaterThan(1);
    },
  );

  test(
    "100,000 requests leave the linear memory of the VMs and their number as they are",
    { timeout: 300_000 },
    async () => {
      await hammer(5_000);
      const before = await vms(envoy);
      await hammer(100_000);
      expect(await vms(envoy)).toEqual(before);
      expect(before.active).toBeGreaterThan(0);
    },
  );

  async function hammer(count: number): Promise<void> {
    let left = count;
    await Promise.all(
      Array.from({ length: CONNECTIONS }, async () => {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });
        while (left-- > 0) {
          const { body } = await get(port, agent, { "x-beta-user": "true" });
          if (body !== "beta beta") throw new Error(body);
        }
        agent.destroy();
      }),
    );
  }
});

const UPDATES = 20;

function get(
  port: number,
  agent: Agent | undefined,
  headers: Record<string, string>,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      { host: "127.0.0.1", port, agent: agent ?? false, headers, timeout: 10_000 },
      (answer) => {
        let body = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk: string) => (body += chunk));
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
      },
    );
    outgoing.on("error", reject);
    outgoing.on("timeout", () => outgoing.destroy(new Error("no answer within 10 s")));
    outgoing.end();
  });
}

async function vms(envoy: EnvoyProcess): Promise<{ active: number; memory: number[] }> {
  const stats = await envoy.admin("/stats?filter=^wasm\\.");
  const active = Number(/wasm\.envoy\.wasm\.runtime\.v8\.active: (\d+)/.exec(stats)?.[1] ?? 0);
  return { active, memory: linearMemories(envoy.pid) };
}

/** Clients that keep their connections: what is known of a connection or of a request stays its own. */
import { mkdtemp, rm } from "node:fs/promises";
import { Agent as PlainAgent, createServer, request as plainRequest, type Server } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Callers } from "../envoy/callers.ts";
import { ListenerFile } from "../envoy/lds.ts";
import { listenerConfig } from "../envoy/listener.ts";
import { EnvoyProcess, freePort } from "../envoy/process.ts";

const NAMES = ["cart", "ratings"];
const SUBJECTS = ["alice", "bob"];
const ROUNDS = 60;

const configuration = JSON.stringify({
  default: "nobody",
  rules: [
    ...SUBJECTS.map((name) => ({ name, variant: name, match: { claims: { sub: name } } })),
    ...NAMES.map((name) => ({
      name,
      variant: name,
      match: { source: { principals: [`cluster.local/ns/shop/sa/${name}`] } },
    })),
    { name: "address", variant: "address", match: { source: { remoteIpBlocks: ["203.0.113.0/24"] } } },
  ],
});

describe("callers on connections that are kept", () => {
  const callers = new Callers();
  let envoy: EnvoyProcess;
  let upstream: Server;
  let folder: string;
  let port: number;

  beforeAll(async () => {
    upstream = createServer((incoming, outgoing) => outgoing.end(String(incoming.headers["x-variant"])));
    await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
    const { port: upstreamPort } = upstream.address() as AddressInfo;
    folder = await mkdtemp(join(tmpdir(), "outrigger-callers-"));
    const file = new ListenerFile(join(folder, "lds.json"));
    ({ port } = await freePort());
    const module = "build/dark-launch.wasm";
    await file.write([
      listenerConfig({
        name: "callers",
        port,
        revision: 1,
        plugins: [{ module, name: "plugin", rootId: "dark-launch", configuration }],
        properties: [],
        transportSocket: callers.transportSocket(),
        tokenFilter: callers.tokenFilter(),
      }),
    ]);
    const endpoint = { address: { socket_address: { address: "127.0.0.1", port_value: upstreamPort } } };
    envoy = await EnvoyProcess.start({
      concurrency: 1,
      bootstrap: {
        node: { id: "callers", cluster: "callers" },
        dynamic_resources: { lds_config: file.source },
        static_resources: {
          clusters: [
            {
              name: "upstream",
              type: "STATIC",
              load_assignment: {
                cluster_name: "upstream",
                endpoints: [{ lb_endpoints: [{ endpoint }] }],
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

  test("are told apart, whoever came before them on the worker", { timeout: 60_000 }, async () => {
    const agents = [...NAMES, null].map((name) =>
      name === null
        ? { name, agent: new PlainAgent({ keepAlive: true, maxSockets: 1 }) }
        : {
            name,
            agent: new TlsAgent({
              keepAlive: true,
              maxSockets: 1,
              checkServerIdentity: () => undefined,
              ...callers.credentials({ uris: [`spiffe://cluster.local/ns/shop/sa/${name}`] }),
            }),
          },
    );
    const ports = new Set<number>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const [at, { name, agent }] of agents.entries()) {
        // A token, an address, or neither: of this request and of no other on the connection.
        const subject = [null, ...SUBJECTS][(round + at) % 3];
        const forwarded = round % 2 === 0;
        const headers: Record<string, string> = {
          ...(subject ? { authorization: `Bearer ${callers.token({ sub: subject })}` } : {}),
          ...(forwarded ? { "x-forwarded-for": "203.0.113.7" } : {}),
        };
        const { body, localPort } = await get(port, agent, headers);
        ports.add(localPort);
        expect(body).toBe(subject ?? name ?? (forwarded ? "address" : "nobody"));
      }
    }
    for (const { agent } of agents) agent.destroy();
    // Each of them kept its one connection.
    expect(ports.size).toBe(agents.length);
  });
});

function get(
  port: number,
  agent: PlainAgent | TlsAgent,
  headers: Record<string, string>,
): Promise<{ body: string; localPort: number }> {
  const request = agent instanceof TlsAgent ? tlsRequest : plainRequest;
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, agent, headers, timeout: 10_000 }, (response) => {
      const { localPort = 0 } = response.socket;
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.on("end", () => resolve({ body, localPort }));
    });
    sent.on("timeout", () => sent.destroy(new Error("no response within 10 s")));
    sent.on("error", reject);
    sent.end();
  });
}

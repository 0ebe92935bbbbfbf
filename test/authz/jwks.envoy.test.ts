/** Remote keys in a real Envoy with two workers, and a server that has them. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, type ClientHttp2Session } from "node:http2";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { upstreamCluster } from "../envoy/cds.ts";
import { ListenerFile } from "../envoy/lds.ts";
import { listenerConfig } from "../envoy/listener.ts";
import { EnvoyProcess, freePort } from "../envoy/process.ts";
import { compile } from "../../tools/compile.ts";
import { keySet, MODULE } from "./keys.ts";

const WORKERS = 2;
const UNAVAILABLE = "401 keys:unavailable";
const UNKNOWN = "401 keys:unknown";

describe("remote keys in a real Envoy", { timeout: 60_000 }, () => {
  let server: Server;
  let envoy: EnvoyProcess;
  let folder: string;
  let file: ListenerFile;
  let revision = 0;
  /** What the server answers, after so many milliseconds; null breaks the connection. */
  let answer: { status: number; body: string } | null;
  let after = 0;
  const asked: string[] = [];
  /** How often the keys of a listener were asked for. */
  const fetches = (port: number): number =>
    asked.filter((request) => request === `issuer.example /${port}`).length;

  const openListener = async (config: object = {}): Promise<number> => {
    const { port } = await freePort();
    await setListener(port, config);
    return port;
  };

  /** Each listener has a path of its own, so that its keys are. */
  const setListener = async (port: number, config: object): Promise<void> => {
    const jwksUri = `http://issuer.example/${port}`;
    const plugin = (name: string, configuration: object) => ({
      module: join(folder, "keys.wasm"),
      name: `${name}-${port}`,
      rootId: "keys",
      configuration: JSON.stringify(configuration),
    });
    // The second plugin is in the same VM, and is called back where the first one lets a request go on.
    const listener = {
      name: "keys",
      port,
      revision: ++revision,
      plugins: [plugin("keys", { jwksUri, jwksCluster: "keys", ...config }), plugin("none", {})],
      properties: [],
      answer: 200,
    };
    expect(await file.update(envoy, [listenerConfig(listener)], WORKERS)).toBe("taken");
  };

  beforeAll(async () => {
    server = createServer((incoming, outgoing) => {
      asked.push(`${incoming.headers.host} ${incoming.url}`);
      setTimeout(() => {
        if (answer === null) incoming.socket.resetAndDestroy();
        else outgoing.writeHead(answer.status).end(answer.body);
      }, after);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    folder = await mkdtemp(join(tmpdir(), "outrigger-keys-"));
    await writeFile(join(folder, "keys.wasm"), await compile(MODULE));
    file = new ListenerFile(join(folder, "lds.json"));
    await file.write([]);
    envoy = await EnvoyProcess.start({
      concurrency: WORKERS,
      bootstrap: {
        node: { id: "keys", cluster: "keys" },
        dynamic_resources: { lds_config: file.source },
        static_resources: {
          clusters: [upstreamCluster("keys", port)],
        },
      },
    });
  }, 120_000);

  afterAll(async () => {
    await envoy.stop();
    server.close();
    server.closeAllConnections();
    await rm(folder, { recursive: true, force: true });
  });

  beforeEach(() => {
    answer = { status: 200, body: keySet("one") };
    after = 0;
  });

  test("are fetched once for all workers, before a request needs them", async () => {
    const port = await openListener();
    await sleep(2500);
    expect(await together(port, 8, "one")).toEqual(Array.from({ length: 8 }, () => "passed"));
    expect(fetches(port)).toBe(1);
  });

  test("hold the first requests until they have come, on all workers", async () => {
    after = 300;
    const port = await openListener();
    const before = Date.now();
    expect(new Set(await together(port, 8, "one"))).toEqual(new Set(["passed"]));
    expect(Date.now() - before).toBeGreaterThan(200);
    expect(Date.now() - before).toBeLessThan(900);
    expect(fetches(port)).toBe(1);
  });

  test("hold thousands of requests, and let all of them go on", async () => {
    after = 3000;
    const port = await openListener();
    const said = await together(port, 4000, "one");
    expect(counts(said)).toEqual({ passed: 4000 });
    expect(fetches(port)).toBe(1);
    expect(envoy.exit).toBe(undefined);
  });

  test("refuse thousands of requests at the deadline when they do not come", async () => {
    after = 10_000;
    const port = await openListener({ timeout: "3s" });
    const said = await together(port, 4000, "one");
    expect(counts(said)).toEqual({ [UNAVAILABLE]: 4000 });
    expect(envoy.exit).toBe(undefined);
  });

  test("are fetched once more for a key that they have not, for which its request waits", async () => {
    const port = await openListener();
    await sleep(2500);
    answer = { status: 200, body: keySet("one", "two") };
    after = 200;
    expect(new Set(await together(port, 8, "two"))).toEqual(new Set(["passed"]));
    expect(new Set(await together(port, 8, "three"))).toEqual(new Set([UNKNOWN]));
    expect(fetches(port)).toBe(2);
  });

  test("are kept when their source fails", async () => {
    const port = await openListener({ jwksRefresh: "2s" });
    await sleep(2500);
    answer = null;
    await sleep(4000);
    expect(fetches(port)).toBeGreaterThan(2);
    expect(new Set(await together(port, 8, "one"))).toEqual(new Set(["passed"]));
  });

  test("are there for a new configuration at once", async () => {
    const port = await openListener();
    await sleep(2500);
    answer = null;
    await setListener(port, { timeout: "4s" });
    expect(new Set(await together(port, 8, "one"))).toEqual(new Set(["passed"]));
    expect(fetches(port)).toBe(1);
  });

  test("come to requests that wait while the configuration is replaced", async () => {
    // Sooner than the old listener is closed.
    after = 700;
    const port = await openListener();
    const waiting = together(port, 8, "one");
    await sleep(100);
    await setListener(port, { timeout: "4s" });
    expect(new Set(await waiting)).toEqual(new Set(["passed"]));
  });

  test("leave nothing behind of clients that went away while they waited", async () => {
    after = 4000;
    const port = await openListener();
    for (let round = 0; round < 3; round++) {
      const session = open(port);
      for (let number = 0; number < 900; number++) ask(session, "one").catch(() => undefined);
      await sleep(700);
      session.destroy();
    }
    expect(new Set(await together(port, 8, "one"))).toEqual(new Set(["passed"]));
    expect(envoy.exit).toBe(undefined);
  });
});

/** How often each was said. */
function counts(said: readonly string[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const word of said) sums[word] = (sums[word] ?? 0) + 1;
  return sums;
}

/** What comes of so many requests at the same time, on several connections. */
async function together(port: number, count: number, kid: string): Promise<string[]> {
  const sessions = Array.from({ length: 8 }, () => open(port));
  try {
    return await Promise.all(Array.from({ length: count }, (_, number) => ask(sessions[number % 8]!, kid)));
  } finally {
    for (const session of sessions) session.destroy();
  }
}

function open(port: number): ClientHttp2Session {
  // Its streams tell what goes wrong.
  return connect(`http://127.0.0.1:${port}`).on("error", () => undefined);
}

/** `passed`, or status and reason. */
function ask(session: ClientHttp2Session, kid: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":path": "/", "x-kid": kid });
    let status = 0;
    let body = "";
    stream.setEncoding("utf8");
    stream.on("response", (headers) => (status = Number(headers[":status"])));
    stream.on("data", (chunk: string) => (body += chunk));
    stream.on("end", () => resolve(status === 200 ? "passed" : `${status} ${body}`));
    stream.on("error", reject);
    stream.setTimeout(20_000, () => stream.destroy(new Error("no answer within 20 s")));
    stream.end();
  });
}

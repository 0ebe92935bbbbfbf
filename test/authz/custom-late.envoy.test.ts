/**
 * Answers of authorization services to requests that Envoy itself has ended meanwhile, in a real Envoy: by its own timeout, or since the client
 * went away. They are nobody's any more, and nothing else may come of them.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CallAnswer, Fault, UpstreamRequest } from "../driver.ts";
import { upstreamCluster } from "../envoy/cds.ts";
import { GrpcServer } from "../envoy/grpc-server.ts";
import { dial, send } from "../envoy/http1.ts";
import { HttpServer } from "../envoy/http-server.ts";
import { staticListener } from "../envoy/listener.ts";
import { EnvoyProcess, freePort } from "../envoy/process.ts";
import { allowed, decodeRequest, denied, encodeResponse, option } from "./ext-authz.ts";

/** In milliseconds: until Envoy gives a request up, until a late answer comes, until a client goes away. */
const IDLE = 300;
const LATE = 700;
const PATIENCE = 100;

/** What a service says of a path, and after how long. */
const answerTo = (path: string): { allows: boolean; after: number } => ({
  allows: !path.includes("deny"),
  after: path.startsWith("/late") ? LATE : 0,
});

describe("a late answer of a service", { timeout: 60_000 }, () => {
  let envoy: EnvoyProcess;
  let grpc: GrpcServer;
  let http: HttpServer;
  const ports = new Map<string, number>();
  const logs: string[] = [];
  let answered = 0;

  beforeAll(async () => {
    grpc = await GrpcServer.start((exchange) => ({
      onMessage: (message) => {
        const { allows, after } = answerTo(decodeRequest(message).request?.http?.path ?? "");
        exchange.after(after, () => {
          answered++;
          const changes = {
            responseHeadersToAdd: [option("x-set", "1")],
            headers: [option("x-user", "ann")],
          };
          exchange.send(encodeResponse(allows ? allowed(changes) : denied({ body: "no" })));
          exchange.end(0);
        });
      },
    }));
    http = await HttpServer.start((request: UpstreamRequest): CallAnswer | Fault => {
      const { allows, after } = answerTo(request.headers.find(([name]) => name === ":path")![1]);
      setTimeout(() => answered++, after);
      return { status: allows ? 200 : 403, after, headers: [["x-set", "1"]] };
    });
    const services = {
      grpc: { envoyExtAuthzGrpc: { cluster: "grpc", timeout: "5s" } },
      http: { envoyExtAuthzHttp: { cluster: "http", timeout: "5s", headersToDownstreamOnAllow: ["x-set"] } },
    };
    const listeners: object[] = [];
    for (const [name, service] of Object.entries(services)) {
      const { port } = await freePort();
      ports.set(name, port);
      const configuration = JSON.stringify({
        extensionProviders: [{ name, ...service }],
        policies: [{ name: "ask", action: "CUSTOM", provider: { name }, rules: [{}] }],
      });
      const plugin = { module: "build/authz.wasm", name: `late-${name}`, rootId: "authz", configuration };
      const connectionManager = { stream_idle_timeout: `${IDLE / 1000}s` };
      listeners.push(
        staticListener({ name, port, revision: 0, plugins: [plugin], answer: 200, connectionManager }),
      );
    }
    envoy = await EnvoyProcess.start({
      componentLogLevel: "wasm:warning",
      onLog: ({ component, text }) => void (component === "wasm" && logs.push(text)),
      bootstrap: {
        static_resources: {
          listeners,
          clusters: [upstreamCluster("grpc", grpc.port, true), upstreamCluster("http", http.port)],
        },
      },
    });
  }, 60_000);

  afterAll(async () => {
    await envoy?.stop();
    await grpc?.close();
    await http?.close();
  });

  /** Its status; 0 of a client that went away before. */
  const ask = async (port: number, path: string, patience = 10_000): Promise<number> => {
    const socket = dial(port);
    try {
      const leave = sleep(patience).then(() => 0);
      return await Promise.race([
        send(socket, { method: "GET", path }, 10_000).then(
          ({ response }) => response.status,
          () => 0,
        ),
        leave,
      ]);
    } finally {
      socket.destroy();
    }
  };
  const many = (count: number, one: (number: number) => Promise<number>): Promise<number[]> =>
    Promise.all(Array.from({ length: count }, (_, number) => one(number)));

  test.each(["grpc", "http"])("over %s finds the request gone, and later ones go on", async (name) => {
    const port = ports.get(name)!;
    const before = answered;
    const [timedOut, left, decided] = await Promise.all([
      many(40, (number) => ask(port, number % 2 === 0 ? "/late" : "/late/deny")),
      many(40, (number) => ask(port, number % 2 === 0 ? "/late" : "/late/deny", PATIENCE)),
      many(10, (number) => ask(port, number % 2 === 0 ? "/" : "/deny")),
    ]);
    // Envoy's own answer, before any of the service's came.
    expect(new Set(timedOut)).toEqual(new Set([504]));
    expect(new Set(left)).toEqual(new Set([0]));
    expect(decided).toEqual(Array.from({ length: 10 }, (_, number) => (number % 2 === 0 ? 200 : 403)));
    await sleep(2 * LATE);
    // That they came is what this is about: Envoy does not take calls back.
    expect(answered - before).toBe(90);
    expect(await many(20, () => ask(port, "/"))).toEqual(Array<number>(20).fill(200));
    expect(await ask(port, "/deny")).toBe(403);
    expect(envoy.exit).toBe(undefined);
    // A trap is told here, and so is a host function that was called for a request that is gone.
    expect(logs).toEqual([]);
  });
});

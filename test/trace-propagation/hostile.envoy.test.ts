/** What clients, upstreams and collectors of a real Envoy do to the filter when they mean it. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import type { Socket } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Header } from "../driver.ts";
import { upstreamCluster } from "../envoy/cds.ts";
import { dial, send } from "../envoy/http1.ts";
import { staticListener } from "../envoy/listener.ts";
import { cpuTime, linearMemories } from "../envoy/proc.ts";
import { EnvoyProcess, freePort } from "../envoy/process.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const TRACEPARENT: Header = ["traceparent", `00-${TRACE}-${SPAN}-01`];
const UPGRADE: readonly Header[] = [
  ["connection", "upgrade"],
  ["upgrade", "websocket"],
];
/** When Envoy writes its access logs beside the end of each request. Filters are told, too. */
const ACCESS_LOG = {
  flush_access_log_on_new_request: true,
  flush_log_on_tunnel_successfully_established: true,
  access_log_flush_interval: "0.3s",
};
/** As many requests and connections of a cluster as are wanted at once. */
const NO_LIMIT = { max_connections: 100_000, max_pending_requests: 100_000, max_requests: 100_000 };
/** Milliseconds within which spans must have come: they go once a second. */
const WITHIN = 15_000;

interface Span {
  id: string;
  duration: number;
  parentId?: string;
  tags: Record<string, string>;
}

/** A server whose behaviour can be changed. */
class Peer {
  handle: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void = (_, response) =>
    void response.end();

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async start(): Promise<Peer> {
    const server = createServer({ keepAliveTimeout: 0, maxHeaderSize: 1 << 20 });
    const { port } = await freePort();
    const peer = new Peer(server, port);
    server.on("request", (request, response) => {
      const chunks: Buffer[] = [];
      request.on("error", () => undefined).on("data", (chunk: Buffer) => void chunks.push(chunk));
      request.on("end", () => peer.handle(request, response, Buffer.concat(chunks)));
    });
    server.on("upgrade", (_request, socket: Socket) => {
      socket.on("error", () => undefined);
      socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
      socket.pipe(socket);
    });
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    return peer;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

let upstream: Peer;
let collector: Peer;
let envoy: EnvoyProcess;
let port: number;
let plainPort: number;
let spans: Span[] = [];
const complaints: string[] = [];
/** Lines of the access log. */
let logged = 0;

/** A listener of the bootstrap, with more in its route than the tests' listeners have. */
function listener(name: string, port: number, plugins: object[]): object {
  const built = staticListener({
    name,
    port,
    revision: 1,
    direction: "inbound",
    plugins: plugins as never,
    properties: [],
  });
  const text = JSON.stringify(built, (key, value: unknown) => {
    // Envoy logs requests while they last, too.
    if (key === "typed_config" && "access_log" in (value as object))
      return { ...(value as object), access_log_options: ACCESS_LOG };
    if (key !== "route") return value;
    return {
      ...(value as object),
      upgrade_configs: [{ upgrade_type: "websocket" }],
      internal_redirect_policy: { max_internal_redirects: 2 },
      retry_policy: { retry_on: "5xx", num_retries: 2, retry_back_off: { base_interval: "0.001s" } },
    };
  });
  return JSON.parse(text) as object;
}

beforeAll(async () => {
  upstream = await Peer.start();
  collector = await Peer.start();
  port = (await freePort()).port;
  plainPort = (await freePort()).port;
  const plugin = {
    module: "build/trace-propagation.wasm",
    name: "traces",
    rootId: "trace-propagation",
    configuration: JSON.stringify({
      correlate: {},
      baggage: { allow: ["k"] },
      sampling: { default: 100 },
      report: { zipkin: { cluster: "collector", timeout: "1s" } },
    }),
  };
  envoy = await EnvoyProcess.start({
    concurrency: 1,
    bootstrap: {
      node: { id: "hostile-1", cluster: "hostile" },
      static_resources: {
        listeners: [listener("hostile", port, [plugin]), listener("plain", plainPort, [])],
        clusters: [
          { ...upstreamCluster("upstream", upstream.port), circuit_breakers: { thresholds: [NO_LIMIT] } },
          upstreamCluster("collector", collector.port),
        ],
      },
    },
    onLog: ({ level, component, text }) => {
      if (["error", "critical"].includes(level)) complaints.push(`[${level}][${component}] ${text}`);
    },
    onOutput: (line) => {
      logged++;
      if (line.includes("wasm_fail_stream")) complaints.push(line);
    },
  });
}, 60_000);

afterAll(async () => {
  await envoy?.stop();
  await collector?.stop();
  await upstream?.stop();
  expect(complaints).toEqual([]);
});

beforeEach(() => {
  spans = [];
  logged = 0;
  collector.handle = (_, response, body) => {
    spans.push(...(JSON.parse(body.toString("utf8")) as Span[]));
    response.writeHead(202).end();
  };
  upstream.handle = (_, response) => void response.end();
});

async function ask(
  path: string,
  headers: readonly Header[] = [],
  to = port,
  abortAfter?: number,
): Promise<number> {
  const socket = dial(to);
  try {
    const request = { method: "GET", path, headers, ...(abortAfter === undefined ? {} : { abortAfter }) };
    return (await send(socket, request, 10_000)).response.status;
  } finally {
    socket.destroy();
  }
}

async function told(count: number): Promise<Span[]> {
  await expect.poll(() => spans.length, { timeout: WITHIN }).toBeGreaterThanOrEqual(count);
  return spans;
}

/** The spans of this many requests, by their path. */
async function toldOf(count: number): Promise<Record<string, Span>> {
  return Object.fromEntries((await told(count)).map((span) => [span.tags["http.path"]!, span] as const));
}

describe("a request tells one span, however it ends", () => {
  test("of each hop of an internal redirect, the second below the first", async () => {
    const parents: (string | undefined)[] = [];
    upstream.handle = (request, response) => {
      parents.push(request.headers.traceparent?.toString().split("-")[2]);
      if (request.url !== "/first") response.end();
      else response.writeHead(302, { location: "http://example.test/second" }).end();
    };
    expect(await ask("/first", [TRACEPARENT])).toBe(200);
    const { "/first": first, "/second": second } = await toldOf(2);
    expect(parents).toEqual([first!.id, second!.id]);
    expect(first).toMatchObject({ parentId: SPAN, tags: { "http.status_code": "302" } });
    expect(second).toMatchObject({ parentId: first!.id, tags: { "http.status_code": "200" } });
  });

  test("of Envoy's own retries, of upgrades, and of what breaks off", async () => {
    let asked = 0;
    upstream.handle = (request, response) => {
      if (request.url === "/retry") response.writeHead(++asked < 3 ? 503 : 200).end();
      else if (request.url === "/reset") request.socket.resetAndDestroy();
      else if (request.url === "/cut") {
        response.writeHead(200, { "content-length": "1000" });
        response.write("x", () => setTimeout(() => request.socket.resetAndDestroy(), 20));
      }
    };
    expect(await ask("/retry")).toBe(200);
    expect(asked).toBe(3);
    expect(await ask("/upgrade", [...UPGRADE])).toBe(101);
    expect(await ask("/reset")).toBe(503);
    expect(await ask("/gone", [], port, 200)).toBe(0);
    await expect(ask("/cut")).rejects.toThrow("inside the response");
    const paths = await toldOf(5);
    expect(spans).toHaveLength(5);
    expect(paths["/retry"]!.tags).toMatchObject({ "http.status_code": "200" });
    expect(paths["/upgrade"]!.tags).toMatchObject({ "http.status_code": "101" });
    expect(paths["/reset"]!.tags).toMatchObject({ error: "503" });
    expect(paths["/gone"]!.tags).toMatchObject({ error: "no response" });
    expect(paths["/cut"]!.tags).toMatchObject({ "http.status_code": "200" });
  });
});

test("a request that lasts, and is logged meanwhile, tells one span when it ends", async () => {
  upstream.handle = (_, response) => void setTimeout(() => response.end(), 1500);
  expect(await ask("/lasts", [["x-request-id", "lasts"]])).toBe(200);
  const { "/lasts": span } = await toldOf(1);
  expect(logged).toBeGreaterThan(4);
  expect(span!.duration).toBeGreaterThan(1_400_000);
  expect(span!.tags).toMatchObject({ "http.status_code": "200" });
  expect(spans).toHaveLength(1);
});

test("a request for a tunnel, which has no path, tells a span as others do", async () => {
  const socket = dial(port);
  socket.end("CONNECT example.test:443 HTTP/1.1\r\nhost: example.test:443\r\n\r\n");
  await told(1);
  socket.destroy();
  expect(spans[0]!.tags).toMatchObject({
    "http.method": "CONNECT",
    "http.path": "",
    "http.status_code": "404",
  });
});

describe("headers that mean it", () => {
  const high = Buffer.from(Array.from({ length: 128 }, (_, at) => 128 + at)).toString("latin1");
  const names = [
    "x-request-id",
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "uber-trace-id",
  ];
  const more = ["x-datadog-trace-id", "x-datadog-tags", "x-amzn-trace-id", "x-b3-sampled", "x-b3-flags"];

  test("are answered as others are", { timeout: 60_000 }, async () => {
    const values = [
      "",
      high,
      ",",
      ";",
      "=",
      "%",
      "-",
      ":",
      "0",
      "d",
      "%00",
      ",".repeat(30_000),
      "a=".repeat(20_000),
    ];
    for (const name of [...names, ...more]) {
      for (const value of values) expect(await ask("/", [TRACEPARENT, [name, value]]), name).toBe(200);
      const twice = Array.from({ length: 900 }, (_, at): Header => [name, `${at}`]);
      expect(await ask("/", [TRACEPARENT, ...twice]), name).toBe(200);
    }
  });

  const long: Record<string, Header[]> = {
    "5 headers": [["baggage", "k=v"]],
    "tracestate of 60,000 commas": [["tracestate", ",".repeat(60_000)]],
    "baggage of 60,000 commas": [["baggage", ",".repeat(60_000)]],
    "baggage of 20,000 members": [["baggage", "a=,".repeat(20_000)]],
    "X-Ray with 20,000 fields": [["x-amzn-trace-id", "a=;".repeat(20_000)]],
    "Datadog with 60,000 tags": [
      ["x-datadog-trace-id", "1"],
      ["x-datadog-parent-id", "1"],
      ["x-datadog-tags", ",".repeat(60_000)],
    ],
    "900 headers of one name": Array.from({ length: 900 }, (): Header => ["tracestate", "a=b"]),
  };

  test("take time in proportion to their length", { timeout: 120_000 }, async () => {
    const requests = 200;
    const cost = async (headers: readonly Header[], to: number): Promise<number> => {
      const socket = dial(to);
      const before = cpuTime(envoy.pid);
      for (let at = 0; at < requests; at++) await send(socket, { method: "GET", path: "/", headers }, 10_000);
      socket.destroy();
      return (cpuTime(envoy.pid) - before) / requests / 1000;
    };
    const rows: object[] = [];
    for (const [name, headers] of Object.entries(long)) {
      const all = [TRACEPARENT, ["x-request-id", "a"], ...headers] as const;
      await cost(all, port);
      const [plain, traced] = [await cost(all, plainPort), await cost(all, port)];
      rows.push({ headers: name, "µs without": Math.round(plain), "µs with": Math.round(traced) });
      // What is quadratic would take seconds.
      expect(traced - plain, name).toBeLessThan(10_000);
    }
    console.table(rows);
  });
});

describe("many requests that all last", () => {
  test(
    "take the memory of their records and no more, and little time of others",
    { timeout: 120_000 },
    async () => {
      const requests = 4000;
      const memory = (): number => linearMemories(envoy.pid).reduce((sum, size) => sum + size, 0);
      const before = memory();
      const sessions = Array.from({ length: requests / 100 }, () => connectHttp2(`http://127.0.0.1:${port}`));
      try {
        let open = 0;
        upstream.handle = (request, response) => {
          if (request.url === "/lasts") open++;
          else response.end();
        };
        for (const session of sessions) {
          session.on("error", () => undefined);
          for (let at = 0; at < 100; at++) {
            const stream = session.request({
              ":path": "/lasts",
              traceparent: TRACEPARENT[1],
              baggage: `k=${"v".repeat(900)}`,
            });
            stream.on("error", () => undefined).end();
          }
        }
        await expect.poll(() => open, { timeout: 60_000 }).toBe(requests);
        const end = Date.now() + 8000;
        let longest = 0;
        while (Date.now() < end) {
          const started = performance.now();
          expect(await ask("/short")).toBe(200);
          longest = Math.max(longest, performance.now() - started);
        }
        const grown = (memory() - before) / requests;
        console.log(
          `${requests} requests that last: ${grown} bytes each; others took ${longest.toFixed(1)} ms at most`,
        );
        // Its record and its place in the table of streams.
        expect(grown).toBeLessThan(1400);
      } finally {
        for (const session of sessions) session.destroy();
      }
    },
  );
});

describe("a collector that means it", () => {
  const answers: Record<string, (response: ServerResponse) => void> = {
    "answers 10 MiB": (response) => void response.writeHead(200).end(Buffer.alloc(10 << 20)),
    "answers with 10,000 headers": (response) => {
      for (let at = 0; at < 10_000; at++) response.setHeader(`x-${at}`, "v");
      response.writeHead(200).end();
    },
    "answers with a header of 50,000 bytes": (response) =>
      void response.writeHead(200, { "x-long": "v".repeat(50_000) }).end(),
    "answers after the timeout": (response) =>
      void setTimeout(() => response.writeHead(200).end(), 2000).unref(),
    "answers without end": (response) => {
      response.writeHead(200);
      const more = setInterval(() => response.write("x".repeat(1000)), 10);
      response.on("close", () => clearInterval(more)).on("error", () => undefined);
    },
  };

  for (const [name, answer] of Object.entries(answers)) {
    test(`and ${name} is in no request's way, and gets spans again`, { timeout: 60_000 }, async () => {
      await ask("/before");
      await toldOf(1);
      const before = linearMemories(envoy.pid);
      let posts = 0;
      const takes = collector.handle;
      collector.handle = (_, response) => {
        posts++;
        answer(response);
      };
      const end = Date.now() + 4500;
      while (Date.now() < end) {
        const started = performance.now();
        expect(await ask("/meanwhile")).toBe(200);
        expect(performance.now() - started).toBeLessThan(1000);
      }
      expect(posts).toBeGreaterThan(2);
      collector.handle = takes;
      // While eight batches are out and the next one is full, what ends is dropped.
      const arrived = async (): Promise<boolean> => {
        await ask("/after");
        return spans.some(({ tags }) => tags["http.path"] === "/after");
      };
      await expect.poll(arrived, { timeout: WITHIN, interval: 200 }).toBe(true);
      expect(linearMemories(envoy.pid)).toEqual(before);
    });
  }
});

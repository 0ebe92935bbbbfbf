/** What filters that wait for a call can rely on: the same on the host and on a real Envoy. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster, Driver, Exchange, HttpRequest, Session } from "../driver.ts";
import { compile } from "../../tools/compile.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");
const text = (value: Uint8Array): string => Buffer.from(value).toString("latin1");

/** Answers as the path says: `/ann` is the user, others are orders. */
const HTTP: Cluster = {
  http: ({ headers }) => {
    const path = headers.find(([name]) => name === ":path")?.[1] ?? "";
    if (path === "/deny") return { status: 403, body: bytes("not you") };
    if (path === "/error") return { status: 500 };
    if (path === "/reset") return "reset";
    if (path === "/silence") return "silence";
    const after = path.startsWith("/late") ? 120 : 0;
    return { after, headers: [["x-user", path.slice(1)]] };
  },
};

const GRPC: Cluster = {
  grpc: (exchange) => ({
    onMessage: (message) => {
      exchange.send(message);
      exchange.end(0);
    },
  }),
};

const GRPC_DENIES: Cluster = {
  grpc: (exchange) => ({ onMessage: () => exchange.end(7, "no") }),
};

export function waiting(makeDriver: () => Driver): void {
  const driver = makeDriver();
  describe(`a filter that waits, on ${driver.name}`, { timeout: 30_000 }, () => {
    let folder = "";
    const sessions: Session[] = [];
    let sessionsOpened = 0;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "outrigger-waiting-"));
      await writeFile(join(folder, "gate.wasm"), await compile("test/conformance/module/gate.ts"));
    }, 120_000);
    afterAll(async () => {
      await driver.close();
      await rm(folder, { recursive: true, force: true });
    });

    const open = async (cluster: string, timeout = 2000): Promise<Session> => {
      const configuration = JSON.stringify({
        filters: [{ word: { word: "a" } }, { gate: { cluster, timeout } }, { word: { word: "b" } }],
      });
      const name = `gate-${++sessionsOpened}`;
      const session = await driver.open({
        plugins: [{ module: join(folder, "gate.wasm"), name, rootId: "suite", configuration }],
        clusters: {
          "waiting-http": HTTP,
          "waiting-grpc": GRPC,
          "waiting-denies": GRPC_DENIES,
          "waiting-refuse": "refuse",
        },
      });
      sessions.push(session);
      return session;
    };

    /** Asks with this path, and lets time pass where it takes some. */
    const ask = async (
      session: Session,
      path: string,
      more: Partial<HttpRequest> & { advance?: number } = {},
    ): Promise<Exchange> => {
      const { advance, headers = [], ...request } = more;
      const played = session.request({
        method: "GET",
        path: "/",
        ...request,
        headers: [["x-ask", path], ...headers],
      });
      if (advance !== undefined) await session.advance(advance);
      return played;
    };

    /** The values of a header that the upstream got. */
    const got = ({ upstream }: Exchange, name: string): string[] | null =>
      upstream === null
        ? null
        : upstream.headers.filter(([other]) => other === name).map(([, value]) => value);

    test("gets the answer, changes the request, and lets the next filters go on with it", async () => {
      const session = await open("waiting-http");
      const exchange = await ask(session, "/ann");
      expect(exchange.response.status).toBe(200);
      expect(got(exchange, "x-user")).toEqual(["ann"]);
      expect(got(exchange, "x-seen")).toEqual(["a", "b"]);
    });

    test("keeps its note for the response", async () => {
      const session = await open("waiting-http");
      const { response } = await ask(session, "/ann");
      expect(response.headers).toContainEqual(["x-note", "grpc"]);
    });

    test("is not asked about requests that it did not hold", async () => {
      const session = await open("waiting-http");
      const exchange = await session.request({ method: "GET", path: "/" });
      expect(got(exchange, "x-user")).toEqual([]);
      expect(got(exchange, "x-seen")).toEqual(["a", "b"]);
      expect(exchange.response.headers.map(([name]) => name)).not.toContain("x-note");
    });

    test("replies with what it was answered, and the request goes no further", async () => {
      const session = await open("waiting-http");
      const exchange = await ask(session, "/deny");
      expect(exchange.upstream).toBe(null);
      expect(exchange.response.status).toBe(403);
      expect(text(exchange.response.body)).toBe("not you");
      expect(exchange.details).toBe("gate:denied");
    });

    test("may call again with the answer", async () => {
      const session = await open("waiting-http");
      const exchange = await ask(session, "/ann", { headers: [["x-again", "1"]] });
      expect(got(exchange, "x-user")).toEqual(["ann", "ann"]);
      expect(got(exchange, "x-seen")).toEqual(["a", "b"]);
    });

    test("is told of errors, of connections that break or are refused, and of time that is up", async () => {
      const session = await open("waiting-http", 80);
      for (const path of ["/error", "/reset"]) {
        const exchange = await ask(session, path);
        expect(exchange.details).toBe("gate:unavailable");
        expect(exchange.upstream).toBe(null);
      }
      expect((await ask(session, "/silence", { advance: 300 })).details).toBe("gate:unavailable");
      expect((await ask(session, "/late", { advance: 400 })).details).toBe("gate:unavailable");
      expect((await ask(await open("waiting-refuse"), "/ann")).details).toBe("gate:unavailable");
    });

    test("decides at once where nothing can be sent, or nothing would ever come", async () => {
      expect((await ask(await open("no-such-cluster"), "/ann")).details).toBe("gate:not-sent");
      expect((await ask(await open("waiting-http", 0), "/ann")).details).toBe("gate:not-sent");
      const session = await open("waiting-http");
      await ask(session, "/ann");
      const exchange = await ask(session, "nothing");
      expect(exchange.response.status).toBe(500);
      expect(exchange.details).toBe("outrigger:internal");
    });

    test("hears nothing of a request that has ended meanwhile, and goes on with others", async () => {
      const session = await open("waiting-http");
      const gone = await ask(session, "/late", { abortAfter: 30, advance: 300 });
      expect(gone.response.status).toBe(0);
      expect(gone.upstream).toBe(null);
      expect(got(await ask(session, "/bob"), "x-user")).toEqual(["bob"]);
    });

    test("holds the body meanwhile", async () => {
      const session = await open("waiting-http");
      const exchange = await ask(session, "/late", { method: "POST", body: bytes("body"), advance: 400 });
      expect(text(exchange.upstream!.body)).toBe("body");
      expect(got(exchange, "x-user")).toEqual(["late"]);
    });

    test("calls by gRPC, with the message as the answer", async () => {
      const exchange = await ask(await open("waiting-grpc"), "grpc");
      expect(got(exchange, "x-user")).toEqual(["grpc"]);
      expect(got(exchange, "x-seen")).toEqual(["a", "b"]);
    });

    test("is told a gRPC status with its message", async () => {
      const exchange = await ask(await open("waiting-denies"), "grpc");
      expect(exchange.response.status).toBe(403);
      expect(text(exchange.response.body)).toBe("no{via_upstream}");
    });

    test("decides at once where the cluster of a gRPC call is not there", async () => {
      const exchange = await ask(await open("no-such-cluster"), "grpc");
      expect(exchange.details).toBe("gate:not-sent");
    });

    test("is told that a gRPC connection is refused", async () => {
      const exchange = await ask(await open("waiting-refuse"), "grpc");
      expect(exchange.details).toBe("gate:denied");
      expect(text(exchange.response.body)).toMatch(/^upstream connect error/);
    });
  });
}

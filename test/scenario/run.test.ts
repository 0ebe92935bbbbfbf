import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  ConfigurationRefused,
  type Driver,
  type Exchange,
  type GrpcExchange,
  type PluginSpec,
  type Session,
  type SessionSpec,
} from "../driver.ts";
import { parseScenario } from "./format.ts";
import { runScenario } from "./run.ts";

/** A driver whose plugin sets `x-config` to its configuration, and refuses one that contains `bad`. */
class StubDriver implements Driver {
  readonly calls: string[] = [];
  constructor(
    readonly name: "host" | "envoy",
    readonly longestAdvance: number,
  ) {}
  open(spec: SessionSpec): Promise<Session> {
    let configuration = "";
    let requests = 0;
    const configure = (plugins: readonly PluginSpec[]): Promise<void> => {
      const next = plugins.map((plugin) => plugin.configuration).join();
      if (next.includes("bad")) return Promise.reject(new ConfigurationRefused(["rules[0]: bad"]));
      configuration = next;
      return Promise.resolve();
    };
    const session: Session = {
      request: (request): Promise<Exchange> => {
        requests++;
        const upstream = {
          headers: [
            [":path", request.path],
            ["x-config", configuration],
          ] as const,
          body: new Uint8Array(),
          trailers: [],
        };
        const reply = spec.reply?.(upstream) ?? {};
        const response = {
          status: reply.status ?? 200,
          headers: [],
          body: reply.body ?? new Uint8Array(),
          trailers: [],
        };
        return Promise.resolve({ upstream, response, details: "via_upstream", properties: {} });
      },
      requests: (all) => Promise.all(all.map((request) => session.request(request))),
      tcp: () => Promise.reject(new Error("no TCP here")),
      update: configure,
      advance: (milliseconds) => {
        this.calls.push(`advance ${milliseconds}`);
        return Promise.resolve();
      },
      now: () => Date.now(),
      metrics: () => Promise.resolve({ requests }),
      logs: () =>
        Promise.resolve([
          { level: "error", text: "told you" },
          { level: "info", text: "not this" },
        ]),
      close: () => {
        this.calls.push("close");
        return Promise.resolve();
      },
    };
    return configure(spec.plugins).then(() => session);
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

const anyFile = import.meta.filename;

function run(text: string, driver: Driver = new StubDriver("host", Infinity)) {
  return runScenario(driver, parseScenario(text, "x.yaml"), { moduleOf: () => anyFile });
}

/** Sends a message to what stands behind a cluster; the statuses that the call has ended with. */
function callGrpc({ clusters }: SessionSpec, name: string, message: Uint8Array): number[] {
  const cluster = clusters?.[name];
  if (typeof cluster !== "object" || !("grpc" in cluster)) throw new Error(`${name} does not speak gRPC`);
  const ends: number[] = [];
  const exchange = {
    send: () => undefined,
    sendMetadata: () => undefined,
    reset: () => undefined,
    after: (_: number, run: () => void) => run(),
    end: (status: number) => void ends.push(status),
  };
  cluster.grpc(exchange as unknown as GrpcExchange).onMessage?.(message);
  return ends;
}

describe("running a scenario", () => {
  it("plays requests, replies, updates and metrics", async () => {
    const result = await run(`filter: f
config: a
upstream: {status: 204}
steps:
- {request: {path: /x}, upstream: {path: /x, headers: {x-config: '"a"'}}, response: {status: 204}}
- {request: {}, reply: {status: 500}, response: {status: 500}}
- {config: b, request: {}, repeat: 2, upstream: {headers: {x-config: '"b"'}}}
- {config: bad, refused: ["rules[0]"], request: {}, upstream: {headers: {x-config: '"b"'}}}
- metrics: {requests: 5}
`);
    expect(result).toEqual({ file: "x.yaml", played: 5 });
  });

  it("tells the file, the line, the step, both sides and what was logged", async () => {
    const result = await run(
      `filter: f\nconfig: a\nsteps:\n- request: {}\n- name: gets b\n  request: {}\n  upstream: {headers: {x-config: b}}\n`,
    );
    expect(result.played).toBe(1);
    expect(result.failure).toBe(`x.yaml:5: step 2, "gets b"
  upstream.headers.x-config
    - expected "b"
    + seen     ""a""
  logged [error] told you`);
  });

  it.each([
    ["filter: f\nconfig: bad\nsteps: [{request: {}}]\n", "the configuration was refused"],
    ["filter: f\nconfig: good\nrefused: [x]\n", "the configuration was taken"],
    ["filter: f\nconfig: bad\nrefused: [other]\n", 'expected "other"'],
    ["filter: f\nsteps: [{config: bad}]\n", "the update was refused"],
    ["filter: f\nsteps: [{config: good, refused: [x]}]\n", "the update was taken"],
    ["filter: f\nsteps: [{config: bad, refused: [other]}]\n", 'expected "other"'],
    ["filter: f\nsteps: [{request: {}, repeat: 3, metrics: {requests: 2}}]\n", "expected 2"],
    ["filter: f\nsteps: [{request: {}, repeat: 3, upstream: null}]\n", "request 1 of 3"],
  ])("fails %j", async (text, said) => {
    expect((await run(text)).failure).toContain(said);
  });

  it("takes a refusal that says what is expected", async () => {
    expect(await run("filter: f\nconfig: bad\nrefused: ['rules[0]', bad]\n")).toEqual({
      file: "x.yaml",
      played: 0,
    });
  });

  it("skips the rest from an advance which is too long for the driver, and says so", async () => {
    const driver = new StubDriver("envoy", 3000);
    const result = await run(
      "filter: f\nsteps:\n- request: {}\n- advance: 3s\n- advance: 4s\n- {request: {}, upstream: null}\n",
      driver,
    );
    expect(result).toEqual({
      file: "x.yaml",
      played: 2,
      skipped: "2 of 4 steps, from line 5 on: advancing 4000 ms is too long for envoy",
    });
    expect(driver.calls).toEqual(["advance 3000", "close"]);
  });

  it("lets the modules' tick pass before it compares metrics", async () => {
    const driver = new StubDriver("host", Infinity);
    await run("filter: f\nsteps: [{metrics: {requests: 0}}]\n", driver);
    expect(driver.calls).toEqual(["advance 1100", "close"]);
  });

  it("fails a step whose request nothing ever continues", async () => {
    const driver = new StubDriver("host", Infinity);
    const open = driver.open.bind(driver);
    driver.open = async (spec) => ({ ...(await open(spec)), request: () => new Promise(() => undefined) });
    const result = await run("filter: f\nsteps: [{request: {}}]\n", driver);
    expect(result.failure).toContain("still held after 120 s");
  });

  it("gives a call in the background time to reach its cluster on a real Envoy, and none on the host", async () => {
    const scenario = `filter: f
clusters: {g: {grpc: {}}}
steps: [{request: {}, calls: {g: 1}}]
`;
    const background = (driver: StubDriver): StubDriver => {
      const open = driver.open.bind(driver);
      driver.open = async (spec) => {
        const session = await open(spec);
        const request: Session["request"] = (what) => {
          setTimeout(() => callGrpc(spec, "g", new Uint8Array(0)), 50);
          return session.request(what);
        };
        return { ...session, request };
      };
      return driver;
    };
    expect((await run(scenario, background(new StubDriver("envoy", 3000)))).failure).toBeUndefined();
    const onHost = await run(scenario, background(new StubDriver("host", Infinity)));
    expect(onHost.failure).toContain("calls.g");
  });

  it("answers what is no message with a status, as a server does", async () => {
    const driver = new StubDriver("host", Infinity);
    const ends: number[] = [];
    const open = driver.open.bind(driver);
    driver.open = (spec) => {
      ends.push(...callGrpc(spec, "r", Uint8Array.of(0xff, 0xff)));
      return open(spec);
    };
    await run(
      "filter: f\nclusters: {r: {rateLimitService: {domain: d, descriptors: [{key: k}]}}}\nsteps: [{request: {}}]\n",
      driver,
    );
    expect(ends).toEqual([13]);
  });

  it("refuses a service in real time on the host, whose clock jumps", async () => {
    const scenario = parseScenario("filter: f\nsteps: [{request: {}}]\n", "x.yaml");
    const rateLimitService = () => Promise.reject(new Error("not to be started"));
    await expect(
      runScenario(new StubDriver("host", 0), scenario, { moduleOf: () => anyFile, rateLimitService }),
    ).rejects.toThrow(/on a real Envoy only/);
  });

  it("says how to get a module that is not built", async () => {
    const scenario = parseScenario("filter: no-such-filter\nsteps: [{request: {}}]\n", "x.yaml");
    expect(existsSync("build/no-such-filter.wasm")).toBe(false);
    await expect(runScenario(new StubDriver("host", 0), scenario)).rejects.toThrow(
      /no-such-filter\.wasm is not there; build it/,
    );
  });
});

/** The W3C's test harness for Trace Context, against the plugin on two listeners of one V8 host. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Header, PluginSpec } from "../driver.ts";
import { HostDriver, loadModule } from "../host/driver.ts";
import { Host, type Listener, type ListenerOptions } from "../host/index.ts";
import { CASES, CONFIGURATION, contextOf, w3cTraceContext } from "./w3c-cases.ts";
import type { Context, Observed, Subject } from "./w3c-cases.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";
const SENT: Header = ["traceparent", `00-${TRACE}-${PARENT}-01`];

/** A proxy around a service that forwards `x-request-id` only, and makes its calls before it answers. */
class HostSidecar implements Subject {
  /** Two workers, which take requests in turn: those of one trace meet in different VMs. */
  private readonly host = new Host({ workers: 2, logLevel: 3 });
  private readonly inbound: Listener;
  /** What reached the service, and how many calls it is to make. */
  private received: readonly Header[] = [];
  private calls = 0;
  private called: (readonly Header[])[] = [];

  /** With the plugin's configuration on each side. */
  constructor(inbound: object, outbound: object = inbound) {
    this.host.clusters.set("zipkin", { http: () => ({ status: 202 }) });
    const out = this.listen("outbound", outbound, (request) => {
      this.called.push(request.headers);
      return {};
    });
    this.inbound = this.listen("inbound", inbound, (request) => {
      this.received = request.headers;
      const headers = request.headers.filter(([name]) => name === "x-request-id");
      for (let i = 0; i < this.calls; i++) out.run({ method: "POST", path: "/", headers });
      return {};
    });
  }

  async call(headers: readonly Header[], calls: number): Promise<Observed> {
    this.calls = calls;
    this.called = [];
    const { response } = this.inbound.run({ method: "POST", path: "/", headers });
    expect(response?.status).toBe(200);
    return { service: this.received, calls: this.called };
  }

  private listen(
    direction: "inbound" | "outbound",
    configuration: object,
    reply: NonNullable<ListenerOptions["reply"]>,
  ): Listener {
    const module = loadModule("build/trace-propagation.wasm");
    const { name, rootId, configuration: text } = pluginOf(configuration);
    return this.host.listen({ direction, plugins: [{ module, name, rootId, configuration: text }], reply });
  }
}

function pluginOf(configuration: object): PluginSpec {
  return {
    module: "build/trace-propagation.wasm",
    name: "trace-propagation",
    rootId: "trace-propagation",
    configuration: JSON.stringify(configuration),
  };
}

const REPORTING = { ...CONFIGURATION, report: { zipkin: { cluster: "zipkin" }, serviceName: "reviews" } };

describe.each([
  ["without spans", CONFIGURATION],
  ["with spans of the plugin's own", REPORTING],
])("W3C Trace Context on the V8 host, %s", (_, configuration) => {
  let sidecar: HostSidecar;

  beforeAll(() => {
    sidecar = new HostSidecar(configuration);
  });

  for (const [group, cases] of Object.entries(CASES))
    describe(group, () => w3cTraceContext(cases, () => sidecar));
});

test("restart trace: clients that are not trusted begin a new one, without tracestate (§3.4)", async () => {
  const sidecar = new HostSidecar({ ...CONFIGURATION, trustInbound: false }, CONFIGURATION);
  const { service, calls } = await sidecar.call([SENT, ["tracestate", "foo=1"]], 1);
  const [received, called] = [contextOf(service), contextOf(calls[0]!)];
  expect(received.trace).not.toBe(TRACE);
  expect(received.tracestate).toEqual([]);
  expect(called).toEqual({ ...received, parent: called.parent });
});

test("a new trace that is not sampled has a traceparent as well, which says so (§3.4)", async () => {
  const sidecar = new HostSidecar({ ...CONFIGURATION, sampling: { default: 0 } });
  const { service, calls } = await sidecar.call([], 1);
  const [received, called] = [contextOf(service), contextOf(calls[0]!)];
  expect(received.version00).toBe(true);
  expect(received.flags & 0x01).toBe(0);
  expect(called).toEqual({ ...received, parent: called.parent });
});

test("what is remembered outlives an update of the configuration, even to the other direction", async () => {
  const driver = new HostDriver();
  const session = await driver.open({ plugins: [pluginOf({ ...CONFIGURATION, direction: "inbound" })] });
  const ask = async (...headers: Header[]): Promise<Context> => {
    const { upstream } = await session.request({ method: "POST", path: "/", headers });
    return contextOf(upstream!.headers);
  };
  const id: Header = ["x-request-id", "6cc9a2b2-5d1a-4c5e-8f6b-2f8a8a0f7f10"];
  const received = await ask(id, SENT);
  expect(received.trace).toBe(TRACE);
  await session.update([pluginOf({ ...CONFIGURATION, direction: "outbound" })]);
  const called = await ask(id);
  expect(called).toEqual({ ...received, parent: called.parent });
  expect(called.parent).not.toBe(PARENT);
  await driver.close();
});

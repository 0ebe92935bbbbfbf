/**
 * Whatever the host fails to do, no request passes that would not have passed, none traps the module, and what was needed and was not to be
 * had is a denial.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { HttpRequest } from "../driver.ts";
import { loadModule } from "../host/driver.ts";
import {
  ConfigurationRefused,
  FakeClock,
  Host,
  LogLevel,
  WasmResult,
  type HttpStream,
  type Listener,
  type PluginModule,
  type Replacement,
} from "../host/index.ts";
import { nodeLibraries } from "../host/node-libraries.ts";
import { CASES, type FaultCase } from "./fault-cases.ts";

const FILE = "build/authz.wasm";
const module: PluginModule = loadModule(FILE);
const IMPORTS = WebAssembly.Module.imports(new WebAssembly.Module(readFileSync(FILE))).map(
  ({ name }) => name,
);

/** Wall clock of the proxy; tokens of the cases are good then. */
const NOW = 1_800_000_000n * 1_000_000_000n;
/** How long a request may wait for anybody, in nanoseconds. */
const PATIENCE = 30_000_000_000n;

class Proxy {
  readonly host: Host;
  private readonly listener: Listener;

  constructor(
    { config, clusters = {}, attributes = {} }: FaultCase,
    prepare: (host: Host) => void = () => {},
    logLevel: LogLevel = LogLevel.Warn,
  ) {
    this.host = new Host({ ...nodeLibraries, logLevel, clock: new FakeClock(NOW, 1n) });
    for (const [name, cluster] of Object.entries(clusters)) this.host.clusters.set(name, cluster);
    prepare(this.host);
    const plugins = [{ module, name: "authz", rootId: "authz", configuration: JSON.stringify(config) }];
    this.listener = this.host.listen({ plugins, attributes });
  }

  /** Whether the request reaches the upstream; and why not, where it does not. */
  ask(request: HttpRequest): { passes: boolean; details: string; status: number } {
    const stream: HttpStream = this.listener.open(request);
    for (let waited = 0n; !stream.finished && waited < PATIENCE; waited += 1_000_000_000n) {
      this.host.clock.advance(1_000_000_000n);
    }
    const trap = this.host.logs.find(({ text }) => text.includes("Uncaught"));
    if (trap !== undefined) throw new Error(`trap: ${trap.text}`);
    const details = stream.finished ? (stream.info.details ?? "") : "held";
    return { passes: stream.upstream !== null, details, status: stream.response?.status ?? 0 };
  }
}

/** One thing that goes wrong, from when it is applied. */
interface Trouble {
  what: string;
  apply: (host: Host) => void;
}

function remedy(host: Host): void {
  host.faults.clear();
  host.replacements.clear();
}

const REFUSALS = [WasmResult.NotFound, WasmResult.InternalFailure] as const;

/** That there is none is an answer of these, and no failure. */
const MAY_BE_NOT_FOUND = new Set(["proxy_get_property", "proxy_get_shared_data"]);

const replaced = (what: string, name: string, replacement: Replacement): Trouble => ({
  what,
  apply: (host) => host.replacements.set(name, replacement),
});

const TROUBLES: readonly Trouble[] = IMPORTS.flatMap((name) =>
  REFUSALS.filter((result) => result !== WasmResult.NotFound || !MAY_BE_NOT_FOUND.has(name)).map(
    (result): Trouble => ({
      what: `${name} answers ${result}`,
      apply: (host) => host.faults.set(name, result),
    }),
  ),
);

/** The properties that policies and credentials ask for, as the host is asked. */
const PROPERTIES = [
  ["source", "address"],
  ["connection", "uri_san_peer_certificate"],
  ["filter_state", "io.istio.peer_principal"],
  ["outrigger.peer"],
  ["destination", "address"],
  ["destination", "port"],
  ["connection", "requested_server_name"],
  ["connection", "dns_san_peer_certificate"],
  ["connection", "subject_peer_certificate"],
  ...[["iss"], ["sub"], ["groups"], ["groups", "0"]].map((claim) => [
    ...["metadata", "filter_metadata", "envoy.filters.http.jwt_authn", "payload"],
    ...claim,
  ]),
].map((path) => path.join("\0"));

const ofProperty = (path: string, what: string, answer: Replacement): Trouble =>
  replaced(`${path.replaceAll("\0", ".")} ${what}`, "proxy_get_property", (vm, args, work) =>
    vm.readString(Number(args[0]), Number(args[1])) === path ? answer(vm, args, work) : work(),
  );

const PROPERTY_TROUBLES = PROPERTIES.flatMap((path) =>
  [WasmResult.BadArgument, WasmResult.InternalFailure].map((result) =>
    ofProperty(path, `answers ${result}`, () => result),
  ),
);

/** A host that says what is not so: then only that nothing traps can be asked for. */
const LIES: readonly Trouble[] = [
  ...PROPERTIES.flatMap((path) =>
    ["", "\0", "?", "10.1.2.3.4:5", "[::1", ":", "\xff".repeat(8), "/run/x.sock", "x".repeat(70_000)].map(
      (value) =>
        ofProperty(path, `is ${JSON.stringify(value.slice(0, 20))}`, (vm, args) =>
          vm.returnString(value, Number(args[2]), Number(args[3]))
            ? WasmResult.Ok
            : WasmResult.InternalFailure,
        ),
    ),
  ),
  ...IMPORTS.map((name) => replaced(`${name} answers Ok, and does nothing`, name, () => WasmResult.Ok)),
];

/** Header maps that are none. */
const u32 = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
const joined = (...parts: (Uint8Array | string)[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : part)));
const METHOD = ":method\0GET\0";
const BROKEN_MAPS: Readonly<Record<string, Uint8Array>> = {
  empty: new Uint8Array(0),
  "half a number": Uint8Array.of(1, 0),
  "no pairs": u32(0),
  "a pair that is not there": u32(1),
  "a pair of nothing": u32(1, 0, 0),
  "a name that is too long": joined(u32(1, 1000, 3), METHOD),
  "a value that is too long": joined(u32(1, 7, 0xffffffff), METHOD),
  "lengths whose sum overflows": joined(u32(1, 0xfffffff0, 0x10), METHOD),
  "four billion pairs": joined(u32(0xffffffff, 7, 3), METHOD),
  "more pairs than bytes": joined(u32(0x10000000, 7, 3), METHOD),
  "no method": joined(u32(1, 5, 1), ":path\0/\0"),
  "two pairs of which one is cut off": joined(u32(2, 7, 3, 5, 1), METHOD, ":pa"),
  noise: Uint8Array.from({ length: 500 }, (_, at) => (at * 167 + 13) & 0xff),
};

const MAP_TROUBLES = Object.entries(BROKEN_MAPS).map(([what, bytes]) =>
  replaced(`the header map is ${what}`, "proxy_get_header_map_pairs", (vm, args) =>
    vm.returnBytes(bytes, Number(args[1]), Number(args[2])) ? WasmResult.Ok : WasmResult.InternalFailure,
  ),
);

/** Asks all of a case's requests while `trouble` lasts, and again when it is over. */
function suffer(proxy: Proxy, one: FaultCase, { what, apply }: Trouble): void {
  apply(proxy.host);
  const judge = (request: HttpRequest, mayPass: boolean): void => {
    const { passes, details, status } = proxy.ask(request);
    const said = `${one.name}: ${what}: ${JSON.stringify(request)} ${details}`;
    if (passes) expect(mayPass, said).toBe(true);
    else if (details === "held") {
      // It could not even be answered; it must not go on.
      expect(what, said).toMatch(/^proxy_(send_local_response|continue_stream|set_effective_context)/);
    } else {
      expect(details, said).toMatch(/^authz:/);
      expect(status, said).toBeGreaterThanOrEqual(400);
    }
  };
  for (const request of one.refused) judge(request, false);
  for (const request of one.passes) judge(request, true);
  for (const request of one.refused) judge(request, false);
  remedy(proxy.host);
}

function recovers(proxy: Proxy, one: FaultCase, what: string): void {
  // What is fetched, and what is given up for a time, is there again.
  proxy.host.clock.advance(130_000_000_000n);
  for (const request of one.passes) {
    const { passes, details } = proxy.ask(request);
    expect(passes, `${one.name}: after ${what}: ${JSON.stringify(request)} ${details}`).toBe(true);
  }
  for (const request of one.refused)
    expect(proxy.ask(request).passes, `${one.name}: after ${what}`).toBe(false);
}

describe.each(CASES)("$name", { timeout: 120_000 }, (one) => {
  test("is decided as it should be without faults", () => {
    const proxy = new Proxy(one);
    for (const request of one.passes) expect(proxy.ask(request)).toMatchObject({ passes: true });
    for (const request of one.refused) {
      const { passes, details } = proxy.ask(request);
      expect(passes, JSON.stringify(request)).toBe(false);
      expect(details).toMatch(/^authz:/);
      expect(details).not.toBe("authz:error");
    }
  });

  test("fails closed where a host function fails, and recovers", () => {
    for (const trouble of TROUBLES) {
      const proxy = new Proxy(one);
      suffer(proxy, one, trouble);
      recovers(proxy, one, trouble.what);
    }
  });

  test("fails closed where a host function fails from the start", () => {
    let loaded = 0;
    for (const trouble of TROUBLES) {
      let proxy: Proxy;
      try {
        proxy = new Proxy(one, trouble.apply);
      } catch (error) {
        if (!(error instanceof ConfigurationRefused)) throw new Error(`${trouble.what}: ${String(error)}`);
        continue;
      }
      loaded++;
      suffer(proxy, one, trouble);
    }
    expect(loaded).toBeGreaterThan(0);
  });

  test("is denied as an error where a property that it needs cannot be had", () => {
    for (const trouble of PROPERTY_TROUBLES) {
      const proxy = new Proxy(one);
      suffer(proxy, one, trouble);
      recovers(proxy, one, trouble.what);
    }
  });

  test("passes on trial, and in the log alone, whatever is not to be had", () => {
    const { policies, ...others } = one.config as { policies: { action: string }[] };
    // Credentials and services that are asked are not on trial here.
    if (Object.keys(others).length > 0) return;
    const configs = [
      { mode: "shadow", policies },
      { policies: policies.map((policy) => ({ ...policy, action: "AUDIT" })) },
    ];
    for (const config of configs) {
      for (const { what, apply } of [...TROUBLES, ...PROPERTY_TROUBLES]) {
        // Without headers there is no request to pass on.
        if (what.startsWith("proxy_get_header_map_pairs")) continue;
        const proxy = new Proxy({ ...one, config });
        apply(proxy.host);
        for (const request of [...one.passes, ...one.refused]) {
          const said = `${JSON.stringify(config)}: ${what}: ${JSON.stringify(request)}`;
          expect(proxy.ask(request), said).toMatchObject({ passes: true });
        }
      }
    }
  });

  test("is denied as an error where what cannot be had was asked for before: on trial, for the log, to explain", () => {
    const { policies, ...others } = one.config as { policies: { name: string; action: string }[] };
    if (Object.keys(others).length > 0) return;
    const tried = policies.map((policy) => ({ ...policy, name: `${policy.name}-tried`, mode: "shadow" }));
    const audited = policies.map((policy) => ({
      ...policy,
      name: `${policy.name}-audited`,
      action: "AUDIT",
    }));
    for (const level of [LogLevel.Debug, LogLevel.Warn]) {
      for (const trouble of [...TROUBLES, ...PROPERTY_TROUBLES]) {
        const proxy = new Proxy(
          { ...one, config: { policies: [...tried, ...audited, ...policies] } },
          () => {},
          level,
        );
        suffer(proxy, one, trouble);
      }
    }
  });

  test("traps in no lie of the host's", () => {
    for (const { apply } of LIES) {
      const proxy = new Proxy(one);
      apply(proxy.host);
      for (const request of [...one.passes, ...one.refused]) proxy.ask(request);
    }
  });

  test("is denied as an error where the header map is broken", () => {
    for (const trouble of [
      ...MAP_TROUBLES,
      {
        what: "no map",
        apply: (host: Host) => void host.faults.set("proxy_get_header_map_pairs", WasmResult.InternalFailure),
      },
    ]) {
      const proxy = new Proxy(one);
      trouble.apply(proxy.host);
      for (const request of [...one.passes, ...one.refused]) {
        expect(proxy.ask(request), `${trouble.what}: ${JSON.stringify(request)}`).toEqual({
          passes: false,
          details: "authz:error",
          status: 403,
        });
      }
      remedy(proxy.host);
      recovers(proxy, one, trouble.what);
    }
  });
});

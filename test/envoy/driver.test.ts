import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ConfigurationRefused,
  type Header,
  type PluginSpec,
  type SessionSpec,
  type UpstreamReply,
} from "../driver.ts";
import { compileText } from "../../tools/compile.ts";
import { EnvoyDriver } from "./driver.ts";
import { TEST_MODULE } from "./module.ts";

const driver = new EnvoyDriver({ concurrency: 2 });
let folder: string;
let module: string;
let names = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "outrigger-driver-test-"));
  module = join(folder, "test.wasm");
  await writeFile(module, await compileText(TEST_MODULE));
}, 120_000);

afterAll(async () => {
  await driver.close();
  await rm(folder, { recursive: true, force: true });
});

function plugin(configuration: string, name = `test-${++names}`): PluginSpec {
  return { module, name, rootId: "test", configuration };
}

function open(configuration: string, more: Partial<SessionSpec> = {}) {
  return driver.open({ plugins: [plugin(configuration)], properties: ["outrigger.test"], ...more });
}

const named = (headers: readonly Header[], name: string): string[] =>
  headers.filter(([other]) => other === name).map(([, value]) => value);

describe("the Envoy driver", { timeout: 60_000 }, () => {
  it("shows what the upstream and the client get", async () => {
    const reply: UpstreamReply = { status: 201, headers: [["x-reply", "yes"]], body: Buffer.from("hello") };
    const session = await open("v1", { reply: () => reply });
    const exchange = await session.request({
      method: "GET",
      path: "/a/../b?c=d",
      headers: [["X-Config", "forged"]],
    });
    expect(exchange.upstream?.headers.slice(0, 3)).toEqual([
      [":method", "GET"],
      [":path", "/b?c=d"],
      [":authority", "example.test"],
    ]);
    expect(named(exchange.upstream!.headers, "x-config")).toEqual(["v1"]);
    expect(exchange.response.status).toBe(201);
    expect(named(exchange.response.headers, "x-reply")).toEqual(["yes"]);
    expect(Buffer.from(exchange.response.body).toString()).toBe("hello");
    expect(exchange.details).toBe("via_upstream");
    expect(exchange.properties).toEqual({ "outrigger.test": "v1" });
    await session.close();
  });

  it("shows a local reply with its details and an upstream that was not reached", async () => {
    const session = await open("v1");
    const exchange = await session.request({ method: "GET", path: "/", headers: [["x-deny", ""]] });
    expect(exchange.upstream).toBeNull();
    expect(exchange.response.status).toBe(403);
    expect(exchange.details).toBe("test:denied");
    expect(exchange.properties).toEqual({});
    await session.close();
  });

  it("keeps a configuration's bytes as they are", async () => {
    const text = '{"b": 1,  "a": "é\u{1F600}"}';
    const session = await open(text);
    const { upstream } = await session.request({ method: "GET", path: "/" });
    expect(named(upstream!.headers, "x-config")).toEqual([Buffer.from(text).toString("latin1")]);
    await session.close();
  });

  it("carries odd headers, bodies and trailers both ways", async () => {
    const long = "x".repeat(60 * 1024);
    const cookies = Array.from({ length: 100 }, (_, i): Header => ["cookie", `c${i}=${i}`]);
    const reply: UpstreamReply = {
      headers: [
        ["x-twice", "1"],
        ["x-twice", "\x80\xff"],
      ],
      body: Buffer.from("body"),
      trailers: [["x-trailer", "out"]],
    };
    const session = await open("v1", { reply: () => reply });
    const { upstream, response } = await session.request({
      method: "POST",
      path: "/",
      headers: [
        ["X-RAW", "a\x80\xfe\xffb"],
        ["x-empty", ""],
        ["X-Dup", "1"],
        ["x-dup", "2"],
        ["x-long", long],
        ...cookies,
      ],
      body: Buffer.from([0, 255, 13, 10]),
      trailers: [["x-trailer", "in"]],
    });
    expect(named(upstream!.headers, "x-raw")).toEqual(["a\x80\xfe\xffb"]);
    expect(named(upstream!.headers, "x-empty")).toEqual([""]);
    expect(named(upstream!.headers, "x-dup")).toEqual(["1", "2"]);
    expect(named(upstream!.headers, "x-long")[0]?.length).toBe(long.length);
    expect(named(upstream!.headers, "cookie").join("; ")).toBe(cookies.map(([, value]) => value).join("; "));
    expect([...upstream!.body]).toEqual([0, 255, 13, 10]);
    expect(upstream!.trailers).toEqual([["x-trailer", "in"]]);
    expect(named(response.headers, "x-twice")).toEqual(["1", "\x80\xff"]);
    expect(Buffer.from(response.body).toString()).toBe("body");
    expect(response.trailers).toEqual([["x-trailer", "out"]]);
    await session.close();
  });

  it("shows a request that Envoy itself refuses", async () => {
    const session = await open("v1");
    const { response, upstream, details } = await session.request({
      method: "GET",
      path: "/",
      headers: [["x", "\x01"]],
    });
    expect(response.status).toBe(400);
    expect(upstream).toBeNull();
    expect(details).not.toBe("");
    await session.close();
  });

  it("opens a session quickly once Envoy runs", async () => {
    await (await open("v1")).close();
    const start = performance.now();
    const session = await open("v1");
    const took = performance.now() - start;
    // Usually 20 ms; a process start would be more than ten times that.
    expect(took).toBeLessThan(2000);
    await session.close();
  });

  it("replaces a configuration on every worker before it goes on", async () => {
    const session = await driver.open({ plugins: [plugin("v0", "updated")] });
    for (let i = 1; i <= 5; i++) {
      await session.update([plugin(`v${i}`, "updated")]);
      for (let j = 0; j < 6; j++) {
        const { upstream } = await session.request({ method: "GET", path: "/" });
        expect(named(upstream!.headers, "x-config")).toEqual([`v${i}`]);
      }
    }
    await session.close();
  });

  it("takes an update that changes nothing", async () => {
    const session = await driver.open({ plugins: [plugin("same", "same")] });
    await session.update([plugin("same", "same")]);
    expect((await session.request({ method: "GET", path: "/" })).response.status).toBe(200);
    await session.close();
  });

  it("tells a refused configuration by what the module logged, lines kept together", async () => {
    const error: unknown = await open("refuse").catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConfigurationRefused);
    expect((error as ConfigurationRefused).messages).toEqual(["rules[0]: wrong\nrules[1]: wrong too"]);
  });

  it("keeps the old configuration when an update is refused, and takes a later good one", async () => {
    const session = await driver.open({ plugins: [plugin("good", "kept")] });
    await expect(session.update([plugin("refuse", "kept")])).rejects.toThrow(ConfigurationRefused);
    const { upstream } = await session.request({ method: "GET", path: "/" });
    expect(named(upstream!.headers, "x-config")).toEqual(["good"]);
    await session.update([plugin("better", "kept")]);
    const after = await session.request({ method: "GET", path: "/" });
    expect(named(after.upstream!.headers, "x-config")).toEqual(["better"]);
    await session.close();
  });

  it("calls a module that does not load a broken module, not a refused configuration", async () => {
    const broken = join(folder, "broken.wasm");
    await writeFile(broken, "not wasm");
    const opened = driver.open({ plugins: [{ ...plugin("v1"), module: broken }] });
    await expect(opened).rejects.toThrow(/Envoy refused the listener/);
    await expect(driver.open({ plugins: [{ ...plugin("v1"), module: broken }] })).rejects.not.toBeInstanceOf(
      ConfigurationRefused,
    );
  });

  it("calls a trap while configured a broken module, not a refused configuration", async () => {
    await expect(open("trap")).rejects.toThrow(/Function: proxy_on_configure failed/);
  });

  it("counts a session's metrics from its own beginning", async () => {
    const first = await open("v1", { metrics: true });
    await first.request({ method: "GET", path: "/" });
    await first.close();
    const second = await open("v1", { metrics: true });
    expect((await second.metrics()).test_requests ?? 0).toBe(0);
    for (let i = 0; i < 3; i++) await second.request({ method: "GET", path: "/" });
    expect(await second.metrics()).toEqual({ test_requests: 3 });
    await second.close();
  });

  it("gives each session the logs of its own plugins", async () => {
    const one = await open("v1");
    const two = await open("v2");
    const logs = await one.logs();
    expect(new Set(logs.map(({ level, text }) => `${level} ${text}`))).toEqual(new Set(["info configured"]));
    expect(await one.logs()).toEqual([]);
    expect((await two.logs()).length).toBeGreaterThan(0);
    await one.close();
    await two.close();
  });
});

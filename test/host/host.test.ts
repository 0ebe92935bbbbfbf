import { describe, expect, test, vi } from "vitest";
import { ConfigurationRefused } from "../driver.ts";
import { Host, ModuleLoadError, PluginModule, WasmResult } from "./index.ts";
import { compileBytes, compileModule } from "./test-modules.ts";

// Each module is compiled when it is first wanted.
vi.setConfig({ testTimeout: 60_000 });

const texts = (host: Host) => host.logs.map(({ text }) => text);

/** Logs every callback with its arguments. */
const RECORDER = `
let name = "";
export function proxy_on_vm_start(id: u32, size: u32): u32 { log("vm_start " + id.toString()); return 1; }
export function proxy_on_context_create(id: u32, parent: u32): void { log("create " + id.toString() + " " + parent.toString()); }
export function proxy_on_configure(id: u32, size: u32): u32 {
  name = configuration(size);
  log("configure " + id.toString() + " " + name);
  if (name == "refuse") fail("refused: " + name);
  if (name == "trap") unreachable();
  return name == "refuse" ? 0 : 1;
}
export function proxy_on_request_headers(id: u32, n: u32, end: u32): u32 { log("request_headers " + id.toString() + " " + end.toString()); return 0; }
export function proxy_on_request_body(id: u32, n: u32, end: u32): u32 { log("request_body " + id.toString() + " " + n.toString() + " " + end.toString()); return 0; }
export function proxy_on_request_trailers(id: u32, n: u32): u32 { log("request_trailers " + id.toString() + " " + n.toString()); return 0; }
export function proxy_on_response_headers(id: u32, n: u32, end: u32): u32 { log("response_headers " + id.toString() + " " + end.toString()); return 0; }
export function proxy_on_response_body(id: u32, n: u32, end: u32): u32 { log("response_body " + id.toString() + " " + n.toString() + " " + end.toString()); return 0; }
export function proxy_on_response_trailers(id: u32, n: u32): u32 { log("response_trailers " + id.toString() + " " + n.toString()); return 0; }
export function proxy_on_done(id: u32): u32 { log("done " + id.toString()); return 1; }
export function proxy_on_log(id: u32): void { log("log " + id.toString()); }
export function proxy_on_delete(id: u32): void { log("delete " + id.toString()); }
`;

describe("callbacks", () => {
  test("come in Envoy's order, two plugins in one VM, the response backwards", async () => {
    const module = await compileModule(RECORDER);
    const host = new Host();
    const listener = host.listen({
      plugins: [
        { module, name: "a", configuration: "A" },
        { module, name: "b", configuration: "B" },
      ],
      reply: () => ({ body: new Uint8Array(2) }),
    });
    // For each plugin a canary in a VM of its own, then the main thread; at last the worker.
    expect(texts(host)).toEqual([
      ...["create 1 0", "vm_start 1", "configure 1 A"],
      ...["create 1 0", "vm_start 1", "configure 1 A"],
      ...["create 1 0", "vm_start 1", "configure 1 B"],
      ...["create 2 0", "vm_start 2", "configure 2 B"],
      ...["create 1 0", "vm_start 1", "configure 1 A"],
      ...["create 2 0", "vm_start 2", "configure 2 B"],
    ]);
    host.logs.length = 0;
    listener.run({ method: "POST", path: "/", body: new Uint8Array(3) });
    expect(texts(host)).toEqual([
      ...["create 3 1", "request_headers 3 0", "create 4 2", "request_headers 4 0"],
      ...["request_body 3 3 0", "request_body 4 3 0", "request_body 3 0 1", "request_body 4 0 1"],
      ...["response_headers 4 0", "response_headers 3 0"],
      ...["response_body 4 2 0", "response_body 3 2 0", "response_body 4 0 1", "response_body 3 0 1"],
      ...["log 3", "log 4", "done 3", "delete 3", "done 4", "delete 4"],
    ]);
    expect(host.workers[0]!.allVms).toHaveLength(1);
    host.logs.length = 0;
    listener.close();
    const ends = ["done 1", "delete 1", "done 2", "delete 2"];
    expect(texts(host)).toEqual([...ends, ...ends]);
    expect(host.workers[0]!.allVms).toHaveLength(0);
  });

  test("trailers come after the body", async () => {
    const host = new Host();
    const listener = host.listen({
      plugins: [{ module: await compileModule(RECORDER), name: "a" }],
      reply: () => ({ body: new Uint8Array(1), trailers: [["t", "2"]] }),
    });
    host.logs.length = 0;
    const stream = listener.run({
      method: "POST",
      path: "/",
      body: new Uint8Array(1),
      trailers: [["t", "1"]],
    });
    expect(texts(host).filter((text) => text.includes("_"))).toEqual([
      ...["request_headers 2 0", "request_body 2 1 0", "request_trailers 2 1"],
      ...["response_headers 2 0", "response_body 2 1 0", "response_trailers 2 1"],
    ]);
    expect(stream.upstream?.trailers).toEqual([["t", "1"]]);
    expect(stream.response?.trailers?.entries()).toEqual([["t", "2"]]);
  });

  test("that a module does not export are not needed", async () => {
    const listener = new Host().listen({ plugins: [{ module: await compileModule(""), name: "a" }] });
    expect(listener.run({ method: "GET", path: "/" }).response?.status).toBe(200);
  });
});

describe("configuration", () => {
  test("a refused update keeps the old plugins and tells why", async () => {
    const module = await compileModule(RECORDER);
    const host = new Host();
    const listener = host.listen({ plugins: [{ module, name: "a", configuration: "old" }] });
    const root = listener.roots()[0];
    expect(() => listener.update([{ module, name: "a", configuration: "refuse" }])).toThrowError(
      new ConfigurationRefused(["refused: refuse"]),
    );
    expect(listener.roots()[0]).toBe(root);
    expect(listener.run({ method: "GET", path: "/" }).response?.status).toBe(200);
  });

  test("a trap while configuring is a refusal", async () => {
    const module = await compileModule(RECORDER);
    const open = () => new Host().listen({ plugins: [{ module, name: "a", configuration: "trap" }] });
    expect(open).toThrowError(/proxy_on_configure failed: Uncaught RuntimeError: unreachable/);
  });

  test("an accepted update configures the new root before the old one ends, in the same VM", async () => {
    const module = await compileModule(RECORDER);
    const host = new Host();
    const listener = host.listen({ plugins: [{ module, name: "a", configuration: "old" }] });
    host.logs.length = 0;
    listener.update([{ module, name: "a", configuration: "new" }]);
    // After the canary: main thread and worker start the new one, then both end the old one.
    const start = ["create 2 0", "vm_start 2", "configure 2 new"];
    const end = ["done 1", "delete 1"];
    expect(texts(host).slice(3)).toEqual([...start, ...start, ...end, ...end]);
  });

  test("an update with the same configuration keeps the root context", async () => {
    const module = await compileModule(RECORDER);
    const listener = new Host().listen({ plugins: [{ module, name: "a", configuration: "same" }] });
    const root = listener.roots()[0];
    listener.update([{ module, name: "a", configuration: "same" }]);
    expect(listener.roots()[0]).toBe(root);
  });

  test("listeners of both directions share the root context of one plugin; a stream knows which it is on", async () => {
    const module = await compileModule(`
      export function proxy_on_request_headers(id: u32, n: u32, end: u32): u32 {
        property("xds\\0listener_direction");
        log("direction " + load<u8>(load<usize>(P)).toString());
        return 0;
      }
    `);
    const host = new Host();
    const plugins = [{ module, name: "a", configuration: "same" }];
    const inbound = host.listen({ direction: "inbound", plugins });
    const outbound = host.listen({ direction: "outbound", plugins });
    const other = host.listen({ direction: "outbound", plugins: [{ ...plugins[0]!, name: "b" }] });
    expect(outbound.roots()).toEqual(inbound.roots());
    expect(other.roots()[0]).not.toBe(inbound.roots()[0]);
    inbound.run({ method: "GET", path: "/" });
    outbound.run({ method: "GET", path: "/" });
    expect(texts(host)).toEqual(["direction 1", "direction 2"]);
    inbound.close();
    expect(outbound.run({ method: "GET", path: "/" }).response?.status).toBe(200);
  });

  test("a stream that a plugin holds ends with the old configuration, which goes after it", async () => {
    const module = await compileModule(`
      export function proxy_on_configure(id: u32, size: u32): u32 { set_tick(1000); return 1; }
      let held: u32 = 0;
      export function proxy_on_request_headers(id: u32, n: u32, end: u32): u32 { held = id; return 1; }
      export function proxy_on_tick(id: u32): void { if (held) { set_effective(held); continue_stream(0); held = 0; } }
      export function proxy_on_delete(id: u32): void { log("delete " + id.toString()); }
    `);
    const host = new Host();
    const listener = host.listen({ plugins: [{ module, name: "a", configuration: "old" }] });
    const stream = listener.open({ method: "GET", path: "/" });
    listener.update([{ module, name: "a", configuration: "new" }]);
    // The main thread has no streams: its root context goes at once.
    expect([stream.finished, stream.heldBy?.name, texts(host)]).toEqual([false, "a", ["delete 1"]]);
    host.logs.length = 0;
    host.clock.advance(1_000_000_000n);
    expect(stream.response?.status).toBe(200);
    expect(texts(host)).toEqual(["delete 2", "delete 1"]);
  });
});

describe("loading", () => {
  test("an import that the host lacks is refused by name", async () => {
    const bytes = await compileBytes(`
      @external("env", "proxy_clear_route_cache") declare function clear(): u32;
      @external("env", "proxy_grpc_close") declare function close(a: u32, b: u32): u32;
      export function proxy_on_tick(id: u32): void { clear(); close(1, 2); }
    `);
    expect(() => PluginModule.compile(bytes)).toThrowError(ModuleLoadError);
    expect(() => PluginModule.compile(bytes)).toThrowError(/missing import: env\.proxy_clear_route_cache/);
    expect(() => PluginModule.compile(bytes)).toThrowError(
      /type mismatch: env\.proxy_grpc_close, want: ii:i/,
    );
  });

  test("a module without the ABI version is refused", async () => {
    const bytes = await compileBytes("export function malloc(n: i32): i32 { return 0; }", "");
    expect(() => PluginModule.compile(bytes)).toThrowError(/Missing or unknown Proxy-Wasm ABI version/);
  });

  test("a module tells what it imports and exports", async () => {
    const module = await compileModule("export function proxy_on_tick(id: u32): void { proxy_done(); }");
    expect(module.imports).toEqual([
      { module: "env", name: "proxy_done", kind: "function", signature: ":i" },
    ]);
    expect(module.exports.map(({ name }) => name)).toContain("proxy_on_tick");
  });
});

describe("streams", () => {
  test("a filter's header changes are seen by the next one, and by the upstream", async () => {
    const module = await compileModule(`
      export function proxy_on_request_headers(id: u32, n: u32, end: u32): u32 {
        log(header(0, "x-seen"));
        add(0, "X-Seen", property("plugin_name"));
        replace(0, ":path", "/new");
        return 0;
      }
      export function proxy_on_response_headers(id: u32, n: u32, end: u32): u32 {
        log(pairs(0) + " " + header(0, "x-seen") + " " + property("request.path") + " " + add(0, "a", "b").toString());
        replace(2, "x-from", property("plugin_name"));
        return 0;
      }
    `);
    const host = new Host();
    const listener = host.listen({ plugins: ["a", "b"].map((name) => ({ module, name })) });
    const stream = listener.run({ method: "GET", path: "/old" });
    const sent = stream.upstream?.headers ?? [];
    expect(sent.filter(([name]) => name === "x-seen" || name === ":path")).toEqual([
      [":path", "/new"],
      ["x-seen", "a"],
      ["x-seen", "b"],
    ]);
    // In the response phase the request's map is Ok and empty for pairs, BadArgument for the rest.
    expect(texts(host)).toEqual(["!1", "a", " !2 !1 2", " !2 !1 2"]);
    expect(stream.response?.headers.getAll("x-from")).toEqual(["a"]);
    expect(stream.routeCacheClears).toBe(4);
  });

  test("a local reply goes back through the filters which saw the request, and only those", async () => {
    const module = await compileModule(`
      export function proxy_on_request_headers(id: u32, n: u32, end: u32): u32 {
        if (property("plugin_name") == "b") reply(403, "authz:no entry here", "denied");
        log("request " + property("plugin_name"));
        return 0;
      }
      export function proxy_on_response_headers(id: u32, n: u32, end: u32): u32 {
        log("response " + property("plugin_name") + " " + header(2, ":status"));
        add(2, "x-by", property("plugin_name"));
        return 0;
      }
    `);
    const host = new Host();
    const listener = host.listen({ plugins: ["a", "b", "c"].map((name) => ({ module, name })) });
    const { response, upstream, info } = listener.run({ method: "GET", path: "/" });
    expect(texts(host)).toEqual(["request a", "request b", "response b 403", "response a 403"]);
    expect([upstream, info.details, response?.status]).toEqual([null, "authz:no_entry_here", 403]);
    expect(response?.headers.entries().filter(([name]) => !/date|server/.test(name))).toEqual([
      [":status", "403"],
      ["content-length", "6"],
      ["content-type", "text/plain"],
      ["x-by", "b"],
      ["x-by", "a"],
    ]);
    expect(new TextDecoder().decode(response?.body)).toBe("denied");
  });

  test("a local reply in the response phase takes the place of the upstream's response", async () => {
    const module = await compileModule(`
      export function proxy_on_response_headers(id: u32, n: u32, end: u32): u32 { reply(502, "late", "x"); return 0; }
    `);
    const listener = new Host().listen({ plugins: [{ module, name: "a" }] });
    const { response, upstream, info } = listener.run({ method: "GET", path: "/" });
    expect([upstream !== null, response?.status, info.details]).toEqual([true, 502, "late"]);
  });

  test("StopIteration holds headers and body until the stream is continued", async () => {
    const module = await compileModule(`
      let held: u32 = 0;
      export function proxy_on_configure(id: u32, size: u32): u32 { set_tick(10); return 1; }
      export function proxy_on_request_headers(id: u32, n: u32, end: u32): u32 { held = id; return 1; }
      export function proxy_on_request_body(id: u32, n: u32, end: u32): u32 { log("body " + body(0) + end.toString()); return 0; }
      export function proxy_on_tick(id: u32): void {
        if (!held) return;
        log("root " + add(0, "a", "b").toString() + " " + set_effective(9999).toString());
        set_effective(held);
        log("late " + add(0, "x-late", "1").toString());
        continue_stream(0);
        log("after " + add(0, "x-late", "2").toString());
        held = 0;
      }
    `);
    const host = new Host();
    const listener = host.listen({ plugins: [{ module, name: "a" }] });
    const stream = listener.open({ method: "POST", path: "/", body: new TextEncoder().encode("abc") });
    expect([stream.finished, texts(host)]).toEqual([false, []]);
    host.clock.advance(10_000_000n);
    expect(texts(host)).toEqual(["root 2 2", "late 0", "after 2", "body abc1"]);
    expect(stream.upstream?.headers).toContainEqual(["x-late", "1"]);
    expect(stream.upstream?.body).toEqual(new TextEncoder().encode("abc"));
  });

  test("a body that is buffered can be replaced as a whole at its end", async () => {
    const module = await compileModule(`
      export function proxy_on_request_body(id: u32, n: u32, end: u32): u32 {
        if (!end) return 1;
        const all = body(0), p = utf8("<"), s = utf8(">"), x = utf8("y");
        log(all + " " + n.toString());
        set_buffer(0, 0, 0, at(p), 1);
        set_buffer(0, 1000, 0, at(s), 1);
        log(body(0) + " " + set_buffer(0, 1, 0, at(x), 1).toString() + " " + set_buffer(0, 0, 1, at(x), 1).toString());
        set_buffer(0, 0, 1000, at(x), 1);
        return 0;
      }
      export function proxy_on_context_create(id: u32, p: u32): void {}
    `);
    const host = new Host();
    const listener = host.listen({ plugins: [{ module, name: "a" }] });
    const stream = listener.run({ method: "POST", path: "/", body: new TextEncoder().encode("abc") });
    expect(texts(host)).toEqual(["abc 3", "<abc> 2 0"]);
    expect(stream.upstream?.body).toEqual(new TextEncoder().encode("y"));
  });

  test("counts the host calls of a stream by name", async () => {
    const module = await compileModule(`
      export function proxy_on_request_headers(id: u32, n: u32, end: u32): u32 { pairs(0); replace(0, "x-a", "b"); return 0; }
    `);
    const { hostCalls } = new Host()
      .listen({ plugins: [{ module, name: "a" }] })
      .run({ method: "GET", path: "/" });
    expect(hostCalls).toEqual({ proxy_get_header_map_pairs: 1, proxy_replace_header_map_value: 1 });
  });

  test("a fault makes a host function answer what the test wants", async () => {
    const module = await compileModule(`
      export function proxy_on_request_headers(id: u32, n: u32, end: u32): u32 { log(setProperty("a", "b").toString()); return 0; }
    `);
    const host = new Host();
    const listener = host.listen({ plugins: [{ module, name: "a" }] });
    host.faults.set("proxy_set_property", WasmResult.InternalFailure);
    expect(listener.run({ method: "GET", path: "/" }).info.state.properties()).toEqual({});
    host.faults.clear();
    expect(listener.run({ method: "GET", path: "/" }).info.state.get("a")).toBe("b");
    expect(texts(host)).toEqual(["10", "0"]);
  });

  test("a replacement stands in for a host function, or around it", async () => {
    const module = await compileModule(`
      export function proxy_on_request_headers(id: u32, n: u32, end: u32): u32 { log(setProperty("a", "b").toString()); return 0; }
    `);
    const host = new Host();
    const listener = host.listen({ plugins: [{ module, name: "a" }] });
    const asked: (string | null)[] = [];
    host.replacements.set("proxy_set_property", (vm, [pointer, size], work) => {
      asked.push(vm.readString(Number(pointer), Number(size)));
      return asked.length === 1 ? WasmResult.Ok : work();
    });
    expect(listener.run({ method: "GET", path: "/" }).info.state.properties()).toEqual({});
    expect(listener.run({ method: "GET", path: "/" }).info.state.get("a")).toBe("b");
    expect(asked).toEqual(["a", "a"]);
    expect(texts(host)).toEqual(["0", "0"]);
  });

  test.each([
    ["a NUL in a value", { headers: [["x", "a\0b"]] as const }, 400],
    ["a space in a name", { headers: [["x y", "a"]] as const }, 400],
    ["an unknown method", { method: "get" }, 400],
    ["too many headers", { headers: Array.from({ length: 101 }, (_, i) => [`h${i}`, ""] as const) }, 431],
  ])("the codec refuses %s before any filter", async (_what, request, status) => {
    const host = new Host();
    const listener = host.listen({ plugins: [{ module: await compileModule(RECORDER), name: "a" }] });
    host.logs.length = 0;
    const stream = listener.run({ method: "GET", path: "/", ...request });
    // As in Envoy, contexts are made for the access log, and nothing else.
    expect(stream.response?.status).toBe(status);
    expect(texts(host)).toEqual(["create 2 1", "log 2", "done 2", "delete 2"]);
  });

  test("out of bounds is InvalidMemoryAccess", async () => {
    const module = await compileModule(`
      export function proxy_on_request_headers(id: u32, n: u32, end: u32): u32 {
        const far: usize = 0xfffffff0;
        log(get_pairs(0, far, far).toString() + " " + set_property(far, 100, P, 1).toString() + " " + get_header(0, P, 0xffffffff, P, P).toString() + " " + get_header(8, P, 1, P, P).toString());
        return 0;
      }
    `);
    const host = new Host();
    host.listen({ plugins: [{ module, name: "a" }] }).run({ method: "GET", path: "/" });
    expect(texts(host)).toEqual(["6 6 6 2"]);
  });
});

describe("properties", () => {
  test("have Envoy's encodings", async () => {
    const module = await compileModule(`
      function hex(path: string): string {
        const s = property(path);
        if (s.startsWith("!")) return s;
        let h = "";
        const p = load<usize>(P), n = load<usize>(P, 4);
        for (let i: usize = 0; i < n; i++) h += (load<u8>(p + i) < 16 ? "0" : "") + load<u8>(p + i).toString(16);
        return h;
      }
      export function proxy_on_request_headers(id: u32, n: u32, end: u32): u32 {
        log(property("request\\0path") + " " + property("request\\0url_path") + " " + property("request\\0query") + " " + property("request\\0host"));
        log(property("request\\0headers\\0cookie") + " " + property("request\\0headers\\0absent") + " " + property("nothing"));
        log(hex("connection\\0mtls") + " " + hex("xds\\0listener_direction") + " " + hex("source\\0port") + " " + hex("response\\0code"));
        log(setProperty("outrigger.x", "1").toString() + property("outrigger.x") + property("outrigger.x\\0y"));
        return 0;
      }
      export function proxy_on_done(id: u32): u32 { log(hex("response\\0code") + " " + property("response\\0code_details")); return 1; }
      export function proxy_on_configure(id: u32, n: u32): u32 { log(setProperty("a", "b").toString() + property("plugin_root_id")); return 1; }
    `);
    const host = new Host();
    const listener = host.listen({
      plugins: [{ module, name: "a", rootId: "r" }],
      direction: "outbound",
      attributes: { "connection.mtls": true },
    });
    expect(texts(host)).toEqual(["1r", "1r", "1r"]);
    host.logs.length = 0;
    listener.run({
      method: "GET",
      path: "/a?b=c",
      headers: [
        ["cookie", "1"],
        ["cookie", "2"],
      ],
    });
    expect(texts(host)).toEqual([
      "/a?b=c /a b=c example.test",
      "1,2 !1 !1",
      "01 0200000000000000 409c000000000000 !1",
      "01!1",
      "c800000000000000 via_upstream",
    ]);
  });

  test("what one plugin sets the next one reads", async () => {
    const module = await compileModule(`
      export function proxy_on_request_headers(id: u32, n: u32, end: u32): u32 { log(property("k")); setProperty("k", property("plugin_name")); return 0; }
    `);
    const host = new Host();
    const { info } = host
      .listen({ plugins: ["a", "b"].map((name) => ({ module, name })) })
      .run({ method: "GET", path: "/" });
    expect([texts(host), info.state.get("k")]).toEqual([["!1", "a"], "b"]);
  });
});

describe("a trap", () => {
  const TRAPS = `
    export function proxy_on_request_headers(id: u32, n: u32, end: u32): u32 {
      if (header(0, "x-trap") == "1") unreachable();
      return 0;
    }
    export function proxy_on_response_headers(id: u32, n: u32, end: u32): u32 { add(2, "x-alive", "1"); return 0; }
  `;
  const trap = { method: "GET", path: "/", headers: [["x-trap", "1"]] as const };
  const plain = { method: "GET", path: "/" };

  test("answers 503 on that worker until the VM is reloaded", async () => {
    const host = new Host({ workers: 2 });
    const listener = host.listen({ plugins: [{ module: await compileModule(TRAPS), name: "a" }] });
    const first = listener.run(trap, 0);
    expect([first.response?.status, first.info.details, first.upstream]).toEqual([
      503,
      "wasm_fail_stream",
      null,
    ]);
    expect(first.response?.headers.has("x-alive")).toBe(false);
    expect(listener.run(plain, 0).response?.status).toBe(503);
    expect(listener.run(plain, 1).response?.status).toBe(200);
    host.clock.advance(1_000_000_000n);
    expect(listener.run(plain, 0).response?.status).toBe(200);
  });

  test("lasts with FAIL_CLOSED, and lets streams pass with FAIL_OPEN", async () => {
    const module = await compileModule(TRAPS);
    for (const [failurePolicy, status] of [
      ["FAIL_CLOSED", 503],
      ["FAIL_OPEN", 200],
    ] as const) {
      const host = new Host();
      const listener = host.listen({ plugins: [{ module, name: "a", failurePolicy }] });
      expect(listener.run(trap).response?.status).toBe(status);
      host.clock.advance(10_000_000_000n);
      expect(listener.run(plain).response?.status).toBe(status);
    }
  });
});

describe("time", () => {
  test("ticks come on the fake clock, at their time, on the main thread and in each worker", async () => {
    const module = await compileModule(`
      export function proxy_on_configure(id: u32, n: u32): u32 { set_tick(1000); return 1; }
      export function proxy_on_tick(id: u32): void {
        now(P); const wall = load<u64>(P);
        clock_time(1, 0, P);
        log((wall / 1000000000).toString() + " " + (load<u64>(P) / 1000000).toString());
      }
    `);
    const host = new Host({ workers: 2 });
    const listener = host.listen({ plugins: [{ module, name: "a" }] });
    host.clock.wall = 100_000_000_000n;
    host.clock.advance(2_500_000_000n);
    expect(texts(host)).toEqual([
      ...Array<string>(3).fill("101 1001000"),
      ...Array<string>(3).fill("102 1002000"),
    ]);
    listener.close();
    host.clock.advance(5_000_000_000n);
    expect(host.logs).toHaveLength(6);
  });
});

describe("shared data and metrics", () => {
  test("are one for all workers", async () => {
    const module = await compileModule(`
      export function proxy_on_request_headers(id: u32, n: u32, end: u32): u32 {
        const k = utf8("k"), v = utf8("v"), c = utf8("hits");
        const r = get_shared(at(k), 1, P, P + 4, P + 8);
        const cas = load<u32>(P, 8);
        log(r.toString() + set_shared(at(k), 1, at(v), 1, r == 0 ? cas : 0).toString());
        define_metric(0, at(c), 4, P);
        increment_metric(load<u32>(P), 1);
        return 0;
      }
    `);
    const host = new Host({ workers: 2 });
    const listener = host.listen({ plugins: [{ module, name: "a" }] });
    for (let i = 0; i < 3; i++) listener.run({ method: "GET", path: "/" });
    expect(texts(host)).toEqual(["10", "00", "00"]);
    expect(host.metrics.values()).toEqual({ hits: 3 });
    expect(host.wasmMemoryBytes()).toBeGreaterThanOrEqual(3 * 65536);
  });

  test("an unknown foreign function is NotFound, a call to no cluster BadArgument, proxy_done without need NotFound", async () => {
    const module = await compileModule(`
      export function proxy_on_request_headers(id: u32, n: u32, end: u32): u32 {
        const a = utf8("clear_route_cache"), b = utf8("nothing");
        log(call_foreign(at(a), a.byteLength, 0, 0, 0, 0).toString() + " " + call_foreign(at(b), b.byteLength, 0, 0, 0, 0).toString()
          + " " + http_call(0, 0, 0, 0, 0, 0, 0, 0, 0, P).toString() + " " + proxy_done().toString());
        return 0;
      }
    `);
    const host = new Host();
    const stream = host.listen({ plugins: [{ module, name: "a" }] }).run({ method: "GET", path: "/" });
    expect([texts(host), stream.routeCacheClears]).toEqual([["0 1 2 1"], 1]);
  });
});

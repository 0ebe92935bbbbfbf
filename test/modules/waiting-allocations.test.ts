import { describe, expect, test } from "vitest";
import { Host, PluginModule } from "../host/index.ts";
import { ALLOCATIONS, compileCounted } from "./counted.ts";

/** Requests that wait: answered, called for twice, refused, by gRPC, timed out, gone before their answer. */
const REQUESTS = 40_000;

const CONFIGURATION = JSON.stringify({
  filters: [{ word: { word: "a" } }, { gate: { cluster: "auth", timeout: 10 } }, { word: { word: "b" } }],
});

describe("filters that wait, over many requests", () => {
  test(
    "allocate nothing on the heap, and their linear memory stays as it is",
    { timeout: 120_000 },
    async () => {
      const module = PluginModule.compile(await compileCounted("test/conformance/module/gate.ts"));
      const host = new Host({ logLevel: 3 });
      host.clusters.set("auth", {
        http: ({ headers }) => {
          const path = headers.find(([name]) => name === ":path")?.[1];
          if (path === "/silence") return "silence";
          return {
            status: path === "/deny" ? 403 : 200,
            headers: [["x-user", "ann"]],
            body: new Uint8Array(9),
          };
        },
      });
      const plugins = [{ module, name: "gate", rootId: "suite", configuration: CONFIGURATION }];
      const listener = host.listen({ plugins });
      const statuses = new Map<number, number>();
      const ask = (path: string, again: boolean): void => {
        const headers: [string, string][] = [["x-ask", path]];
        if (again) headers.push(["x-again", "1"]);
        const stream = listener.open({ method: "GET", path: "/", headers });
        if (path === "/silence") {
          // Every other client does not wait.
          if (again) stream.resetStream("downstream_remote_disconnect");
          host.clock.advance(20_000_000n);
        }
        const status = stream.response?.status ?? 0;
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      };
      const paths = ["/ann", "/deny", "/silence", "grpc"];
      const play = (count: number): void => {
        for (let at = 0; at < count; at++) ask(paths[at % paths.length]!, (at & 4) !== 0);
      };
      // Twenty seconds on the host's clock: blocks of streams that were reset come back by a sweep after eight.
      play(4000);
      const allocations = (): number => {
        const global = host.workers[0]?.allVms[0]?.exports[ALLOCATIONS];
        if (!(global instanceof WebAssembly.Global)) throw new Error("the module does not count");
        return Number(global.value);
      };
      const memory = host.wasmMemoryBytes();
      const before = allocations();
      expect(before).toBeGreaterThan(0);
      statuses.clear();
      play(REQUESTS);
      expect(allocations() - before).toBe(0);
      expect(host.wasmMemoryBytes()).toBe(memory);
      // A quarter each; gRPC to an HTTP server is refused by the filter; of those that are silent, half do not wait.
      const quarter = REQUESTS / 4;
      expect(Object.fromEntries(statuses)).toEqual({
        200: quarter,
        403: 2 * quarter,
        503: quarter / 2,
        0: quarter / 2,
      });
    },
  );
});

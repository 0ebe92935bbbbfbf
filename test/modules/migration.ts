/**
 * Filters in the manner of the examples of `@solo-io/proxy-runtime`, in `examples/migration`: on the host and on a real
 * Envoy they do what they were written for.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../tools/compile.ts";
import type { CallAnswer, Driver, Exchange, Header, PluginSpec, SessionSpec } from "../driver.ts";

export const EXAMPLES = ["addheader", "auth", "singleton"] as const;

export function migration(makeDriver: () => Driver): void {
  const driver = makeDriver();
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "outrigger-migration-"));
    for (const name of EXAMPLES)
      await writeFile(join(folder, `${name}.wasm`), await compile(`examples/migration/${name}/index.ts`));
  }, 120_000);
  afterAll(async () => {
    await driver.close();
    await rm(folder, { recursive: true, force: true });
  });
  const plugin = (example: string, rootId: string, configuration: string): PluginSpec => ({
    module: join(folder, `${example}.wasm`),
    name: `${example}-${rootId}`,
    rootId,
    configuration,
  });

  describe(`on ${driver.name}`, { timeout: 30_000 }, () => {
    test.each([
      ["without a configuration", "", "world!"],
      ["with one", "ünder", "\xc3\xbcnder"],
    ])("addheader adds its header %s", async (_what, configuration, value) => {
      const session = await driver.open({ plugins: [plugin("addheader", "add_header", configuration)] });
      const { response } = await session.request({ method: "GET", path: "/" });
      expect(named(response.headers, "hello")).toEqual([value]);
      await session.close();
    });

    describe("auth", () => {
      const open = (cluster: string, clusters: SessionSpec["clusters"] = {}) =>
        driver.open({ plugins: [plugin("auth", "auth", cluster)], clusters });
      const ask = async (user: string, cluster: string, clusters: SessionSpec["clusters"] = {}) => {
        const session = await open(cluster, clusters);
        const exchange = await session.request({
          method: "POST",
          path: "/orders?id=1",
          headers: [["x-user", user]],
          body: Buffer.from("the order"),
        });
        await session.close();
        return exchange;
      };
      const asked: (readonly Header[])[] = [];
      const service = {
        "migration-auth": {
          http: ({ headers }: { headers: readonly Header[] }): CallAnswer => {
            asked.push(headers);
            const known = named(headers, "x-user")[0] === "alice";
            return known ? { status: 200 } : { status: 403, body: Buffer.from("unknown user") };
          },
        },
      };

      test("lets pass what the service allows, which decides by the request's own headers", async () => {
        const { upstream, response } = await ask("alice", "migration-auth", service);
        expect(named(upstream?.headers ?? [], "added-header")).toEqual(["authorized"]);
        expect(Buffer.from(upstream?.body ?? []).toString()).toBe("the order");
        expect(response.status).toBe(200);
        expect(named(response.headers, "hello")).toEqual(["wasm!"]);
        expect(named(asked.at(-1) ?? [], ":path")).toEqual(["/orders?id=1"]);
      });

      test("answers 401 with the service's reason otherwise", async () => {
        const exchange = await ask("mallory", "migration-auth", service);
        expect(denied(exchange)).toEqual([null, 401, "denied: unknown user", "not_authorized"]);
      });

      test("answers 401 when the service is not there, and 500 when nobody knows it", async () => {
        expect((await ask("alice", "migration-gone", { "migration-gone": "refuse" })).response.status).toBe(
          401,
        );
        expect(denied(await ask("alice", "migration-no-such-cluster"))).toEqual([
          null,
          500,
          "",
          "internal_server_error",
        ]);
      });

      test("keeps many requests apart", async () => {
        const session = await open("migration-auth", service);
        for (let round = 0; round < 60; round++) {
          const user = round % 3 === 0 ? "alice" : "mallory";
          const { response } = await session.request({
            method: "GET",
            path: "/",
            headers: [["x-user", user]],
          });
          expect(response.status).toBe(user === "alice" ? 200 : 401);
        }
        await session.close();
      });
    });

    test("singleton fetches the token that its other plugin compares", async () => {
      const session = await driver.open({
        plugins: [plugin("singleton", "auth", ""), plugin("singleton", "auth_singleton", "migration-tokens")],
        clusters: { "migration-tokens": { http: () => ({ body: Buffer.from("secret") }) } },
      });
      const status = async (token: string): Promise<number> =>
        (await session.request({ method: "GET", path: "/", headers: [["x-auth", token]] })).response.status;
      expect(await status("secret")).toBe(401);
      // A tick fetches, the next one takes over; on a real clock with something in reserve.
      await session.advance(3300);
      expect(await status("secret")).toBe(200);
      expect(await status("another")).toBe(401);
      expect(await status("")).toBe(401);
      await session.close();
    });
  });
}

function named(headers: readonly Header[], name: string): string[] {
  return headers.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
}

/** What a local reply is known by. */
function denied({ upstream, response, details }: Exchange): unknown[] {
  return [upstream, response.status, Buffer.from(response.body).toString(), details];
}

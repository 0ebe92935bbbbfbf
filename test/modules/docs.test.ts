import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { afterAll, describe, expect, test } from "vitest";
import { compile } from "../../tools/compile.ts";
import { Host, PluginModule } from "../host/index.ts";

/** Beside `filters/`, so that the examples' imports hold. */
const FOLDER = "build/docs";

describe("the examples of docs/writing-a-filter.md", async () => {
  const page = await readFile("docs/writing-a-filter.md", "utf8");
  const [asValue = "", withContexts = "", asking = ""] = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(
    ([, code]) => code,
  );

  afterAll(() => rm(FOLDER, { recursive: true, force: true }));

  async function build(name: string, code: string): Promise<PluginModule> {
    await mkdir(FOLDER, { recursive: true });
    await writeFile(`${FOLDER}/${name}.ts`, code);
    return PluginModule.compile(await compile(`${FOLDER}/${name}.ts`));
  }

  test("the filter as a value replies, and refuses a wrong configuration", { timeout: 60_000 }, async () => {
    const module = await build("teapot", asValue);
    const plugin = (configuration: string) => ({ plugins: [{ module, name: "teapot", configuration }] });
    const listener = new Host().listen(plugin('{"header": "X-Brew"}'));
    const brewed = listener.run({ method: "GET", path: "/", headers: [["x-brew", "1"]] });
    expect(brewed.response?.status).toBe(418);
    expect(brewed.info.details).toBe("teapot:brew");
    expect(listener.run({ method: "GET", path: "/" }).response?.status).toBe(200);
    expect(() => new Host().listen(plugin("{}"))).toThrow("header: required; expected the name of a header");
  });

  test("the filter with contexts changes the response", { timeout: 60_000 }, async () => {
    const module = await build("greeting", withContexts);
    const listener = new Host().listen({
      plugins: [{ module, name: "greeting", configuration: "good morning" }],
      reply: () => ({ body: new TextEncoder().encode("bye") }),
    });
    const { response } = listener.run({ method: "GET", path: "/" });
    expect(response?.headers.getFirst("x-greeting")).toBe("good morning");
    expect(new TextDecoder().decode(response?.body)).toBe("hello");
  });

  test("the filter that asks a service lets the users pass that it knows", { timeout: 60_000 }, async () => {
    const module = await build("session", asking);
    const host = new Host();
    host.clusters.set("sessions", {
      http: ({ headers }) => {
        const known = headers.some(([name, value]) => name === "cookie" && value === "session=1");
        return known ? { headers: [["x-user", "ann"]] } : { status: 401 };
      },
    });
    const listener = host.listen({
      plugins: [{ module, name: "session", configuration: '{"cluster": "sessions"}' }],
    });
    const run = (cookie: string) =>
      listener.run({
        method: "GET",
        path: "/",
        headers: [
          ["cookie", cookie],
          ["x-user", "forged"],
        ],
      });
    expect(run("session=1").upstream?.headers.filter(([name]) => name === "x-user")).toEqual([
      ["x-user", "ann"],
    ]);
    expect(run("session=2").response?.status).toBe(401);
    host.clusters.set("sessions", "refuse");
    expect(run("session=1").info.details).toBe("session:denied");
  });
});

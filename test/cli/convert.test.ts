/** `outrigger convert` as its users run it. */
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { Folder, outrigger } from "./command.ts";
import { converted, documents, pluginConfigOf, told, URL_OF_TESTS } from "./converting.ts";

const folder = new Folder();
afterAll(() => folder.remove());

const POLICY = {
  apiVersion: "security.istio.io/v1",
  kind: "AuthorizationPolicy",
  metadata: { name: "deny", namespace: "my-app" },
  spec: { action: "DENY", rules: [{ to: [{ operation: { paths: ["/admin*"] } }] }] },
};
const URL_OPTION = ["--url", URL_OF_TESTS];
const DIGEST = "0123456789abcdef".repeat(4);

describe("outrigger convert", () => {
  test("prints plugins that validate takes, the same for the same input, and says the rest on standard error", async () => {
    const file = folder.write("policies.yaml", documents(POLICY));
    const first = await folder.run("convert", ...URL_OPTION, file);
    expect(first.status).toBe(0);
    expect(first.stderr).toContain("policies.yaml:1:1: note: ");
    expect(await folder.run("convert", ...URL_OPTION, file)).toEqual(first);
    const checked = await folder.run("validate", folder.write("plugins.yaml", first.stdout));
    expect(checked.stdout).toBe("1 plugin in 1 file checked: no problem\n");
  });

  test("makes TrafficExtensions, with a digest", async () => {
    const file = folder.write("policies.yaml", documents(POLICY));
    const options = ["--kind", "TrafficExtension", "--sha256", `authz=${DIGEST}`];
    const { stdout } = await folder.run("convert", ...URL_OPTION, ...options, file);
    const extension = folder.write("extensions.yaml", stdout);
    expect((await folder.run("validate", extension)).stdout).toBe("1 plugin in 1 file checked: no problem\n");
    const kind = "TrafficExtension";
    expect(
      converted(documents(POLICY), { kind, sha256: new Map([["authz", DIGEST]]) }).manifests[0],
    ).toMatchObject({
      kind,
      spec: { phase: "AUTHZ", match: [{ mode: "SERVER" }], wasm: { sha256: DIGEST, pluginName: "authz" } },
    });
    expect(stdout).toContain(`sha256: ${DIGEST}`);
  });

  test("reads standard input, and lists", async () => {
    const list = { apiVersion: "v1", kind: "List", items: [POLICY] };
    const { status, stdout } = await outrigger(["convert", ...URL_OPTION, "-"], {
      input: JSON.stringify(list),
    });
    expect(status).toBe(0);
    expect(stdout).toContain("name: authz-deny");
  });

  test("answers 1 where nothing could be converted, and with --strict where anything could not", async () => {
    const service = { apiVersion: "v1", kind: "Service", metadata: { name: "s" } };
    const both = folder.write("both.yaml", documents(POLICY, service));
    expect((await folder.run("convert", ...URL_OPTION, both)).status).toBe(0);
    const strict = await folder.run("convert", ...URL_OPTION, "--strict", both);
    expect(strict.status).toBe(1);
    expect(strict.stderr).toContain(
      "both.yaml:3:1: not converted: Service s: not of a kind that is converted",
    );
    const nothing = await folder.run(
      "convert",
      ...URL_OPTION,
      folder.write("nothing.yaml", documents(service)),
    );
    expect(nothing).toMatchObject({ status: 1, stdout: "" });
    expect(nothing.stderr).toContain("nothing could be converted\n");
    expect((await folder.run("convert", ...URL_OPTION, folder.write("empty.yaml", ""))).status).toBe(1);
  });

  test.each([
    [["convert", "x.yaml"], "required option '--url <url>' not specified"],
    [["convert", "--url", "registry/x", "x.yaml"], "--url: expected a URL like"],
    [["convert", ...URL_OPTION, "--sha256", "7", "x.yaml"], "--sha256: expected 64 hex digits"],
    [["convert", ...URL_OPTION, "--sha256", DIGEST, "x.yaml"], "each filter's image has a digest of its own"],
    [["convert", ...URL_OPTION, "--sha256", `nobody=${DIGEST}`, "x.yaml"], 'no filter "nobody"'],
    [["convert", "--url", "oci://r.example/dark-launch:v1", "policies.yaml"], "dark-launch is not authz"],
    [["convert", ...URL_OPTION, "nowhere.yaml"], "cannot read nowhere.yaml"],
  ])("wrong usage: %j", async (words, message) => {
    folder.write("policies.yaml", documents(POLICY));
    const { status, stdout, stderr } = await folder.run(...words);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(message);
  });

  test("names broken YAML, what is there twice, and what is no resource", () => {
    const { left, manifests } = converted(`a: [\n---\n${documents(POLICY, POLICY)}---\n- 1\n`);
    expect(told(left).sort()).toEqual([
      expect.stringMatching(/^\d : not YAML: /) as string,
      "5 : AuthorizationPolicy my-app/deny for the second time; the first one counts",
      "7 : expected a Kubernetes resource",
    ]);
    expect(manifests.length).toBe(1);
  });

  test.each([
    ["a namespace", '"my-app"', "n", "metadata.namespace"],
    ["a name", '"deny"', "on", "metadata.name"],
    [
      "a label of a selector",
      '{"action"',
      '{"selector":{"matchLabels":{"app":y}},"action"',
      "spec.selector.matchLabels.app",
    ],
    [
      "a number as a label",
      '{"action"',
      '{"selector":{"matchLabels":{"app":7}},"action"',
      "spec.selector.matchLabels.app",
    ],
  ])("makes nothing of %s that YAML takes for no text, and names it", (_, text, other, path) => {
    const { left, manifests } = converted(documents(POLICY).replace(text, other));
    expect(told(left)).toEqual([`1 ${path}: expected a text`]);
    expect(manifests).toEqual([]);
  });

  test("makes nothing of labels that are no texts where other kinds have them", () => {
    const gateway = {
      apiVersion: "networking.istio.io/v1",
      kind: "Gateway",
      metadata: { name: "g" },
      spec: { selector: { istio: true } },
    };
    const filter = {
      apiVersion: "networking.istio.io/v1alpha3",
      kind: "EnvoyFilter",
      metadata: { name: "f" },
      spec: { workloadSelector: { labels: { app: 7 } }, configPatches: [] },
    };
    expect(told(converted(documents(gateway, filter)).left)).toEqual([
      "1 spec.selector.istio: expected a text",
      "3 spec.workloadSelector.labels.app: expected a text",
    ]);
  });

  test("texts that YAML 1.1 takes for something else stay texts, and none gets out of a comment", () => {
    const rules = [{ to: [{ operation: { methods: ["on", "y", "0o7", "1e3", "~"] } }] }];
    const named = {
      ...POLICY,
      metadata: { name: "a\nkind: Secret", namespace: "my-app" },
      spec: { action: "DENY", rules },
    };
    const { manifests, text, left } = converted(documents(named));
    expect(left).toEqual([]);
    expect(pluginConfigOf(manifests[0]).policies).toMatchObject([{ name: "a-kind--Secret", rules }]);
    expect(text).not.toMatch(/^kind: Secret/m);
  });
});

test("the examples of docs/convert.md are what comes of them", () => {
  const page = readFileSync("docs/convert.md", "utf8");
  const blocks = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  expect(blocks.length).toBe(8);
  for (let at = 0; at < blocks.length; at += 2) {
    const { text, left } = converted(blocks[at]!);
    expect(left).toEqual([]);
    expect(text).toBe(blocks[at + 1]);
  }
});

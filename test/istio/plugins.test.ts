import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { checkSource } from "../../cli/check.ts";
import { Modules } from "../../cli/modules.ts";
import { parseSource } from "../../cli/source.ts";
import { FILTERS } from "../../tools/filters.ts";
import { generated, ISTIO, PLACEMENTS } from "../../tools/istio-plugins.ts";
import { VERSION } from "./modules.ts";
import { at, resourcesIn, titleOf, type Resource } from "./resources.ts";

const modules = new Modules("build");

const resources = [...resourcesIn("plugins"), ...resourcesIn("mesh")];
const plugins = resources.filter(({ kind }) => kind === "WasmPlugin" || kind === "TrafficExtension");
const files = [...new Set(plugins.map(({ file }) => file))];

/** What the modules say of a file's plugins, as `outrigger validate` tells it. */
function findings(file: string, text = readFileSync(join(ISTIO, file), "utf8")): string[] {
  const checked = checkSource(parseSource(file, text), { modules });
  return checked.findings.map(({ line, path, message }) => `${file}:${line}: ${path}: ${message}`);
}

function filterOf(plugin: Resource): string {
  return plugin.metadata.labels?.["app.kubernetes.io/name"] ?? "";
}

describe("each plugin", () => {
  test.each(PLACEMENTS)("of a %s is there for all five filters, in both kinds", (placement) => {
    for (const kind of ["WasmPlugin", "TrafficExtension"]) {
      const folder =
        kind === "WasmPlugin" ? `plugins/${placement}/` : `plugins/traffic-extension/${placement}/`;
      const there = plugins.filter((plugin) => plugin.kind === kind && plugin.file.startsWith(folder));
      expect([...new Set(there.map(filterOf))].sort(), kind).toEqual(FILTERS);
    }
  });

  test.each(files)("in %s is taken by its filter", (file) => {
    const text = readFileSync(join(ISTIO, file), "utf8");
    const { plugins: found } = checkSource(parseSource(file, text), { modules });
    expect(found.map(({ title }) => title)).toEqual(
      plugins
        .filter((plugin) => plugin.file === file)
        .map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`),
    );
    expect(findings(file)).toEqual([]);
  });

  test.each(plugins.map((plugin) => [titleOf(plugin), plugin] as const))(
    "%s says where it is, and what when it is not",
    (_, plugin) => {
      const wasm = plugin.kind === "WasmPlugin" ? plugin.spec : at(plugin.spec, "wasm")[0];
      expect(at(plugin.spec, "match.mode"), "match.mode").toHaveLength(1);
      expect(at(wasm, "url")).toEqual([`oci://registry.example/outrigger/${filterOf(plugin)}:${VERSION}`]);
      // A rate limit, a trace and a variant can be done without; who may do what cannot. The companion cannot deny by itself.
      const closed = filterOf(plugin) === "authz" && at(wasm, "type")[0] !== "NETWORK";
      expect(at(wasm, "failStrategy")).toEqual([closed ? "FAIL_RELOAD" : "FAIL_OPEN"]);
      // istiod sends one without fields as none at all.
      expect(Object.keys(at(wasm, "pluginConfig")[0] as object).length).toBeGreaterThan(0);
    },
  );

  test("of a gateway is for outbound listeners, which a gateway's are, and selects its pods", () => {
    for (const plugin of plugins.filter(({ metadata }) => metadata.namespace === "istio-system")) {
      expect(at(plugin.spec, "match.mode"), titleOf(plugin)).toEqual(["CLIENT"]);
      expect(at(plugin.spec, "selector.matchLabels"), titleOf(plugin)).toEqual([{ istio: "ingressgateway" }]);
    }
  });

  test.each(PLACEMENTS)(
    "of traces at a %s has Envoy's own tracing off, in the namespace or for the same pods",
    (placement) => {
      const there = resourcesIn(`plugins/${placement}`);
      const [plugin] = there.filter(
        (one) => one.kind === "WasmPlugin" && filterOf(one) === "trace-propagation",
      );
      const [telemetry] = there.filter(({ kind }) => kind === "Telemetry");
      expect(at(telemetry?.spec, "tracing")).toEqual([{ disableSpanReporting: true }]);
      expect(telemetry?.metadata.namespace).toBe(plugin?.metadata.namespace);
      // In the root namespace one without a selector is the whole mesh's.
      const whole = telemetry?.metadata.namespace === "istio-system" ? [] : [[]];
      expect([...whole, at(plugin?.spec, "selector")]).toContainEqual(at(telemetry?.spec, "selector"));
    },
  );

  // All of one are in the same chains; with equal ones the older resource would be first.
  test.each(["gateway", "waypoint"])(
    "of a %s has a phase and priority that no other one has",
    (placement) => {
      const places = plugins
        .filter(({ file }) => file.startsWith(`plugins/${placement}/`))
        .map(({ spec }) => [...at(spec, "phase"), ...at(spec, "priority")].join());
      expect(places).toHaveLength(FILTERS.length);
      expect(new Set(places).size, places.join(" ")).toBe(places.length);
    },
  );

  test.each(["", "traffic-extension/"])(
    "of a waypoint calls clusters that istiod is asked for beside it (%s)",
    (folder) => {
      const there = resourcesIn(`plugins/${folder}waypoint`);
      const named = there.flatMap(({ metadata }) =>
        (metadata.annotations?.["envoyfilter.istio.io/referenced-services"] ?? "").split(","),
      );
      const clusters = [...JSON.stringify(there).matchAll(/outbound\|\d+\|\|[\w-]+\.([\w-]+)[\w.-]+/g)];
      const services = clusters.map(([cluster, namespace]) => `${namespace}/${cluster.split("||")[1]}`);
      expect(services.length).toBeGreaterThan(0);
      expect(named).toEqual(expect.arrayContaining(services));
    },
  );

  test("of a waypoint names its target, and is for inbound listeners", () => {
    const services = resourcesIn("mesh/workloads")
      .filter(({ kind }) => kind === "Service")
      .map(({ kind, metadata }) => ({ group: "", kind, name: metadata.name }));
    // `istioctl waypoint apply` names it so.
    const waypoint = { group: "gateway.networking.k8s.io", kind: "Gateway", name: "waypoint" };
    const there = plugins.filter(({ file }) => file.includes("waypoint"));
    expect(there).toHaveLength(2 * FILTERS.length);
    for (const plugin of there) {
      const [target] = at(plugin.spec, "targetRefs");
      expect([waypoint, ...services], titleOf(plugin)).toContainEqual(target);
      expect(at(plugin.spec, "targetRefs"), titleOf(plugin)).toHaveLength(1);
      expect(at(plugin.spec, "selector"), titleOf(plugin)).toEqual([]);
      expect(at(plugin.spec, "match.mode"), titleOf(plugin)).toEqual(["SERVER"]);
    }
  });
});

test("a wrong configuration is told with its line, in both kinds", () => {
  const wrong = (file: string, from: string, to: string): string[] => {
    const text = readFileSync(join(ISTIO, file), "utf8");
    expect(text.split(from), file).toHaveLength(2);
    return findings(file, text.replace(from, to));
  };
  const lineOf = (file: string, text: string): number =>
    readFileSync(join(ISTIO, file), "utf8")
      .split("\n")
      .findIndex((line) => line.includes(text)) + 1;

  const authz = "plugins/sidecar/authz.yaml";
  expect(wrong(authz, "methods: [GET], paths: [/reviews/*]", "methods: [GET], pahts: [/reviews/*]")).toEqual([
    expect.stringMatching(
      `^${authz}:${lineOf(authz, "[/reviews/*]")}: policies\\[0\\]\\.rules\\[0\\]\\.to\\[0\\]\\.operation\\.pahts: unknown field`,
    ),
  ]);
  const limits = "plugins/traffic-extension/gateway/plugins.yaml";
  expect(wrong(limits, "per: second, burst: 100", "per: fortnight, burst: 100")).toEqual([
    expect.stringMatching(
      `^${limits}:${lineOf(limits, "burst: 100")}: limits\\[0\\]\\.limit\\.per: expected`,
    ),
  ]);
});

test("what is made of the WasmPlugins is as the tool makes it (npx tsx tools/istio-plugins.ts)", async () => {
  for (const [file, text] of await generated()) {
    expect(readFileSync(join(ISTIO, file), "utf8"), file).toBe(text);
  }
});

test("what names a version names that of package.json", () => {
  const chart = parse(readFileSync(join(ISTIO, "chart/Chart.yaml"), "utf8")) as Record<string, string>;
  expect([chart.version, chart.appVersion]).toEqual([VERSION, VERSION]);
  const overlays = join(ISTIO, "plugins/overlays");
  const releases = readdirSync(overlays).map((overlay) => join(overlays, overlay, "release.yaml"));
  const tags = releases
    .filter((file) => existsSync(file))
    .map((file) => parse(readFileSync(file, "utf8")) as unknown);
  expect(tags.length).toBeGreaterThan(3);
  for (const release of tags) expect(at(release, "data.tag")).toEqual([VERSION]);
  for (const file of ["plugins/README.md", "mesh/authorization/README.md"]) {
    const named = readFileSync(join(ISTIO, file), "utf8").match(
      /(?<=registry\.example\/outrigger\/[\w{}-]+:)[\w.-]*\w/g,
    );
    expect(new Set(named), file).toEqual(new Set([VERSION]));
  }
});

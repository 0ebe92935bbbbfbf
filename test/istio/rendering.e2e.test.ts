/** `istio/plugins` by kustomize and `istio/chart` by Helm, both real. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments, stringify } from "yaml";
import { checkSource } from "../../cli/check.ts";
import { Modules } from "../../cli/modules.ts";
import { parseSource } from "../../cli/source.ts";
import { FILTERS } from "../../tools/filters.ts";
import { ISTIO } from "../../tools/istio-plugins.ts";
import { run } from "../peers/cache.ts";
import { locateHelm } from "../peers/helm.ts";
import { locateKustomize } from "../peers/kustomize.ts";
import { at, type Resource } from "./resources.ts";

const REGISTRY = "localhost:5000/team";
const digestOf = (filter: string): string => Buffer.from(filter.padEnd(32, "-")).toString("hex");
const DIGESTS = Object.fromEntries(FILTERS.map((filter) => [filter, digestOf(filter)]));

let kustomize = "";
let helm = "";
// A clone's copy, in which a user has written registry, tag and digests.
const folder = mkdtempSync(join(tmpdir(), "outrigger-istio-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(async () => {
  [kustomize, helm] = [await locateKustomize(), await locateHelm()];
  cpSync(ISTIO, folder, { recursive: true });
  for (const overlay of ["tag", "digest", "ambient", "traffic-extension", "traffic-extension-ambient"]) {
    const file = join(folder, "plugins/overlays", overlay, "release.yaml");
    const release = parseAllDocuments(readFileSync(file, "utf8"))[0]?.toJS() as Resource;
    const data = { ...release.data, registry: REGISTRY, tag: "1.2.3" };
    const known = Object.entries(DIGESTS).filter(([filter]) => filter in data);
    writeFileSync(file, stringify({ ...release, data: { ...data, ...Object.fromEntries(known) } }));
  }
}, 1_200_000);

async function output(command: string, ...words: string[]): Promise<string> {
  const { code, output } = await run(command, words);
  expect(code, output).toBe(0);
  return output;
}

/** Resources by kind, namespace and name. */
function byName(text: string): Record<string, unknown> {
  const resources = parseAllDocuments(text)
    .map((document) => document.toJS() as Resource | null)
    .filter((resource) => resource !== null);
  const named = resources.map((resource) => {
    const { kind, metadata } = resource;
    return [`${kind} ${metadata.namespace}/${metadata.name}`, resource] as const;
  });
  expect(new Set(named.map(([name]) => name)).size).toBe(named.length);
  return Object.fromEntries(named);
}

/** Not one that belongs to a plugin. */
const isPlugin = (kind: string): boolean => kind === "WasmPlugin" || kind === "TrafficExtension";

const release = ["--set", `registry=${REGISTRY},tag=1.2.3`];
const digests = ["--set", FILTERS.map((filter) => `digests.${filter}=${digestOf(filter)}`).join(",")];

describe("kustomize and Helm render the same", { timeout: 60_000 }, () => {
  test.each([
    ["tag", 13, []],
    ["digest", 13, digests],
    ["ambient", 13, ["--set", "sidecar.enabled=false,waypoint.enabled=true"]],
    ["traffic-extension", 13, [...digests, "--set", "kind=TrafficExtension"]],
    [
      "traffic-extension-ambient",
      13,
      [...digests, "--set", "kind=TrafficExtension,sidecar.enabled=false,waypoint.enabled=true"],
    ],
  ] as const)("%s", async (overlay, count, values) => {
    const built = await output(kustomize, "build", join(folder, "plugins/overlays", overlay));
    const rendered = await output(
      helm,
      "template",
      "outrigger",
      join(folder, "chart"),
      ...release,
      ...values,
    );
    const resources = byName(built);
    expect(Object.keys(resources)).toHaveLength(count);
    expect(byName(rendered)).toEqual(resources);

    // Registry, tag and digest are where they belong, and the filters take their configuration as it comes out.
    for (const [name, resource] of Object.entries(resources)) {
      const { kind, metadata, spec } = resource as Resource;
      if (!isPlugin(kind)) continue;
      const filter = metadata.labels?.["app.kubernetes.io/name"] ?? "";
      const wasm = overlay.startsWith("traffic-extension") ? at(spec, "wasm")[0] : spec;
      expect(at(wasm, "url"), name).toEqual([`oci://${REGISTRY}/outrigger/${filter}:1.2.3`]);
      const pinned = overlay === "digest" || overlay.startsWith("traffic-extension");
      expect(at(wasm, "sha256"), name).toEqual(pinned ? [digestOf(filter)] : []);
    }
    for (const text of [built, rendered]) {
      const checked = checkSource(parseSource(overlay, text), { modules: new Modules("build") });
      expect(checked.plugins).toHaveLength(
        Object.values(resources).filter((resource) => isPlugin((resource as Resource).kind)).length,
      );
      expect(checked.findings).toEqual([]);
    }
  });
});

test("the overlay shadow is the overlay digest with those that may deny on trial", async () => {
  const overlay = (name: string): Promise<string> =>
    output(kustomize, "build", join(folder, "plugins/overlays", name));
  const shadow = await overlay("shadow");
  const tried = new Set<string>();
  for (const [name, resource] of Object.entries(byName(await overlay("digest")))) {
    const { metadata, spec } = resource as Resource;
    const [config] = at(spec, "pluginConfig") as Record<string, unknown>[];
    if (["authz", "local-rate-limit", "global-rate-limit"].includes(metadata.name)) {
      tried.add(name);
      config!.mode = "shadow";
    }
    expect(byName(shadow)[name], name).toEqual(resource);
  }
  expect(tried.size).toBe(6);
  expect(checkSource(parseSource("shadow", shadow), { modules: new Modules("build") }).findings).toEqual([]);
});

describe("the chart", { timeout: 60_000 }, () => {
  const template = (...values: string[]): Promise<string> =>
    output(helm, "template", "outrigger", join(ISTIO, "chart"), ...values);

  test("passes Helm's lint", async () => {
    expect(await output(helm, "lint", "--strict", join(ISTIO, "chart"))).toContain("0 chart(s) failed");
  });

  test("takes its own values into a plugin, and leaves one out", async () => {
    const values = join(folder, "values.yaml");
    writeFileSync(
      values,
      stringify({
        imagePullSecret: "registry",
        plugins: {
          sidecar: {
            "dark-launch": { enabled: false },
            authz: { spec: { pluginConfig: { mode: "shadow" }, priority: 7 } },
          },
        },
      }),
    );
    const resources = byName(await template("--values", values));
    expect(Object.keys(resources)).toHaveLength(12);
    expect(resources).not.toHaveProperty(["WasmPlugin my-app/dark-launch"]);
    const { spec } = resources["WasmPlugin my-app/authz"] as Resource;
    expect(spec).toMatchObject({ imagePullSecret: "registry", priority: 7, phase: "AUTHZ" });
    expect(at(spec, "pluginConfig.mode")).toEqual(["shadow"]);
    expect(at(spec, "pluginConfig.policies.name")).toContain("reviews-allow-productpage");
  });

  test("takes its own annotations in the place of those that there are", async () => {
    const referenced = "envoyfilter.istio.io/referenced-services";
    const values = join(folder, "annotations.yaml");
    const annotations = { [referenced]: "limits/ratelimit.limits.svc.cluster.local" };
    const of = { waypoint: { "rate-limit-cluster": { annotations } } };
    writeFileSync(
      values,
      stringify({ sidecar: { enabled: false }, waypoint: { enabled: true }, plugins: of }),
    );
    const resources = byName(await template("--values", values));
    const { metadata } = resources["EnvoyFilter my-app/rate-limit-cluster"] as Resource;
    expect(metadata.annotations).toEqual(annotations);
  });

  test.each([
    [
      "sidecar.trace-propagation",
      ["Telemetry my-app/no-native-tracing", "WasmPlugin my-app/trace-propagation"],
    ],
    ["sidecar.authz", ["WasmPlugin my-app/authz", "WasmPlugin my-app/authz-peer"]],
    ["sidecar.authz-peer", ["WasmPlugin my-app/authz-peer"]],
    [
      "waypoint.global-rate-limit-waypoint",
      ["EnvoyFilter my-app/rate-limit-cluster", "WasmPlugin my-app/global-rate-limit-waypoint"],
    ],
  ])("leaves out %s with its companions", async (plugin, names) => {
    const placement = plugin.startsWith("waypoint")
      ? ["--set", "sidecar.enabled=false,waypoint.enabled=true"]
      : [];
    const all = Object.keys(byName(await template(...placement)));
    const left = Object.keys(
      byName(await template(...placement, "--set", `plugins.${plugin}.enabled=false`)),
    );
    expect(all.filter((name) => !left.includes(name)).sort()).toEqual(names);
  });

  test("has what sidecars and a waypoint of one namespace both need once", async () => {
    const names = async (...values: string[]): Promise<string[]> =>
      Object.keys(byName(await template(...values)));
    const sidecars = await names();
    const waypoint = await names("--set", "sidecar.enabled=false,waypoint.enabled=true");
    const both = await names("--set", "waypoint.enabled=true");
    expect(both.sort()).toEqual([...new Set([...sidecars, ...waypoint])].sort());
    const left = "waypoint.enabled=true,plugins.sidecar.trace-propagation.enabled=false";
    expect(await names("--set", left)).toContain("Telemetry my-app/no-native-tracing");
  });

  test.each([
    ["--set", "plugins.sidecar.auhtz.enabled=false", "plugins.sidecar.auhtz: no such plugin"],
    ["--set", "plugins.sidcar.authz.enabled=false", "additional properties 'sidcar' not allowed"],
    ["--set", "plugins.sidecar.authz.enable=false", "additional properties 'enable' not allowed"],
    [
      "--set-string",
      "plugins.sidecar.authz.enabled=false",
      "at '/plugins/sidecar/authz/enabled': got string",
    ],
    ["--set", "registy=ghcr.io/your-org", "additional properties 'registy' not allowed"],
    ["--set", "registry=oci://ghcr.io/your-org", "at '/registry': 'oci://ghcr.io/your-org' does not match"],
    ["--set", "kind=EnvoyFilter", "at '/kind': value must be one of 'WasmPlugin', 'TrafficExtension'"],
    ["--set", "digests.auhtz=", "additional properties 'auhtz' not allowed"],
    ["--set", `digests.authz=sha256:${digestOf("authz")}`, "at '/digests/authz': 'sha256:"],
    ["--set", "tag=2", "at '/tag': got number, want string"],
    ["--set", "waypoint.namespace=My_App", "at '/waypoint/namespace': 'My_App' does not match"],
    ["--set", "gateway.namespace=my-app", "WasmPlugin my-app/authz would be that of sidecar and of gateway"],
    // Helm takes `null` for a value that is to be left out, also one that there has to be.
    ["--set", "registry=null", "missing property 'registry'"],
    ["--set", "kind=null", "missing property 'kind'"],
    ["--set", "digests=null", "missing property 'digests'"],
    ["--set", "plugins=null", "missing property 'plugins'"],
    ["--set", "sidecar=null", "missing property 'sidecar'"],
    ["--set", "gateway.namespace=null", "at '/gateway': missing property 'namespace'"],
    ["--set", "waypoint.enabled=null", "at '/waypoint': missing property 'enabled'"],
  ])("refuses %s %s", async (flag, value, message) => {
    const { code, output } = await run(helm, ["template", join(ISTIO, "chart"), flag, value]);
    expect(code).not.toBe(0);
    expect(output).toContain(message);
  });
});

/** All manifests of `istio/` pass what a cluster would say of them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { validateManifests, type Problem } from "./validate.ts";

/** Helm's files are no manifests; what they render is compared with those that are. */
const isChart = (file: string): boolean => file.startsWith("chart/");

const EXTENSIONS = "plugins/traffic-extension/waypoint/plugins.yaml";

/** Warnings that stay: every EnvoyFilter has them, and the README beside it says why it is there. */
const EXPLAINED: readonly Partial<Problem>[] = [
  { tool: "istioctl analyze", code: "IST0133", at: "mesh/rate-limit/envoy-filter.yaml:1" },
  { tool: "istioctl validate", at: "EnvoyFilter/istio-system/filter-ratelimit" },
  { tool: "istioctl validate", at: "EnvoyFilter/my-app/rate-limit-cluster" },
  // It is there for both kinds of plugins, and told of the last.
  { tool: "istioctl analyze", code: "IST0133", at: documentOf("EnvoyFilter", EXTENSIONS) },
];

test(
  "istioctl validate, istioctl analyze and kubectl-validate have nothing against istio/ that is not explained",
  // The first time on a machine the tools are built.
  { timeout: 900_000 },
  async () => {
    const { files, problems } = await validateManifests("istio", isChart);
    console.log(`${files.length} files; ${problems.length} problems, all of which are to be explained`);
    expect(files.length).toBeGreaterThan(50);
    for (const problem of EXPLAINED) expect(problems).toContainEqual(expect.objectContaining(problem));
    const unexplained = problems.filter(
      (problem) =>
        !EXPLAINED.some((explained) =>
          Object.entries(explained).every(([name, value]) => problem[name as keyof Problem] === value),
        ),
    );
    expect(unexplained).toEqual([]);
  },
);

test("each of the three finds what the others do not", { timeout: 900_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "outrigger-manifests-"));
  const write = (
    name: string,
    spec: string,
    kind = "VirtualService",
    group = "networking.istio.io/v1",
  ): void =>
    writeFileSync(
      join(folder, name),
      `apiVersion: ${group}\nkind: ${kind}\nmetadata: {name: ${name.split(".")[0]}, namespace: my-app}\nspec: ${spec}\n`,
    );
  try {
    write("good.yaml", "{hosts: [reviews], http: [{route: [{destination: {host: reviews}}]}]}");
    expect(await validateManifests(folder)).toEqual({ files: ["good.yaml"], problems: [] });
    write("unknown-field.yaml", "{hosts: [a], http: [{route: [{destination: {host: a}, wieght: 3}]}]}");
    write("subset.yaml", "{hosts: [b], http: [{route: [{destination: {host: b, subset: none}}]}]}");
    write("service.yaml", "{ports: [{name: http, port: ten}]}", "Service", "v1");
    const { problems } = await validateManifests(folder);
    const found = (tool: Problem["tool"], at: RegExp, message: RegExp): void =>
      expect(problems).toContainEqual(
        expect.objectContaining({
          tool,
          at: expect.stringMatching(at) as string,
          message: expect.stringMatching(message) as string,
        }),
      );
    found("istioctl validate", /unknown-field/, /unknown field "wieght"/);
    found(
      "istioctl analyze",
      /^subset.yaml:4$/,
      /Referenced host\+subset in destinationrule not found: "b\+none"/,
    );
    found("kubectl-validate", /^service.yaml$/, /spec.ports\[0\].port in body must be of type integer/);
    expect(problems.filter(({ at }) => at.startsWith("good"))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("none of them tells of callers without TLS where there is STRICT", { timeout: 900_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "outrigger-manifests-"));
  const write = (kind: string, group: string, spec: object): void =>
    writeFileSync(
      join(folder, `${kind}.yaml`),
      JSON.stringify({
        apiVersion: `${group}.istio.io/v1`,
        kind,
        metadata: { name: "default", namespace: "my-app" },
        spec,
      }),
    );
  try {
    write("PeerAuthentication", "security", { mtls: { mode: "STRICT" } });
    const trafficPolicy = { tls: { mode: "DISABLE" } };
    write("DestinationRule", "networking", { host: "reviews.my-app.svc.cluster.local", trafficPolicy });
    expect(await validateManifests(folder)).toMatchObject({ problems: [] });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Where the document of the only resource of a kind begins, as `<file>:<line>`. */
function documentOf(kind: string, file: string): string {
  const before = readFileSync(join("istio", file), "utf8").split(`\nkind: ${kind}\n`, 1)[0]!;
  return `${file}:${before.slice(0, before.lastIndexOf("\n---\n") + 5).split("\n").length}`;
}

/** What the Prometheus of `istio/mesh/telemetry` scrapes, by the real one, which is told of pods in the place of a cluster's API. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { freePort } from "../envoy/process.ts";
import { PeerProcess } from "../peers/process.ts";
import { locatePrometheus } from "../peers/prometheus.ts";
import { eventually } from "./client.ts";
import { resourcesIn } from "./resources.ts";

interface Pod {
  name: string;
  address: string;
  /** Without `prometheus.io/`. */
  annotations?: Record<string, string>;
  phase?: string;
  /** Each container's port is a target of its own. */
  ports?: readonly number[];
}
interface Target {
  scrapeUrl: string;
  labels: Record<string, string>;
}

/** What the injector annotates (`manifests/charts/istio-control/istio-discovery/files/injection-template.yaml`). */
const INJECTED = { scrape: "true", port: "15020", path: "/stats/prometheus" };
const PODS: readonly Pod[] = [
  { name: "with-sidecar", address: "127.0.0.1", annotations: INJECTED, ports: [9080, 15090] },
  { name: "by-ipv6", address: "fd00::1", annotations: INJECTED },
  { name: "istiod", address: "127.0.0.2", annotations: { scrape: "true", port: "15014" }, ports: [8080] },
  { name: "no-port-named", address: "127.0.0.3", annotations: { scrape: "true" } },
  { name: "without", address: "127.0.0.4" },
  { name: "not-wanted", address: "127.0.0.5", annotations: { ...INJECTED, scrape: "false" } },
  { name: "pending", address: "127.0.0.6", annotations: INJECTED, phase: "Pending" },
  { name: "done", address: "127.0.0.7", annotations: INJECTED, phase: "Succeeded" },
  { name: "evicted", address: "127.0.0.8", annotations: INJECTED, phase: "Failed" },
];

const folder = mkdtempSync(join(tmpdir(), "outrigger-prometheus-"));
let prometheus: PeerProcess;
let home: string;

beforeAll(async () => {
  const address = `127.0.0.1:${(await freePort()).port}`;
  home = `http://${address}`;
  const file = join(folder, "prometheus.yml");
  writeFileSync(file, stringify(configuration()));
  prometheus = await PeerProcess.start({
    command: await locatePrometheus(),
    arguments: [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=${address}`,
    ],
    isReady: async () => (await fetch(`${home}/-/ready`)).ok,
  });
}, 30_000);
afterAll(async () => {
  await prometheus?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test(
  "scrapes each pod once that is annotated and runs, where its annotations say",
  { timeout: 40_000 },
  async () => {
    const scraped = await eventually(async () => {
      const there = await targets();
      expect(there).not.toEqual([]);
      return there;
    }, 30_000);
    const found = Object.fromEntries(scraped.map(({ scrapeUrl, labels }) => [scrapeUrl, labels]));
    expect(scraped.length).toBe(Object.keys(found).length);
    const labels = (pod: string): object =>
      expect.objectContaining({ job: "pods", namespace: "my-app", pod, app: `${pod}-app` }) as object;
    expect(found).toEqual({
      "http://127.0.0.1:15020/stats/prometheus": labels("with-sidecar"),
      "http://[fd00::1]:15020/stats/prometheus": labels("by-ipv6"),
      "http://127.0.0.2:15014/metrics": labels("istiod"),
      "http://127.0.0.3:9080/metrics": labels("no-port-named"),
    });
  },
);

/** That of the manifest, with the pods in the place of the cluster's. */
function configuration(): unknown {
  const [text] = resourcesIn("mesh/telemetry", "prometheus.yaml")
    .filter(({ kind }) => kind === "ConfigMap")
    .map(({ data }) => data?.["prometheus.yml"]);
  const found = parse(text ?? "") as { scrape_configs: Record<string, unknown>[] };
  for (const job of found.scrape_configs) {
    expect(job.kubernetes_sd_configs).toEqual([{ role: "pod" }]);
    delete job.kubernetes_sd_configs;
    job.static_configs = PODS.flatMap(discovered);
  }
  return found;
}

/** As Prometheus finds a pod (`discovery/kubernetes/pod.go`). */
function discovered({ name, address, annotations = {}, phase = "Running", ports = [9080] }: Pod): object[] {
  const meta = (names: Record<string, string>): Record<string, string> =>
    Object.fromEntries(Object.entries(names).map(([key, value]) => [`__meta_kubernetes_${key}`, value]));
  const labels = {
    ...meta({ namespace: "my-app", pod_name: name, pod_ip: address, pod_phase: phase }),
    ...meta({ pod_label_app: `${name}-app` }),
    ...meta(
      Object.fromEntries(
        Object.entries(annotations).map(([key, value]) => [`pod_annotation_prometheus_io_${key}`, value]),
      ),
    ),
  };
  const host = address.includes(":") ? `[${address}]` : address;
  return ports.map((port) => ({
    targets: [`${host}:${port}`],
    labels: { ...labels, ...meta({ pod_container_port_number: String(port) }) },
  }));
}

async function targets(): Promise<Target[]> {
  const answer = await fetch(`${home}/api/v1/targets?state=active`);
  return ((await answer.json()) as { data: { activeTargets: Target[] } }).data.activeTargets;
}

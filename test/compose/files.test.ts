/** What docker-compose.yaml, the dashboard and the alerts name is there. The containers themselves: compose.e2e.test.ts. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { composeBootstrap } from "../../envoy/compose.ts";
import { readConfig } from "../../envoy/local.ts";
import { RATELIMIT_VERSION } from "../peers/ratelimit.ts";
import { ZIPKIN_VERSION } from "../peers/zipkin.ts";
import { ENVOY_VERSION } from "../envoy/locate.ts";

interface Service {
  image: string;
  command?: string[];
  environment?: Record<string, string>;
  ports?: string[];
  depends_on?: Record<string, unknown>;
  healthcheck?: { test: string[] };
  network_mode?: string;
  volumes?: { source: string; target: string; read_only?: boolean }[];
  tmpfs?: string[];
}

interface DataSource {
  type: string;
  uid: string;
}

const FILE = "envoy/docker-compose.yaml";
const { services } = parse(readFileSync(FILE, "utf8"), { merge: true }) as {
  services: Record<string, Service>;
};
/** `<container>:<port>` of all ports that are published. */
const places = Object.entries(services).flatMap(([name, { ports }]) =>
  (ports ?? []).map((port) => `${name}:${port.split(":").pop()}`),
);

describe.each(Object.entries(services))("the service %s", (name, service) => {
  test("has an image with an exact tag", () => {
    expect(service.image).toMatch(/^[a-z/]+:(v?\d+\.\d+\.\d+(-[a-z-]+)?|[0-9a-f]{8})$/);
  });

  test("has a health check, or a neighbour that has one for it", () => {
    const neighbours = Object.values(services).filter(
      ({ network_mode }) => network_mode === `service:${name}`,
    );
    expect([service, ...neighbours].some(({ healthcheck }) => healthcheck !== undefined)).toBe(true);
  });

  test("publishes on loopback alone", () => {
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\$\{[A-Z_]+:-\d+\}:\d+$/);
  });

  test("waits for and joins services that there are", () => {
    const named = Object.keys(service.depends_on ?? {});
    if (service.network_mode !== undefined) named.push(service.network_mode.replace(/^service:/, ""));
    expect(named.filter((other) => services[other] === undefined)).toEqual([]);
  });

  test("mounts what is in the clone or built, and cannot change it", () => {
    for (const { source, read_only } of service.volumes ?? []) {
      expect(read_only, source).toBe(true);
      expect(existsSync(join("envoy", source)), source).toBe(true);
    }
  });
});

test("the images are of the versions that the tests have", () => {
  const tagOf = (name: string): string | undefined => services[name]?.image.split(":")[1];
  expect(tagOf("envoy")).toBe(`v${ENVOY_VERSION}`);
  expect(tagOf("zipkin")).toBe(ZIPKIN_VERSION);
  expect(RATELIMIT_VERSION.split("-").pop()?.slice(0, 8)).toBe(tagOf("ratelimit"));
});

test("each cluster of the Envoy in a container is a container", () => {
  const { static_resources } = composeBootstrap(readConfig());
  const clusters = static_resources.clusters.map(({ name }) => name);
  expect(clusters).toContain("zipkin");
  expect(clusters.filter((name) => services[name] === undefined)).toEqual([]);
});

test.each([
  ["redis", "/data"],
  ["prometheus", "/prometheus:uid=65534,gid=65534"],
])("what the image of %s would keep in a volume without a name is in memory", (name, mount) => {
  expect(services[name]?.tmpfs).toEqual([mount]);
});

describe("Prometheus", () => {
  const { command = [] } = services.prometheus!;

  test("is started with the file that is mounted", () => {
    const option = command.find((word) => word.startsWith("--config.file="));
    expect(existsSync(sourceOf("prometheus", option?.split("=")[1] ?? ""))).toBe(true);
  });

  test("asks containers, on ports that they have", () => {
    const { scrape_configs } = read("envoy/prometheus/prometheus.yaml") as {
      scrape_configs: { static_configs: { targets: string[] }[] }[];
    };
    const targets = scrape_configs.flatMap(({ static_configs }) =>
      static_configs.flatMap((one) => one.targets),
    );
    expect(targets).toEqual(["envoy:9901"]);
    for (const target of targets) expect(places).toContain(target);
  });
});

describe("Grafana", () => {
  const { environment = {} } = services.grafana!;
  const { datasources } = read("envoy/grafana/provisioning/datasources/outrigger.yaml") as {
    datasources: (DataSource & { url: string })[];
  };

  test("has the data sources that the dashboard asks, and no others, which its viewers could not", () => {
    const asked = dataSourcesIn(read("envoy/grafana/dashboards/outrigger.json"));
    expect(asked.length).toBeGreaterThan(15);
    const ids = (sources: readonly DataSource[]): Set<string> =>
      new Set(sources.map(({ type, uid }) => `${type} ${uid}`));
    expect(ids(asked)).toEqual(ids(datasources));
  });

  test("asks containers, on ports that they have", () => {
    for (const { url } of datasources) expect(places).toContain(new URL(url).host);
  });

  test("is told where the dashboard is that it begins with", () => {
    const { providers } = read("envoy/grafana/provisioning/dashboards/outrigger.yaml") as {
      providers: { options: { path: string } }[];
    };
    for (const { options } of providers)
      expect(sourceOf("grafana", options.path)).toBe(join("envoy", "grafana", "dashboards"));
    const home = environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH ?? "";
    expect(sourceOf("grafana", home)).toBe(join("envoy", "grafana", "dashboards", "outrigger.json"));
    // Where Grafana looks, unless it is told otherwise.
    expect(sourceOf("grafana", "/etc/grafana/provisioning")).toBe(join("envoy", "grafana", "provisioning"));
  });

  test("is changed by nobody who reaches it", () => {
    expect(environment).toMatchObject({
      GF_AUTH_ANONYMOUS_ORG_ROLE: "Viewer",
      // Its first user is admin with the password admin, by the form and by basic authentication.
      GF_AUTH_DISABLE_LOGIN_FORM: "true",
      GF_AUTH_BASIC_ENABLED: "false",
    });
  });
});

describe("metrics that are named", () => {
  const written = execFileSync("git", ["ls-files", "filters/*/README.md"], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((page) => readFileSync(page, "utf8"))
    .join("\n");

  test.each(["envoy/grafana/dashboards/outrigger.json", "envoy/prometheus/rules.yaml"])(
    "in %s are in the filters' pages",
    (file) => {
      const named = new Set(readFileSync(file, "utf8").match(/\boutrigger_(?!vm_)[a-z_]+/g));
      expect(named.size).toBeGreaterThan(4);
      expect([...named].filter((name) => !written.includes(`\`${name}\``))).toEqual([]);
    },
  );
});

/** A file of YAML or JSON. */
function read(file: string): unknown {
  return parse(readFileSync(file, "utf8"));
}

/** The path in the clone of a container's path. Throws where nothing is mounted there. */
function sourceOf(name: string, path: string): string {
  const mount = services[name]?.volumes?.find(
    ({ target }) => path === target || path.startsWith(`${target}/`),
  );
  if (mount === undefined) throw new Error(`${name} has nothing mounted at ${path}`);
  return join("envoy", mount.source, path.slice(mount.target.length));
}

/** All that are named, wherever they stand. */
function dataSourcesIn(node: unknown): DataSource[] {
  if (typeof node !== "object" || node === null) return [];
  const { datasource } = node as { datasource?: DataSource };
  return [...(datasource === undefined ? [] : [datasource]), ...Object.values(node).flatMap(dataSourcesIn)];
}

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
  ports?: string[];
  healthcheck?: { test: string[] };
  network_mode?: string;
  volumes?: { source: string; read_only?: boolean }[];
}

const FILE = "envoy/docker-compose.yaml";
const { services } = parse(readFileSync(FILE, "utf8"), { merge: true }) as {
  services: Record<string, Service>;
};

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

/** What the reference mesh's resources say of each other, which Istio's own offline checks leave out since they have no pods. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { ISTIO } from "../../tools/istio-plugins.ts";
import { at, resourcesIn, titleOf, type Resource } from "./resources.ts";

const mesh = resourcesIn("mesh");
const plugins = resourcesIn("plugins");
const all = [...mesh, ...plugins];
const ofKind = (kind: string, from = all): Resource[] => from.filter((resource) => resource.kind === kind);

/** What the ingress gateway of `istioctl install` is. */
const GATEWAY = {
  namespace: "istio-system",
  labels: { istio: "ingressgateway", app: "istio-ingressgateway" },
  account: "istio-ingressgateway-service-account",
};
interface Workload {
  namespace: string;
  labels: Record<string, string>;
  account: string;
}
const workloads: Workload[] = [
  GATEWAY,
  ...ofKind("Deployment").map(({ metadata, spec }) => ({
    namespace: metadata.namespace ?? "",
    labels: at(spec, "template.metadata.labels")[0] as Record<string, string>,
    account: (at(spec, "template.spec.serviceAccountName")[0] ?? "default") as string,
  })),
];
const services = new Map(
  ofKind("Service").map(({ metadata, spec }) => [
    `${metadata.name}.${metadata.namespace}.svc.cluster.local`,
    { ports: at(spec, "ports.port"), spec, namespace: metadata.namespace ?? "" },
  ]),
);

function selects(labels: unknown, workload: Workload): boolean {
  return Object.entries(labels as Record<string, string>).every(
    ([name, value]) => workload.labels[name] === value,
  );
}

/** Those resources of `found` whose selector finds no workload in their namespace. */
function withoutWorkload(found: readonly (readonly [Resource, unknown])[]): string[] {
  return found
    .filter(
      ([{ metadata }, labels]) =>
        !workloads.some((one) => one.namespace === metadata.namespace && selects(labels, one)),
    )
    .map(([resource, labels]) => `${titleOf(resource)}: ${JSON.stringify(labels)}`);
}

test("there is something to look at", () => {
  expect(mesh.length).toBeGreaterThan(50);
  expect(services.size).toBeGreaterThan(8);
});

describe("the reference mesh", () => {
  test("selects workloads that are there", () => {
    const paths = ["selector.matchLabels", "workloadSelector.labels", "selector"];
    const kinds = new Set(["WasmPlugin", "TrafficExtension", "AuthorizationPolicy", "PeerAuthentication"]);
    for (const kind of ["Sidecar", "EnvoyFilter", "Telemetry", "Gateway", "Service", "PodDisruptionBudget"])
      kinds.add(kind);
    const selectors = all
      .filter(({ kind }) => kinds.has(kind))
      .flatMap((resource) =>
        paths
          .flatMap((path) => at(resource.spec, path))
          .filter((labels) => Object.values(labels as object).every((value) => typeof value === "string"))
          .map((labels) => [resource, labels] as const),
      );
    expect(selectors.length).toBeGreaterThan(30);
    expect(withoutWorkload(selectors)).toEqual([]);
  });

  test("has in each Deployment a selector of its own pods, an image with a tag, a probe, and bounds", () => {
    for (const resource of ofKind("Deployment")) {
      const title = titleOf(resource);
      const labels = at(resource.spec, "selector.matchLabels")[0];
      expect(at(resource.spec, "template.metadata.labels")[0], title).toMatchObject(labels as object);
      for (const image of at(resource.spec, "template.spec.containers.image"))
        expect(image, title).toMatch(/^[\w.-]+\.\w+\/.*:(?!latest$|alpine$)[\w.-]*\d[\w.-]*$/);
      const containers = at(resource.spec, "template.spec.containers").length;
      for (const path of ["readinessProbe", "resources.requests.cpu", "resources.limits.memory"])
        expect(at(resource.spec, `template.spec.containers.${path}`), `${title}: ${path}`).toHaveLength(
          containers,
        );
    }
  });

  test("has behind each port of a Service one that its pods open", () => {
    for (const resource of ofKind("Service")) {
      const pods = ofKind("Deployment").filter(
        ({ metadata, spec }) =>
          metadata.namespace === resource.metadata.namespace &&
          Object.entries(at(resource.spec, "selector")[0] as object).every(([name, value]) =>
            at(spec, `template.metadata.labels`).some(
              (labels) => (labels as Record<string, unknown>)[name] === value,
            ),
          ),
      );
      expect(pods, titleOf(resource)).not.toEqual([]);
      for (const pod of pods) {
        const open = at(pod.spec, "template.spec.containers.ports.containerPort");
        for (const port of at(resource.spec, "ports")) {
          const target = at(port, "targetPort")[0] ?? at(port, "port")[0];
          expect(open, `${titleOf(resource)} and ${titleOf(pod)}`).toContain(target);
        }
      }
    }
  });

  test("routes to services, ports and subsets that are there", () => {
    const subsets = new Set(
      ofKind("DestinationRule", resourcesIn("mesh/workloads")).flatMap(({ spec }) =>
        at(spec, "subsets.name").map((name) => `${String(at(spec, "host")[0])} ${String(name)}`),
      ),
    );
    const routes = ofKind("VirtualService");
    expect(routes.length).toBeGreaterThan(4);
    for (const resource of routes) {
      for (const destination of at(resource.spec, "http.route.destination")) {
        const [host] = at(destination, "host") as string[];
        const service = services.get(host ?? "");
        expect(service, `${titleOf(resource)}: ${host}`).toBeDefined();
        for (const port of at(destination, "port.number"))
          expect(service?.ports, titleOf(resource)).toContain(port);
        for (const subset of at(destination, "subset"))
          expect([...subsets], titleOf(resource)).toContain(`${host} ${String(subset)}`);
      }
    }
  });

  const routes = ofKind("VirtualService").flatMap((resource) =>
    at(resource.spec, "http").map((route) => {
      const title = `${titleOf(resource)}, ${String(at(route, "name")[0])}`;
      const number = (path: string): number => Number.parseFloat(String(at(route, path)[0]));
      const seconds = (path: string): number =>
        String(at(route, path)[0]).endsWith("ms") ? number(path) / 1000 : number(path);
      const reads = at(route, "match.method.regex");
      return {
        title,
        route,
        number,
        seconds,
        isOfReads: reads.length === at(route, "match").length && reads.length > 0,
      };
    }),
  );

  test("repeats no write that an application may have begun", () => {
    const repeated = routes.filter(({ route }) => at(route, "retries").length > 0);
    expect(repeated.length).toBeGreaterThan(3);
    for (const { title, route, isOfReads } of repeated) {
      const reasons = String(at(route, "retries.retryOn")[0]).split(",");
      expect(reasons, title).not.toContain("retriable-4xx");
      if (!isOfReads) expect(["connect-failure", "refused-stream"], title).toEqual(reasons);
    }
  });

  test("has for each request the time that its attempts may take", () => {
    const bounded = routes.filter(({ route }) => at(route, "retries.perTryTimeout").length > 0);
    expect(bounded.length).toBeGreaterThan(1);
    for (const { title, number, seconds } of bounded)
      expect(seconds("timeout"), title).toBeGreaterThan(
        (1 + number("retries.attempts")) * seconds("retries.perTryTimeout"),
      );
  });

  test("has pods for each subset", () => {
    const without = ofKind("DestinationRule").flatMap(({ file, metadata, spec }) =>
      at(spec, "subsets.labels")
        .filter((labels) => {
          const [app] = at(services.get(String(at(spec, "host")[0]))?.spec, "selector") as object[];
          return !workloads.some(
            (one) => one.namespace === metadata.namespace && selects({ ...app, ...(labels as object) }, one),
          );
        })
        .map((labels) => `${file}: ${JSON.stringify(labels)}`),
    );
    expect(without).toEqual([]);
  });

  test("has one VirtualService and one DestinationRule a host: others have the same name, and take its place", () => {
    for (const kind of ["VirtualService", "DestinationRule"]) {
      const names = new Map<string, Set<string>>();
      for (const { metadata, spec } of ofKind(kind)) {
        for (const host of [...at(spec, "host"), ...at(spec, "hosts")] as string[])
          names.set(host, (names.get(host) ?? new Set()).add(`${metadata.namespace}/${metadata.name}`));
      }
      for (const [host, those] of names) expect([...those], `${kind} of ${host}`).toHaveLength(1);
    }
  });

  test("binds routes to a gateway that has their hosts, and whose certificate is made where its pods are", () => {
    const [gateway] = ofKind("Gateway");
    const hosts = (at(gateway?.spec, "servers.hosts") as string[]).map((host) => host.replace(/^.*\//, ""));
    for (const resource of ofKind("VirtualService").filter(({ spec }) => at(spec, "gateways").length > 0)) {
      expect(at(resource.spec, "gateways")).toEqual([
        `${gateway?.metadata.namespace}/${gateway?.metadata.name}`,
      ]);
      for (const host of at(resource.spec, "hosts")) expect(hosts).toContain(host);
    }
    const secrets = ofKind("Certificate").map(
      ({ metadata, spec }) => `${metadata.namespace}/${String(at(spec, "secretName")[0])}`,
    );
    expect(
      at(gateway?.spec, "servers.tls.credentialName").map((name) => `${GATEWAY.namespace}/${String(name)}`),
    ).toEqual(secrets);
  });

  test("has routes at the gateway for the preflights and health checks that its plugins exempt", () => {
    const [route] = ofKind("VirtualService").filter(({ spec }) => at(spec, "gateways").length > 0);
    const matches = at(route?.spec, "http").flatMap((http) =>
      at(http, "match").map((match) => ({ http, match })),
    );
    const answers = (path: string, method: string): unknown =>
      matches.find(({ match }) => {
        const [exact, prefix] = [at(match, "uri.exact")[0], at(match, "uri.prefix")[0]] as string[];
        const [methods] = at(match, "method.regex") as string[];
        const named = exact === path || (prefix !== undefined && path.startsWith(prefix));
        return named && (methods === undefined || new RegExp(`^(?:${methods})$`).test(method));
      })?.http;

    const checks = new Set(
      JSON.stringify(plugins.filter(({ file }) => file.includes("gateway"))).match(
        /\/\w*(?:health|ready)\w*/g,
      ),
    );
    expect([...checks]).not.toEqual([]);
    for (const path of checks)
      for (const method of ["GET", "HEAD"]) expect(answers(path, method), path).toBeDefined();
    expect(at(answers("/api/v1/products/0", "OPTIONS"), "corsPolicy.allowOrigins")).not.toEqual([]);
  });

  test("names as principals service accounts that workloads have", () => {
    const text = JSON.stringify(all);
    const principals = [...text.matchAll(/cluster\.local\/ns\/([\w-]+)\/sa\/([\w-]+)/g)];
    expect(principals.length).toBeGreaterThan(5);
    for (const [principal, namespace, account] of principals) {
      expect(
        workloads.some((one) => one.namespace === namespace && one.account === account),
        principal,
      ).toBe(true);
    }
  });

  test("calls clusters of services and ports that are there, and that Sidecars leave in", () => {
    const clusters = [...JSON.stringify(all).matchAll(/outbound\|(\d+)\|\|([\w.-]+)/g)];
    expect(clusters.length).toBeGreaterThan(8);
    const providers = ofKind("IstioOperator").flatMap(({ spec }) =>
      at(spec, "meshConfig.extensionProviders.opentelemetry"),
    );
    const called = [
      ...clusters.map(([, port, host]) => [host ?? "", Number(port)] as const),
      ...providers.map((one) => [String(at(one, "service")[0]), Number(at(one, "port")[0])] as const),
    ];
    const scopes = ofKind("Sidecar").map((resource) => ({
      title: titleOf(resource),
      hosts: at(resource.spec, "egress.hosts"),
    }));
    for (const [host, port] of called) {
      const service = services.get(host);
      expect(service?.ports, host).toContain(port);
      for (const { title, hosts } of scopes) expect(hosts, title).toContain(`${service?.namespace}/*`);
    }
  });

  test("leaves in a Sidecar's scope what the service is, by its full name", () => {
    for (const resource of ofKind("Sidecar")) {
      for (const host of (at(resource.spec, "egress.hosts") as string[]).filter((one) => !one.endsWith("/*")))
        expect(services.has(host.replace(/^\.\//, "")), `${titleOf(resource)}: ${host}`).toBe(true);
    }
  });

  test("names only providers of telemetry that the installation has", () => {
    const known = ofKind("IstioOperator").flatMap(({ spec }) =>
      at(spec, "meshConfig.extensionProviders.name"),
    );
    for (const resource of ofKind("Telemetry")) {
      for (const section of ["tracing", "metrics", "accessLogging"]) {
        // Without configuration there are `prometheus` and `envoy` (pilot/pkg/model/telemetry.go and mesh's defaults).
        for (const provider of at(resource.spec, `${section}.providers.name`))
          expect([...known, "prometheus"], titleOf(resource)).toContain(provider);
      }
    }
  });

  test("gives Kiali a key for its sessions, and has it where its probe asks", () => {
    const [kiali] = ofKind("Deployment").filter(({ metadata }) => metadata.name === "kiali");
    const [text] = ofKind("ConfigMap").flatMap(({ metadata, data }) =>
      metadata.name === "kiali" ? Object.values(data ?? {}) : [],
    );
    const config = parse(text ?? "") as unknown;
    const [root] = at(config, "server.web_root") as string[];
    const probe = at(kiali?.spec, "template.spec.containers.readinessProbe.httpGet.path");
    expect(probe).toEqual([`${root}/healthz`]);

    // With any strategy but `anonymous` it refuses to start without a key of 16, 24 or 32 bytes (kiali's config/security).
    expect(at(config, "auth.strategy")).toEqual(["token"]);
    const [mounted] = at(kiali?.spec, "template.spec.containers.volumeMounts").filter(
      (one) => at(one, "mountPath")[0] === "/kiali-override-secrets/login-token-signing-key",
    );
    const [volume] = at(kiali?.spec, "template.spec.volumes").filter(
      (one) => at(one, "name")[0] === at(mounted, "name")[0],
    );
    const [secret] = at(volume, "secret.secretName") as string[];
    const readme = readFileSync(join(ISTIO, "mesh/telemetry/README.md"), "utf8");
    const made = new RegExp(
      `kubectl -n observability create secret generic ${secret} --from-literal=value\\.txt="\\$\\(openssl rand -hex (\\d+)\\)"`,
    ).exec(readme);
    expect([16, 24, 32]).toContain(2 * Number(made?.[1]));
  });

  test("has in each pod the volumes, ports and accounts that it names", () => {
    const accounts = ofKind("ServiceAccount").map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    for (const resource of ofKind("Deployment")) {
      const title = titleOf(resource);
      const [pod] = at(resource.spec, "template.spec");
      const mounted = new Set(at(pod, "containers.volumeMounts.name"));
      expect([...mounted].sort(), title).toEqual(at(pod, "volumes.name").sort());
      for (const container of at(pod, "containers")) {
        const open = [...at(container, "ports.name"), ...at(container, "ports.containerPort")];
        for (const probe of ["httpGet", "tcpSocket"])
          for (const port of at(container, `readinessProbe.${probe}.port`))
            expect(open, title).toContain(port);
      }
      for (const account of at(pod, "serviceAccountName"))
        expect(accounts, title).toContain(`${resource.metadata.namespace}/${String(account)}`);
    }
  });

  test("binds each role to accounts of pods that are there", () => {
    const bound = ofKind("ClusterRoleBinding").map((binding) => {
      for (const subject of at(binding, "subjects")) {
        const [namespace, account] = [at(subject, "namespace")[0], at(subject, "name")[0]];
        expect(
          workloads.some((one) => one.namespace === namespace && one.account === account),
          titleOf(binding),
        ).toBe(true);
      }
      return at(binding, "roleRef.name")[0];
    });
    expect(bound).toEqual(ofKind("ClusterRole").map(({ metadata }) => metadata.name));
    expect(bound.length).toBeGreaterThan(1);
  });

  test("asks by URL services that are there, on ports that they have", () => {
    const asked = [...JSON.stringify(mesh).matchAll(/([\w-]+\.[\w-]+\.svc\.cluster\.local):(\d+)/g)];
    expect(asked.length).toBeGreaterThan(4);
    for (const [url, host, port] of asked)
      expect(services.get(host ?? "")?.ports, url).toContain(Number(port));
  });

  test("has in each ConfigMap the files that containers name", () => {
    const named: string[] = [];
    for (const resource of ofKind("Deployment")) {
      const volumes = at(resource.spec, "template.spec.volumes");
      for (const container of at(resource.spec, "template.spec.containers")) {
        const words = ["command", "args", "env.value"].flatMap((path) => at(container, path)).map(String);
        for (const mount of at(container, "volumeMounts")) {
          const volume = volumes.find((one) => at(one, "name")[0] === at(mount, "name")[0]);
          const [name] = at(volume, "configMap.name");
          const map = ofKind("ConfigMap").find(({ metadata }) => metadata.name === name);
          if (map === undefined) continue;
          const [folder] = at(mount, "mountPath") as string[];
          const within = words.flatMap((word) => word.split(`${folder}/`).slice(1));
          for (const file of [...(at(mount, "subPath") as string[]), ...within]) {
            expect(Object.keys(map.data ?? {}), titleOf(resource)).toContain(file);
            named.push(file);
          }
        }
      }
    }
    expect(named.sort()).toEqual(["config.yaml", "dashboards.yaml", "datasources.yaml", "prometheus.yml"]);
  });

  test("mounts the limits where the rate limit service looks for them", () => {
    const [service] = ofKind("Deployment").filter(({ metadata }) => metadata.name === "ratelimit");
    const setting = (name: string): unknown =>
      at(service?.spec, "template.spec.containers.env").find((one) => at(one, "name")[0] === name);
    const [root, subdirectory] = ["RUNTIME_ROOT", "RUNTIME_SUBDIRECTORY"].map(
      (name) => at(setting(name), "value")[0],
    );
    expect(at(service?.spec, "template.spec.containers.volumeMounts.mountPath")).toEqual([
      `${String(root)}/${String(subdirectory)}/config`,
    ]);
  });

  test("has Grafana look for dashboards where they are mounted", () => {
    const [grafana] = ofKind("Deployment").filter(({ metadata }) => metadata.name === "grafana");
    const [map] = ofKind("ConfigMap").filter(({ metadata }) => metadata.name === "grafana");
    const mount = at(grafana?.spec, "template.spec.containers.volumeMounts").find(
      (one) => at(one, "name")[0] === "dashboards",
    );
    const provided = at(parse(map?.data?.["dashboards.yaml"] ?? ""), "providers.options.path");
    expect(at(mount, "mountPath")).toEqual(provided);
    // What the filters' dashboard asks has this id.
    const sources = at(parse(map?.data?.["datasources.yaml"] ?? ""), "datasources");
    expect(sources.map((one) => [at(one, "type")[0], at(one, "uid")[0]].join(" "))).toContain(
      "prometheus prometheus",
    );
  });

  test("mounts ConfigMaps that are there, unless they are optional", () => {
    const maps = new Set(ofKind("ConfigMap").map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
    for (const resource of ofKind("Deployment")) {
      for (const source of at(resource.spec, "template.spec.volumes.configMap")) {
        if (at(source, "optional")[0] === true) continue;
        expect([...maps], titleOf(resource)).toContain(
          `${resource.metadata.namespace}/${String(at(source, "name")[0])}`,
        );
      }
    }
  });
});

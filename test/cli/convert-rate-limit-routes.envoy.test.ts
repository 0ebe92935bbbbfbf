/** What EnvoyFilters say of routes: as Envoy's own filters do it, and what comes of it, in one Envoy. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { upstreamCluster } from "../envoy/cds.ts";
import { dial, send } from "../envoy/http1.ts";
import { freePort } from "../envoy/process.ts";
import { LimitingEnvoy, type RouteConfiguration } from "../local-rate-limit/envoy.ts";
import { converted, documents, pluginConfigOf, told } from "./converting.ts";
import { envoyFilter, filterPatch, globalFilter, localFilter } from "./rate-limit-filters.ts";
import { RecordingService } from "./recording-service.ts";

const LOCAL = "envoy.filters.http.local_ratelimit";
const GLOBAL = "envoy.filters.http.ratelimit";

interface Patched {
  name: string;
  domains?: string[];
  routes?: Patched[];
  [field: string]: unknown;
}

interface Said {
  virtualHost: string;
  /** Left out: the virtual host itself. */
  route?: string;
  value: Record<string, unknown>;
}

/** As istiod names a service's virtual host, with some of the hosts that it has, and the one of any other host. */
function virtualHosts(): Patched[] {
  const route = { route: { cluster: "upstream" } };
  const routes = (): Patched[] => [
    { name: "big", match: { prefix: "/big" }, ...route },
    { name: "moved", match: { prefix: "/moved" }, redirect: { path_redirect: "/" } },
    { name: "rest", match: { prefix: "/" }, ...route },
  ];
  return [
    {
      name: "shop.my-app.svc.cluster.local:80",
      domains: ["shop", "shop.my-app", "10.0.0.7"],
      routes: routes(),
    },
    { name: "allow_any", domains: ["*"], routes: routes() },
  ];
}

const SHOP = "shop.my-app.svc.cluster.local:80";

/** What istiod makes of the routes (`patchVirtualHost` of `rc_patch.go`), as far as the patches here ask for it. */
function patched(patches: readonly Said[]): RouteConfiguration {
  const hosts = virtualHosts();
  for (const { virtualHost, route, value } of patches)
    for (const host of hosts.filter(({ name }) => virtualHost === "" || virtualHost === name)) {
      const places =
        route === undefined ? [host] : host.routes!.filter(({ name }) => route === "" || route === name);
      for (const place of places)
        for (const [field, said] of Object.entries(value))
          place[field] = Array.isArray(said)
            ? [...((place[field] as unknown[] | undefined) ?? []), ...(said as unknown[])]
            : { ...(place[field] as object | undefined), ...(said as object) };
    }
  return { virtual_hosts: hosts };
}

function patchOf({ virtualHost, route, value }: Said): object {
  const vhost = { name: virtualHost, ...(route === undefined ? {} : { route: { name: route } }) };
  return {
    applyTo: route === undefined ? "VIRTUAL_HOST" : "HTTP_ROUTE",
    match: { context: "GATEWAY", routeConfiguration: { vhost } },
    patch: { operation: "MERGE", value },
  };
}

const bucket = (tokens: number, filter = LOCAL): Record<string, unknown> => ({
  typed_per_filter_config: {
    [filter]: { ...localFilter(tokens, {}, true), rate_limits: undefined, descriptors: undefined },
  },
});
const counted = (key: string): object => ({ actions: [{ generic_key: { descriptor_value: key } }] });
const byUser = { actions: [{ request_headers: { header_name: "x-user", descriptor_key: "user" } }] };
const off = { "@type": (localFilter(1, {}, true) as Record<string, unknown>)["@type"], stat_prefix: "off" };
const ofUsers = { ...localFilter(6, { ann: 2, bob: 1 }, true), rate_limits: undefined };

const REQUESTS = ["shop", "shop.my-app", "10.0.0.7", "other.example"].flatMap((host) =>
  ["/big", "/", "/a"].flatMap((path) => ["ann", "bob"].map((user) => ({ host, path, user }))),
);

describe("what routes say", () => {
  let recording: RecordingService;
  let limiting: LimitingEnvoy;
  let upstream: number;

  beforeAll(async () => {
    recording = await RecordingService.start();
    ({ port: upstream } = await freePort());
    limiting = await LimitingEnvoy.start(1, [
      upstreamCluster("ratelimit", recording.port, true),
      upstreamCluster("upstream", upstream),
    ]);
    limiting.set("upstream", upstream, undefined);
    await limiting.apply(1);
  });

  afterAll(async () => {
    await limiting.stop();
    recording.close();
  });

  /** A listener with the plugin, one with Envoy's filter of this name and the routes that istiod would patch, and one with the plugin whose limits want more, if any. */
  async function beside(
    name: string,
    filter: typeof LOCAL | typeof GLOBAL,
    config: object,
    said: readonly Said[],
    { more, called = filter, unread = 0 }: { more?: string; called?: string; unread?: number } = {},
  ): Promise<number[]> {
    const { manifests, left } = converted(
      documents(envoyFilter(name, [filterPatch(called, config), ...said.map(patchOf)])),
    );
    expect(told(left).length).toEqual(unread);
    const plugin = pluginConfigOf(manifests[0]);
    const routes = { virtual_hosts: virtualHosts() };
    const ports = [
      await limiting.add(
        `${name}-ours`,
        { plugin, filter: filter === LOCAL ? "local-rate-limit" : "global-rate-limit" },
        { routes },
      ),
      await limiting.add(
        `${name}-native`,
        { native: { name: called, typed_config: config } },
        { routes: patched(said) },
      ),
    ];
    if (more !== undefined) {
      const limits = (plugin.limits as { match: { cel: string } }[]).map((limit) => ({
        ...limit,
        match: { cel: `${limit.match.cel} && ${more}` },
      }));
      const narrower = { plugin: { ...plugin, limits }, filter: "global-rate-limit" } as const;
      ports.push(await limiting.add(`${name}-narrower`, narrower, { routes }));
    }
    await limiting.apply(ports.length);
    return ports;
  }

  test.each<[string, object, Said[], { called?: string; unread?: number }?]>([
    ["a bucket of a service", off, [{ virtualHost: SHOP, value: bucket(3) }]],
    ["a bucket of the hosts that are no service", off, [{ virtualHost: "allow_any", value: bucket(3) }]],
    [
      "a route's bucket within a virtual host's, within the filter's",
      localFilter(5, {}, true),
      [
        { virtualHost: SHOP, value: bucket(2) },
        { virtualHost: SHOP, route: "big", value: bucket(4) },
      ],
    ],
    ["descriptors of one virtual host", ofUsers, [{ virtualHost: SHOP, value: { rate_limits: [byUser] } }]],
    [
      "descriptors of a route go instead of the virtual host's",
      ofUsers,
      [
        { virtualHost: SHOP, value: { rate_limits: [byUser] } },
        { virtualHost: "", route: "big", value: { route: { rate_limits: [counted("none")] } } },
      ],
    ],
    [
      "a filter with a name of its own has what routes say under this name",
      localFilter(2, {}, true),
      [
        { virtualHost: SHOP, value: bucket(1, LOCAL) },
        { virtualHost: SHOP, value: bucket(4, "shop.limits") },
      ],
      { called: "shop.limits", unread: 1 },
    ],
  ])("Envoy's local filter: %s", async (name, config, said, options = {}) => {
    const ports = await beside(name.replace(/\W+/g, "-"), LOCAL, config, said, options);
    const statuses: number[][] = [[], []];
    for (const request of REQUESTS)
      for (const [at, port] of ports.entries()) statuses[at]!.push(await statusOf(port, request));
    expect(statuses[0]).toEqual(statuses[1]);
    expect(new Set(statuses[1])).toEqual(new Set([200, 429]));
  });

  test("of a redirect the global one is asked, unless the match wants a cluster", async () => {
    const said = [{ virtualHost: SHOP, value: { rate_limits: [counted("shop")] } }];
    const ports = await beside("redirect", GLOBAL, globalFilter("shop"), said, {
      more: 'xds.cluster_name != ""',
    });
    const counts: number[][] = [];
    for (const path of ["/moved", "/"]) {
      counts.push([]);
      for (const port of ports) {
        recording.take();
        await statusOf(port, { host: "shop", path, user: "ann" });
        counts.at(-1)!.push(recording.take().length);
      }
    }
    // Ours, Envoy's, and ours that wants a cluster.
    expect(counts).toEqual([
      [1, 0, 0],
      [1, 1, 1],
    ]);
  });

  test("a bucket of several routes is one for all, where Envoy has one for each", async () => {
    const ports = await beside("several", LOCAL, off, [{ virtualHost: SHOP, route: "", value: bucket(2) }]);
    const admitted = [0, 0];
    for (const path of ["/big", "/", "/big", "/", "/big", "/"])
      for (const [at, port] of ports.entries())
        if ((await statusOf(port, { host: "shop", path, user: "ann" })) === 200) admitted[at]!++;
    expect(admitted).toEqual([2, 4]);
  });

  test("Envoy's global filter asks for the same", async () => {
    const ports = await beside("global", GLOBAL, globalFilter("shop"), [
      { virtualHost: SHOP, value: { rate_limits: [counted("shop")] } },
      { virtualHost: "allow_any", value: { rate_limits: [counted("any")] } },
      { virtualHost: "", value: { rate_limits: [counted("all"), byUser] } },
      { virtualHost: SHOP, route: "big", value: { route: { rate_limits: [counted("big")] } } },
    ]);
    const seen = new Set<string>();
    for (const request of REQUESTS) {
      const descriptors: string[][] = [];
      for (const port of ports) {
        recording.take();
        expect(await statusOf(port, request)).toBe(200);
        descriptors.push(
          recording
            .take()
            .flatMap((call) => call.descriptors.map(({ entries }) => JSON.stringify(entries)))
            .sort(),
        );
      }
      expect(descriptors[0], JSON.stringify(request)).toEqual(descriptors[1]);
      for (const one of descriptors[1]!) seen.add(one);
    }
    expect(seen.size).toBe(6);
  });
});

async function statusOf(
  port: number,
  { host, path, user }: { host: string; path: string; user: string },
): Promise<number> {
  const socket = dial(port);
  try {
    const request = { method: "GET", path, authority: host, headers: [["x-user", user] as [string, string]] };
    const { response } = await send(socket, request, 10_000);
    return response.status;
  } finally {
    socket.destroy();
  }
}

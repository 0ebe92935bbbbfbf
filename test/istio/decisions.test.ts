/** What the plugins of `istio/plugins/` decide, each placement's as a chain in Istio's order, on the V8 host. */
import { afterAll, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { HostDriver } from "../host/driver.ts";
import { parseScenario } from "../scenario/format.ts";
import { runScenario } from "../scenario/run.ts";
import { at, resourcesIn, titleOf, type Resource } from "./resources.ts";

const host = new HostDriver();
afterAll(() => host.close());

/** Where a phase's plugins stand in a listener (pilot/pkg/networking/core/extension, `InsertedExtensionConfigurations`). */
const PHASES = ["AUTHN", "AUTHZ", "STATS", "UNSPECIFIED_PHASE"];
const RATELIMIT = "outbound|8081||ratelimit.istio-system.svc.cluster.local";
const JAEGER = "outbound|9411||jaeger-collector.observability.svc.cluster.local";
const service = resourcesIn("mesh/rate-limit").find(({ metadata }) => metadata.name === "ratelimit-config");
/** What the rate limit service is configured with, from its ConfigMap. */
const domains = Object.values(service?.data ?? {}).map((text) => parse(text) as { domain: string });

/** A folder's HTTP plugins for one side of its workloads, in the order in which a request meets them. */
function chain(placement: string, mode: string, app?: string): Resource[] {
  const rank = (one: Resource): number =>
    PHASES.indexOf((at(one.spec, "phase")[0] as string | undefined) ?? "UNSPECIFIED_PHASE") * 1e6 -
    Number(at(one.spec, "priority")[0]);
  return resourcesIn(`plugins/${placement}`)
    .filter(({ kind, spec }) => kind === "WasmPlugin" && at(spec, "type")[0] !== "NETWORK")
    .filter(({ spec }) => [mode, "CLIENT_AND_SERVER"].includes(at(spec, "match.mode")[0] as string))
    .filter(({ spec }) =>
      [undefined, app].includes(at(spec, "selector.matchLabels.app")[0] as string | undefined),
    )
    .sort((a, b) => rank(a) - rank(b));
}

/** Plays steps on these plugins; `steps` as in a scenario file. */
async function play(plugins: readonly Resource[], direction: string, steps: string): Promise<void> {
  const domain = JSON.stringify(plugins).includes("mesh-ratelimit")
    ? "mesh-ratelimit"
    : "productpage-ratelimit";
  const scenario = {
    plugins: plugins.map(({ metadata, spec }) => ({
      filter: metadata.labels?.["app.kubernetes.io/name"],
      config: at(spec, "pluginConfig")[0],
    })),
    direction,
    clusters: {
      [RATELIMIT]: { rateLimitService: domains.find((one) => one.domain === domain) },
      [JAEGER]: { http: { status: 202 } },
    },
    steps: parse(steps) as unknown,
  };
  const title = plugins.map(titleOf).join(", ");
  const result = await runScenario(
    host,
    parseScenario(stringify(scenario, { aliasDuplicateObjects: false }), title),
  );
  if (result.failure !== undefined) expect.fail(result.failure);
  expect(result.played, result.skipped).toBe((parse(steps) as unknown[]).length);
}

test("the gateway: traces, a limit for each address, policies, limits of the service, and the variant, in this order", async () => {
  const plugins = chain("gateway", "CLIENT");
  expect(plugins.map(({ metadata }) => metadata.name)).toEqual([
    "trace-propagation",
    "local-rate-limit",
    "authz",
    "global-rate-limit",
    "dark-launch",
  ]);
  await play(
    plugins,
    "outbound",
    `
- advance: 5s
- name: outsiders' variant, trace and baggage do not count; a beta user's variant goes on in the baggage
  request:
    path: /productpage
    authority: api.example.com
    headers: { x-beta-user: "true", x-variant: v9, baggage: variant=v9, traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 }
  upstream: { headers: { x-variant: v2, baggage: variant=v2, traceparent: { matches: "00-(?!0af7651916cd)[0-9a-f]{32}-.*" } } }
- name: for everybody else others decide
  request: { path: /productpage, authority: "api.example.com:443", headers: { x-variant: v9, baggage: variant=v9 } }
  upstream: { headers: { x-variant: null, baggage: null } }
- name: what is not public is not there, and is not counted
  request: { path: /admin, authority: api.example.com }
  upstream: null
  response: { status: 403, body: '{"error":"denied"}' }
  details: authz:no-allow
  calls: { "${RATELIMIT}": 0 }
- name: nor may it be written to
  request: { method: POST, path: /productpage, authority: api.example.com }
  response: { status: 403 }
- name: a preflight passes without being counted by the service
  request: { method: OPTIONS, path: /api/v1/products, authority: api.example.com, headers: { origin: "https://shop.example", access-control-request-method: GET } }
  response: { status: 200 }
  calls: { "${RATELIMIT}": 0 }
- name: OPTIONS without these headers is none
  request: { method: OPTIONS, path: /api/v1/products, authority: api.example.com }
  response: { status: 403 }
- request: { method: OPTIONS, path: /api/v1/products, authority: api.example.com, headers: { origin: "https://shop.example" } }
  response: { status: 403 }
- request: { method: OPTIONS, path: /api/v1/products, authority: api.example.com, headers: { access-control-request-method: GET } }
  response: { status: 403 }
- name: so does a health check of the load balancer's
  request: { path: /healthz, authority: api.example.com, remoteAddress: 10.1.2.3 }
  response: { status: 200 }
  calls: { "${RATELIMIT}": 0 }
- request: { path: /healthz, authority: api.example.com, remoteAddress: "fd00:10::3" }
  response: { status: 200 }
- name: of an outsider it does not
  request: { path: /healthz, authority: api.example.com, remoteAddress: 198.51.100.9 }
  response: { status: 403 }
- name: twenty a minute without a key
  request: { path: /productpage, authority: api.example.com, remoteAddress: 203.0.113.7 }
  repeat: 20
  response: { status: 200 }
- name: and no more
  request: { path: /productpage, authority: api.example.com, remoteAddress: 203.0.113.7 }
  response: { status: 429 }
  details: global-rate-limit:anonymous
- advance: 3s # the limit for each address has room again
- name: with a key a hundred
  request: { path: /productpage, authority: api.example.com, headers: { x-api-key: k1 }, remoteAddress: 203.0.113.7 }
  repeat: 100
  response: { status: 200 }
- name: of which another address with the same key has none left
  request: { path: /productpage, authority: api.example.com, headers: { x-api-key: k1 }, remoteAddress: 203.0.113.99 }
  response: { status: 429 }
  details: global-rate-limit:by-api-key
- name: and another key its own
  request: { path: /productpage, authority: api.example.com, headers: { x-api-key: k2 }, remoteAddress: 203.0.113.8 }
  response: { status: 200 }
`,
  );
});

test("what productpage asks: a variant of the gateway's wins, then rules; the baggage says it as well", async () => {
  const plugins = chain("sidecar", "CLIENT", "productpage");
  expect(plugins.map(({ metadata }) => metadata.name)).toEqual(["trace-propagation", "dark-launch"]);
  await play(
    plugins,
    "outbound",
    `
- request: { path: /reviews/0, headers: { baggage: "variant=v2,secret=1" } }
  upstream: { headers: { x-variant: v2, baggage: variant=v2 } }
- request: { path: /reviews/0, headers: { end-user: jason } }
  upstream: { headers: { x-variant: v2 } }
- request: { path: /reviews/0 }
  upstream: { headers: { x-variant: v1 } }
- name: a trace in one format goes on in both, and so does the tenant
  request: { path: /details/0, headers: { x-b3-traceid: 0af7651916cd43dd8448eb211c80319c, x-b3-spanid: b7ad6b7169203331, baggage: tenant=a } }
  upstream: { headers: { traceparent: { matches: "00-0af7651916cd43dd8448eb211c80319c-.*" }, x-b3-traceid: 0af7651916cd43dd8448eb211c80319c, baggage: { matches: "(.*,)?tenant=a(,.*)?" } } }
`,
  );
});

test("behind the gateway a variant that it has chosen wins, and the sidecar's rules decide for all others", async () => {
  // One chain, as if productpage forwarded everything: what the gateway writes is what the sidecar reads.
  const plugins = [...chain("gateway", "CLIENT"), ...chain("sidecar", "CLIENT", "productpage")].filter(
    ({ metadata }) => ["trace-propagation", "dark-launch"].includes(metadata.name),
  );
  expect(plugins).toHaveLength(4);
  await play(
    plugins,
    "outbound",
    `
- name: a beta user of the gateway's
  request: { path: /reviews/0, headers: { x-beta-user: "true", end-user: nobody } }
  upstream: { headers: { x-variant: v2, baggage: variant=v2 } }
- name: a tester, whom the sidecar alone knows
  request: { path: /reviews/0, headers: { end-user: jason } }
  upstream: { headers: { x-variant: v2, baggage: variant=v2 } }
- name: one of the sidecar's tenth
  request: { path: /reviews/0, headers: { end-user: user-34 } }
  upstream: { headers: { x-variant: v2 } }
- name: and everybody else, whatever they say
  request: { path: /reviews/0, headers: { x-variant: v2, baggage: variant=v2 } }
  upstream: { headers: { x-variant: v1, baggage: variant=v1 } }
`,
  );
});

test("what comes to productpage is limited by pod and session, and health checks are not", async () => {
  const plugins = chain("sidecar", "SERVER", "productpage");
  expect(plugins.map(({ metadata }) => metadata.name)).toEqual(["trace-propagation", "local-rate-limit"]);
  await play(
    plugins,
    "inbound",
    `
- name: a session's burst
  request: { path: /productpage, headers: { cookie: session=a } }
  repeat: 20
  response: { status: 200 }
- request: { path: /productpage, headers: { cookie: session=a } }
  response: { status: 429, body: '{"error": "too many requests"}' }
  details: local-rate-limit:per-session
- request: { path: /productpage, headers: { cookie: session=b } }
  response: { status: 200, headers: { x-ratelimit-remaining: null } }
- name: health checks are no part of the pod's budget
  request: { path: /health }
  repeat: 300
  response: { status: 200 }
`,
  );
});

test.each([
  ["gateway", "CLIENT", undefined, "outbound", ["/healthz"]],
  ["sidecar", "SERVER", "productpage", "inbound", ["/health", "/healthz", "/readyz"]],
] as const)(
  "a local limit at a %s counts all but preflights and health checks",
  async (placement, mode, app, side, healthChecks) => {
    const plugins = chain(placement, mode, app).filter(
      ({ metadata }) => metadata.name === "local-rate-limit",
    );
    expect(plugins).toHaveLength(1);
    const many = (name: string, request: string): string => `
- name: ${name}
  request: { ${request}, remoteAddress: 203.0.113.7 }
  repeat: 300
`;
    const exempt = "  response: { status: 200 }";
    const preflight = "method: OPTIONS, path: /productpage";
    const origin = 'origin: "https://shop.example"';
    await play(
      plugins,
      side,
      [
        many("preflights", `${preflight}, headers: { ${origin}, access-control-request-method: GET }`) +
          exempt,
        ...healthChecks.map((path) => many(path, `path: ${path}`) + exempt),
      ].join(""),
    );
    for (const counted of [
      `${preflight}, headers: { ${origin} }`,
      `${preflight}, headers: { access-control-request-method: GET }`,
      `path: /productpage, headers: { ${origin}, access-control-request-method: GET }`,
      "path: /healthz/x",
    ])
      await play(
        plugins,
        side,
        `
- request: { ${counted}, remoteAddress: 203.0.113.7 }
  repeat: ${placement === "gateway" ? 100 : 200}
  response: { status: 200 }
- request: { ${counted}, remoteAddress: 203.0.113.7 }
  response: { status: 429 }
`,
      );
  },
);

test("all others are traced, and nothing else", () => {
  const names = (mode: string, app: string): string[] =>
    chain("sidecar", mode, app).map(({ metadata }) => metadata.name);
  for (const app of ["details", "ratings"]) expect(names("SERVER", app), app).toEqual(["trace-propagation"]);
  for (const app of ["reviews", "details", "ratings"])
    expect(names("CLIENT", app), app).toEqual(["trace-propagation"]);
});

test.each([
  ["sidecar", "reviews"],
  ["waypoint", undefined],
] as const)("who may ask reviews, at a %s", async (placement, app) => {
  const plugins = chain(placement, "SERVER", app).filter(({ metadata }) => metadata.name.startsWith("authz"));
  expect(plugins).toHaveLength(1);
  // The direct peer is the companion's to tell, which the sidecar's policy on trial asks for.
  const asked = placement === "sidecar" ? withoutTrial(plugins) : plugins;
  await play(
    asked,
    "inbound",
    `
- request: { path: /reviews/0, peer: { uri: "spiffe://cluster.local/ns/my-app/sa/productpage" } }
  response: { status: 200 }
- request: { path: /reviews/0, peer: { uri: "spiffe://cluster.local/ns/my-app/sa/ratings" } }
  response: { status: 403, body: "RBAC: access denied" }
  details: authz:no-allow
- request: { path: /reviews/0 }
  response: { status: 403 }
- request: { method: POST, path: /reviews/0, peer: { uri: "spiffe://cluster.local/ns/my-app/sa/productpage" } }
  response: { status: 403 }
- request: { path: /health }
  response: { status: 200 }
`,
  );
});

test("each caller of reviews has a budget of its own, of which units are leased", async () => {
  const plugins = chain("sidecar", "SERVER", "reviews").filter(
    ({ metadata }) => metadata.name === "global-rate-limit",
  );
  await play(
    plugins,
    "inbound",
    `
- advance: 5s
- request: { path: /reviews/0, peer: { uri: "spiffe://cluster.local/ns/my-app/sa/productpage" } }
  repeat: 500
  response: { status: 200, headers: { x-ratelimit-remaining: null } }
- name: health checks are not counted
  request: { path: /health }
  response: { status: 200 }
  calls: { "${RATELIMIT}": 0 }
`,
  );
});

test("a waypoint of reviews: traces, policies, limits for each caller, and the variant", async () => {
  const plugins = chain("waypoint", "SERVER");
  expect(plugins.map(({ metadata }) => metadata.name)).toEqual([
    "trace-propagation-waypoint",
    "authz-waypoint",
    "local-rate-limit-waypoint",
    "global-rate-limit-waypoint",
    "dark-launch-waypoint",
  ]);
  const peer = '{ uri: "spiffe://cluster.local/ns/my-app/sa/productpage" }';
  await play(
    plugins,
    "inbound",
    `
- advance: 5s
- name: a trace in one format goes on in both
  request:
    path: /reviews/0
    peer: ${peer}
    headers: { traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 }
  upstream: { headers: { traceparent: { matches: "00-0af7651916cd43dd8448eb211c80319c-.*" }, x-b3-traceid: 0af7651916cd43dd8448eb211c80319c } }
- request: { path: /reviews/0, peer: ${peer}, headers: { x-b3-traceid: 0af7651916cd43dd8448eb211c80319c, x-b3-spanid: b7ad6b7169203331 } }
  upstream: { headers: { traceparent: { matches: "00-0af7651916cd43dd8448eb211c80319c-.*" } } }
  response: { status: 200, headers: { x-ratelimit-remaining: null } }
- name: the gateway's variant wins
  request: { path: /reviews/0, peer: ${peer}, headers: { baggage: "variant=v2,secret=1" } }
  upstream: { headers: { x-variant: v2, baggage: variant=v2 } }
- name: then the rules
  request: { path: /reviews/0, peer: ${peer}, headers: { end-user: alice } }
  upstream: { headers: { x-variant: v2, baggage: variant=v2 } }
- name: and a tenth, the same users as beside sidecars
  request: { path: /reviews/0, peer: ${peer}, headers: { end-user: user-34 } }
  upstream: { headers: { x-variant: v2 } }
- request: { path: /reviews/0, peer: ${peer}, headers: { end-user: user-35 } }
  upstream: { headers: { x-variant: v1 } }
- request: { path: /reviews/0, peer: ${peer} }
  upstream: { headers: { x-variant: v1, baggage: variant=v1 } }
- name: who may not ask uses up nobody's limit, and is not counted by the service
  request: { path: /reviews/0, peer: { uri: "spiffe://cluster.local/ns/my-app/sa/ratings" } }
  upstream: null
  response: { status: 403 }
  calls: { "${RATELIMIT}": 0 }
- advance: 2s
- name: a caller's second
  request: { path: /reviews/0, peer: ${peer} }
  repeat: 100
  response: { status: 200 }
- request: { path: /reviews/0, peer: ${peer} }
  response: { status: 429 }
  details: local-rate-limit:per-caller
- name: health checks are no part of it
  request: { path: /health }
  repeat: 200
  response: { status: 200 }
  calls: { "${RATELIMIT}": 0 }
`,
  );
});

test("what a waypoint counts for each caller over all of its pods is bounded by the service", async () => {
  const plugins = chain("waypoint", "SERVER").filter(
    ({ metadata }) => metadata.name === "global-rate-limit-waypoint",
  );
  const ofCaller = at(
    domains.find(({ domain }) => domain === "mesh-ratelimit"),
    "descriptors.rate_limit",
  );
  expect(ofCaller).toEqual([{ unit: "minute", requests_per_unit: 6000 }]);
  await play(
    plugins,
    "inbound",
    `
- advance: 5s
- request: { path: /reviews/0, peer: { uri: "spiffe://cluster.local/ns/my-app/sa/productpage" } }
  repeat: 6000
  response: { status: 200 }
- request: { path: /reviews/0, peer: { uri: "spiffe://cluster.local/ns/my-app/sa/productpage" } }
  response: { status: 429 }
  details: global-rate-limit:by-caller
- name: another caller has its own
  request: { path: /reviews/0, peer: { uri: "spiffe://cluster.local/ns/my-app/sa/ratings" } }
  response: { status: 200 }
`,
  );
});

/** Without the policies on trial. */
function withoutTrial(plugins: readonly Resource[]): Resource[] {
  return plugins.map((plugin) => {
    const config = at(plugin.spec, "pluginConfig")[0] as { policies: { mode?: string }[] };
    const policies = config.policies.filter(({ mode }) => mode !== "shadow");
    return { ...plugin, spec: { ...plugin.spec, pluginConfig: { ...config, policies } } };
  });
}

/** VirtualServices with header matches, for a sidecar's application and for a gateway, and requests for each: written for what conversions do, and generated. */
import fc from "fast-check";
import { isTaken, request, routes, type Asked, type Route } from "../cli/generated-routes.ts";
import type { Header } from "../driver.ts";
import type { KubeObject } from "../peers/kube-resources.ts";

export const HEADER = "x-variant";
export const GATEWAY = "istio-system/public";

export interface Routed {
  service: KubeObject;
  on: "gateway" | "outbound";
  requests: Asked[];
}

const GENERATED = 20;
const REQUESTS = 30;

/** Of its own: which route it was is told in a header. */
export function destined(route: object, at: number): object {
  return {
    route: [{ destination: { host: "reviews.my-app.svc.cluster.local", subset: `v${1 + (at % 3)}` } }],
    headers: { request: { set: { "x-route": String(at) } } },
    ...route,
  };
}

function virtualService(name: string, hosts: string[], http: object[], gateways?: string[]): KubeObject {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name, namespace: "my-app" },
    spec: { hosts, ...(gateways === undefined ? {} : { gateways }), http },
  };
}

/** Every other one ends with a route for all the rest. */
function generated(
  place: Routed["on"],
  at: number,
  name: string,
  hosts: string[],
  to: string[],
  seed: number,
): Routed {
  const forged = fc.option(
    fc.constantFrom<Header>([HEADER, "v1"], [HEADER, "v2"], [HEADER, "v3"], [HEADER, "v2-3"]),
    {
      freq: 1,
      nil: undefined,
    },
  );
  const [all, asked] = fc.sample(
    fc.tuple(
      // An API server takes no `*` for a regular expression, which istiod would.
      routes(to).filter((one) => one.every(isTaken) && !JSON.stringify(one).includes('"regex":"*"')),
      fc.array(fc.tuple(request(to), forged), { minLength: REQUESTS, maxLength: REQUESTS }),
    ),
    { seed: seed + at, numRuns: 1 },
  )[0]!;
  const rest = at % 2 === 0 ? [destined({}, all.length)] : [];
  const http = [...all.map((route: Route, number) => destined(route, number)), ...rest];
  return {
    service: virtualService(name, hosts, http, place === "gateway" ? [GATEWAY] : undefined),
    on: place,
    requests: asked.map(([one, of]) => ({
      ...one,
      headers: [...new Map([...one.headers, ...(of === undefined ? [] : [of])])],
    })),
  };
}

/** The names that callers have for a Service of `my-app`. */
const namesOf = (service: string): string[] => [
  service,
  `${service}:9080`,
  `${service.toUpperCase()}:9080`,
  `${service}.my-app:9080`,
  `${service}.my-app.svc`,
  `${service}.my-app.svc.cluster.local:9080`,
];

export function generatedRoutes(seed: number): Routed[] {
  const inMesh = Array.from({ length: GENERATED }, (_, at) => {
    const host = at % 3 === 0 ? `s${at}.my-app.svc.cluster.local` : `s${at}`;
    return generated("outbound", at, `s${at}`, [host], namesOf(`s${at}`), seed);
  });
  const atGateway = Array.from({ length: GENERATED }, (_, at) => {
    const host = `g${at}.example`;
    const [hosts, to] = [
      [[host], [host, `${host}:8080`, host.toUpperCase()]],
      [[`*.${host}`], [`a.${host}`, `A.B.${host}`, host]],
      [
        [host, `*.${host}`],
        [host, `a.${host}`],
      ],
    ][at % 3] as [string[], string[]];
    return generated("gateway", 1000 + at, `g${at}`, hosts, to, seed);
  });
  return [
    ...inMesh,
    ...atGateway,
    // The more specific of two, and what is left for any other.
    generated("gateway", 2000, "narrow", ["a.pair.example"], ["a.pair.example"], seed),
    generated("gateway", 2001, "wide", ["*.pair.example"], ["b.pair.example", "a.pair.example"], seed),
    generated("gateway", 2002, "any", ["*"], ["elsewhere.example", "A.Elsewhere.example:8080"], seed),
  ];
}

const header = (name: string, value: string): object => ({ headers: { [name]: { exact: value } } });

/** Requests for a host: with each of these lists of headers, and each of these paths. */
function asks(
  authority: string,
  headers: Header[][],
  paths = ["/", "/api/x?y=1"],
  methods = ["GET"],
): Asked[] {
  return methods.flatMap((method) =>
    paths.flatMap((path) => headers.map((all) => ({ method, path, authority, headers: all }))),
  );
}

/** What routes do that a header says the way to, and what stays as it was beside them. `token` is one of {@link CLAIMS}. */
export function writtenRoutes(token: string): Routed[] {
  const some: Header[][] = [
    [],
    [["x-a", "a"]],
    [["x-a", "b"]],
    [["x-b", "b"]],
    [
      ["x-a", "a"],
      ["x-b", "b"],
    ],
    [[HEADER, "v2"]],
    [
      [HEADER, "v2"],
      ["x-a", "b"],
    ],
  ];
  const acts = [
    { match: [header("x-a", "a")], directResponse: { status: 418, body: { string: "teapot" } } },
    { match: [header("x-b", "b")], redirect: { uri: "/moved", redirectCode: 307 } },
    destined({ match: [{ uri: { prefix: "/api" }, ...header("x-a", "b") }], rewrite: { uri: "/v2" } }, 2),
    destined(
      { match: [header("x-a", "b")], fault: { abort: { httpStatus: 555, percentage: { value: 100 } } } },
      3,
    ),
    destined({}, 4),
  ];
  const stays = [
    destined({ match: [{ ...header("x-a", "a"), port: 9080 }] }, 0),
    destined({ match: [{ ...header("x-b", "b"), sourceLabels: { app: "productpage" } }] }, 1),
    destined({ match: [{ uri: { exact: "/" } }] }, 2),
    destined({ match: [{ withoutHeaders: { "x-a": {} } }, header("x-a", "b")], name: "others" }, 3),
    destined({}, 4),
  ];
  const claim = (name: string, match: object): object => ({
    headers: { [`@request.auth.claims${name}`]: match },
  });
  const claims = [
    destined({ match: [claim("[realm][role]", { exact: "lead" })] }, 1),
    destined({ match: [{ ...claim(".groups", { exact: "admins" }), ...{ uri: { prefix: "/api" } } }] }, 2),
    destined({ match: [{ withoutHeaders: { "@request.auth.claims.tier": { prefix: "go" } } }] }, 3),
    destined({}, 4),
  ];
  const bearer: Header = ["authorization", `Bearer ${token}`];
  const delegated = { delegate: { name: "delegated", namespace: "my-app" } };
  const acting = (http: object[]): object[] => JSON.parse(JSON.stringify(http)) as object[];
  return [
    {
      service: virtualService("acts", ["acts"], acting(acts)),
      on: "outbound",
      requests: asks("acts:9080", some),
    },
    {
      service: virtualService("acts-outside", ["acts.example"], acting(acts), [GATEWAY]),
      on: "gateway",
      requests: asks("acts.example", some),
    },
    { service: virtualService("stays", ["stays"], stays), on: "outbound", requests: asks("stays", some) },
    // It matches the routing header itself, as somebody has it who writes that header in another way until now.
    {
      service: virtualService(
        "itself",
        ["itself"],
        [destined({ match: [header("x-a", "b"), header(HEADER, "v2")] }, 1), destined({}, 0)],
      ),
      on: "outbound",
      requests: asks("itself", some),
    },
    {
      service: virtualService(
        "both",
        ["both.example"],
        [destined({ match: [header("x-a", "a")] }, 1), destined({}, 0)],
        ["mesh", GATEWAY],
      ),
      on: "gateway",
      requests: asks("both.example", some),
    },
    {
      service: virtualService("claims", ["claims.example"], claims, [GATEWAY]),
      on: "gateway",
      requests: asks("claims.example", [[], [bearer], [bearer, ["x-a", "a"]]]),
    },
    {
      service: virtualService(
        "delegating",
        ["delegating.example"],
        [{ match: [{ uri: { prefix: "/api" }, ...header("x-a", "a") }], ...delegated }, destined({}, 0)],
        [GATEWAY],
      ),
      on: "gateway",
      requests: asks("delegating.example", some, ["/", "/api", "/api/x"]),
    },
    // Without hosts, it is part of that which delegates.
    {
      service: {
        apiVersion: "networking.istio.io/v1",
        kind: "VirtualService",
        metadata: { name: "delegated", namespace: "my-app" },
        spec: { http: [destined({ match: [{ uri: { prefix: "/api/x" } }] }, 1), destined({}, 2)] },
      },
      on: "gateway",
      requests: [],
    },
  ];
}

/** Of the token that {@link writtenRoutes} are asked with; the proxy of the gateway verifies it. */
export const CLAIMS = {
  iss: "https://issuer.test",
  sub: "ann",
  groups: ["dev", "admins"],
  tier: "gold",
};

export function requestAuthentication(jwks: string): KubeObject {
  return {
    apiVersion: "security.istio.io/v1",
    kind: "RequestAuthentication",
    metadata: { name: "tokens", namespace: "istio-system" },
    spec: {
      selector: { matchLabels: { istio: "ingressgateway" } },
      jwtRules: [{ issuer: CLAIMS.iss, jwks, forwardOriginalToken: true }],
    },
  };
}

/** The clusterIP of the Service of {@link DIFFERENT}. */
export const ADDRESS = "10.96.250.1";

/** What is routed otherwise than before, as docs/convert.md says: what became of it before, and becomes of it now. */
export const DIFFERENT: readonly (Asked & { before: string; after: string })[] = [
  {
    ...asks("different", [
      [
        ["x-a", "a"],
        ["x-a", "b"],
      ],
    ])[0]!,
    before: "reviews-v2 route 1 /",
    after: "reviews-v1 route 0 /",
  },
  {
    ...asks(`${ADDRESS}:9080`, [[["x-a", "a"]]])[0]!,
    before: "reviews-v2 route 1 /",
    after: "reviews-v1 route 0 /",
  },
];

export const DIFFERENT_SERVICE = virtualService(
  "different",
  ["different"],
  [destined({ match: [header("x-a", "a")] }, 1), destined({}, 0)],
);

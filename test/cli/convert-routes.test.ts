/** What `outrigger convert` makes of VirtualServices, and that it decides as Istio's own translation does. */
import fc from "fast-check";
import { RE2JS } from "re2js";
import { describe, expect, test } from "vitest";
import type { Header } from "../driver.ts";
import { Host } from "../host/index.ts";
import { loadModule } from "../host/driver.ts";
import { nodeLibraries } from "../host/node-libraries.ts";
import { converted, documents, pluginConfigOf, told } from "./converting.ts";

function virtualService(http: readonly object[], spec: object = {}): object {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: "reviews", namespace: "my-app" },
    spec: { hosts: ["reviews"], http, ...spec },
  };
}

const to = (subset: string): object => ({ route: [{ destination: { host: "reviews", subset } }] });

describe("a VirtualService with header matches", () => {
  test("becomes rules, and routes that follow the header; all else of it stays", () => {
    const http = [
      { name: "beta", match: [{ headers: { "End-User": { exact: "jason" } } }], timeout: "3s", ...to("v2") },
      { match: [{ withoutHeaders: { "x-old": {} } }], ...to("v2") },
      { match: [{ uri: { prefix: "/static" } }], ...to("v3") },
      to("v1"),
    ];
    const { manifests, left } = converted(documents(virtualService(http)), { header: "x-team" });
    expect(left).toEqual([]);
    const [plugin, service] = manifests;
    expect(plugin).toMatchObject({
      metadata: { name: "dark-launch-reviews", namespace: "my-app" },
      spec: { match: [{ mode: "CLIENT" }], failStrategy: "FAIL_OPEN", pluginName: "dark-launch" },
    });
    expect(pluginConfigOf(plugin)).toMatchObject({
      header: "x-team",
      rules: [
        { name: "reviews-beta", variant: "v2", match: { headers: { "end-user": { exact: "jason" } } } },
        {
          name: "reviews-http-1",
          variant: "v2-2",
          match: { headers: { "x-old": { present: true, not: true } } },
        },
      ],
    });
    const follows = (variant: string): object[] => [{ headers: { "x-team": { exact: variant } } }];
    expect(service?.spec).toEqual({
      hosts: ["reviews"],
      http: [{ ...http[0], match: follows("v2") }, { ...http[1], match: follows("v2-2") }, http[2], http[3]],
    });
  });

  test("a short host is all that callers may call the service; a wildcard is its suffix; * is any", () => {
    const http = [{ match: [{ headers: { a: { exact: "b" } } }], ...to("v2") }];
    const hostOf = (hosts: string[]): unknown =>
      (
        pluginConfigOf(converted(documents(virtualService(http, { hosts }))).manifests[0]).rules as {
          match: object;
        }[]
      )[0]!.match;
    expect(hostOf(["reviews"])).toMatchObject({
      host: {
        in: expect.arrayContaining([
          "reviews",
          "reviews.my-app",
          "reviews.my-app.svc.cluster.local",
        ]) as string[],
      },
    });
    expect(hostOf(["*.example.com"])).toMatchObject({ host: { suffix: ".example.com" } });
    expect(hostOf(["*"])).not.toHaveProperty("host");
    expect(hostOf(["a.example.com", "*.b.example.com"])).toMatchObject({
      anyOf: [{ host: "a.example.com" }, { host: { suffix: ".b.example.com" } }],
    });
  });

  test("goes to the proxies of its Gateway, where the input has it", () => {
    const http = [{ match: [{ headers: { a: { exact: "b" } } }], ...to("v2") }];
    const gateway = {
      apiVersion: "networking.istio.io/v1",
      kind: "Gateway",
      metadata: { name: "public", namespace: "istio-ingress" },
      spec: { selector: { istio: "ingress" }, servers: [] },
    };
    const service = virtualService(http, { gateways: ["istio-ingress/public"] });
    expect(converted(documents(service, gateway)).manifests[0]).toMatchObject({
      metadata: { namespace: "istio-ingress" },
      spec: { selector: { matchLabels: { istio: "ingress" } }, match: [{ mode: "CLIENT" }] },
    });
    expect(told(converted(documents(service)).notes).join("\n")).toContain("which is not in the input");
  });

  test("what is about proxies stays a route of its own, and is named", () => {
    const http = [
      { match: [{ headers: { a: { exact: "b" } }, port: 80 }], ...to("v2") },
      { match: [{ headers: { a: { exact: "b" } }, sourceLabels: { app: "x" }, typo: 1 }], ...to("v3") },
      { match: [{ headers: { a: { exact: "c" } } }], ...to("v4") },
    ];
    const { manifests, left } = converted(documents(virtualService(http)));
    expect(told(left)).toEqual([
      expect.stringMatching(/^1 spec\.http\[0\]\.match\[0\]\.port: /) as string,
      expect.stringMatching(/^1 spec\.http\[1\]\.match\[0\]\.sourceLabels: /) as string,
      "1 spec.http[1].match[0].typo: not known to this command",
    ]);
    expect(pluginConfigOf(manifests[0]).rules).toMatchObject([{ variant: "v4" }]);
    expect((manifests[1]?.spec.http as object[]).slice(0, 2)).toEqual(http.slice(0, 2));
  });

  test("without one there is nothing to do, and it is named", () => {
    const { manifests, left } = converted(documents(virtualService([to("v1")])));
    expect(manifests).toEqual([]);
    expect(told(left)[0]).toContain("no route of it matches on headers");
  });

  test("claims become claims", () => {
    const headers = {
      "@request.auth.claims.groups": { exact: "a" },
      "@request.auth.claims[x][y]": { prefix: "b" },
    };
    const { manifests } = converted(documents(virtualService([{ match: [{ headers }], ...to("v2") }])));
    expect(pluginConfigOf(manifests[0]).rules).toMatchObject([
      { match: { claims: { groups: { exact: "a" }, "[x][y]": { prefix: "b" } } } },
    ]);
  });
});

// ---- Decisions ----

interface StringMatch {
  exact?: string;
  prefix?: string;
  regex?: string;
}

interface Match {
  uri?: StringMatch;
  ignoreUriCase?: boolean;
  method?: StringMatch;
  authority?: StringMatch;
  scheme?: StringMatch;
  headers?: Record<string, StringMatch>;
  withoutHeaders?: Record<string, StringMatch>;
  queryParams?: Record<string, StringMatch>;
}

interface Asked {
  method: string;
  path: string;
  authority: string;
  headers: Header[];
}

const AUTHORITIES = ["reviews", "reviews:9080", "reviews.my-app", "Reviews", "other"];
const NAMES = ["x-a", "x-b"];
const VALUES = ["", "a", "ab", "b", "A"];
const PATHS = ["/", "/a", "/a/b", "/A", "/a?x=a", "/a/b?x=&y=b", "/ab?y=a%62&y=a"];

const stringMatch = (values: readonly string[]): fc.Arbitrary<StringMatch> =>
  fc.oneof(
    fc.constantFrom(...values).map((exact) => ({ exact })),
    fc.constantFrom(...values).map((prefix) => ({ prefix })),
    fc.constantFrom("*", "a*", ".*", "a|b", "[^a]+", ".*b", "/a.*").map((regex) => ({ regex })),
    fc.constant({}),
  );
const map = (names: readonly string[]): fc.Arbitrary<Record<string, StringMatch>> =>
  fc.dictionary(fc.constantFrom(...names), stringMatch(VALUES), {
    minKeys: 1,
    maxKeys: 2,
    noNullPrototype: true,
  });
const aMatch: fc.Arbitrary<Match> = fc.record(
  {
    uri: stringMatch(["/", "/a", "/A", "/a/b"]),
    ignoreUriCase: fc.boolean(),
    method: stringMatch(["GET", "POST", "P"]),
    authority: stringMatch(AUTHORITIES),
    scheme: stringMatch(["http", "https"]),
    headers: map(NAMES),
    withoutHeaders: map(NAMES),
    queryParams: map(["x", "y"]),
  },
  { requiredKeys: ["headers"], noNullPrototype: true },
);
const onlyWithout: fc.Arbitrary<Match> = fc.record({ withoutHeaders: map(NAMES) }, { noNullPrototype: true });
const routes = fc.array(fc.array(fc.oneof(aMatch, onlyWithout), { minLength: 1, maxLength: 2 }), {
  minLength: 1,
  maxLength: 3,
});
const request: fc.Arbitrary<Asked> = fc.record({
  method: fc.constantFrom("GET", "POST", "PUT"),
  path: fc.constantFrom(...PATHS),
  authority: fc.constantFrom(...AUTHORITIES),
  headers: fc.array(fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(...VALUES)), { maxLength: 3 }),
});

/** As `TranslateRouteMatch` and Envoy's route matchers have it, for a request whose host is one of the virtual host's. */
function matches(match: Match, asked: Asked): boolean {
  const [path = "", query = ""] = asked.path.split("?");
  const values = (name: string): string | undefined => {
    const all = asked.headers.filter(([other]) => other === name).map(([, value]) => value);
    return all.length === 0 ? undefined : all.join(",");
  };
  const parameters = new URLSearchParams(query.replaceAll("+", "%2B"));
  const { uri, method, authority, scheme, headers = {}, withoutHeaders = {}, queryParams = {} } = match;
  return (
    (uri === undefined || isEmpty(uri) || takesPath(uri, path, match.ignoreUriCase === true)) &&
    (method === undefined || takes(method, asked.method)) &&
    (authority === undefined || takes(authority, asked.authority)) &&
    (scheme === undefined || takes(scheme, "http")) &&
    Object.entries(headers).every(([name, one]) => takes(one, values(name))) &&
    Object.entries(withoutHeaders).every(([name, one]) =>
      isPresence(one) ? values(name) === undefined : !takes(one, values(name) ?? ""),
    ) &&
    Object.entries(queryParams).every(([name, one]) => takes(one, parameters.get(name) ?? undefined))
  );
}

function isEmpty(match: StringMatch): boolean {
  return Object.keys(match).length === 0;
}

function isPresence(match: StringMatch): boolean {
  return isEmpty(match) || match.regex === "*";
}

function takes(match: StringMatch, value: string | undefined): boolean {
  if (value === undefined) return false;
  if (isPresence(match)) return true;
  if (match.exact !== undefined) return value === match.exact;
  if (match.prefix !== undefined) return value.startsWith(match.prefix);
  return RE2JS.compile(match.regex!).matches(value);
}

function takesPath(match: StringMatch, path: string, ignoreCase: boolean): boolean {
  // Of a path, `*` is no regular expression, and istiod would not take it.
  if (match.regex !== undefined) return RE2JS.compile(match.regex).matches(path);
  const fold = (text: string): string => (ignoreCase ? text.toLowerCase() : text);
  if (match.exact !== undefined) return fold(path) === fold(match.exact);
  return fold(path).startsWith(fold(match.prefix!));
}

const HOSTS = ["reviews", "reviews.my-app"];
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

test(`converted matches decide as Istio's, SEED=${seed}`, { timeout: 120_000 }, () => {
  const module = loadModule("build/dark-launch.wasm");
  const counts = { matched: 0, unmatched: 0 };
  const anyCase = fc.tuple(routes, fc.array(request, { minLength: 20, maxLength: 20 }));
  fc.assert(
    fc.property(
      anyCase.filter(([list]) => list.flat().every(({ uri }) => uri?.regex !== "*")),
      ([list, requests]) => {
        const http = list.map((match, at) => ({ name: `r${at}`, match, ...to(`v${at}`) }));
        const { manifests, left } = converted(documents(virtualService(http)));
        expect(told(left)).toEqual([]);
        const configuration = JSON.stringify(pluginConfigOf(manifests[0]));
        const listener = new Host(nodeLibraries).listen({
          plugins: [{ module, name: "launch", rootId: "dark-launch", configuration }],
        });
        for (const asked of requests) {
          const { upstream } = listener.run({ ...asked, headers: [...asked.headers, ["x-variant", "v0"]] });
          const variant = upstream?.headers.find(([name]) => name === "x-variant")?.[1];
          const host = asked.authority.replace(/:\d+$/, "").toLowerCase();
          const found = HOSTS.includes(host)
            ? list.findIndex((match) => match.some((one) => matches(one, asked)))
            : -1;
          expect(variant, `${JSON.stringify({ list, asked })}\n${configuration}`).toBe(
            found < 0 ? undefined : `v${found}`,
          );
          counts[found < 0 ? "unmatched" : "matched"]++;
        }
        listener.close();
      },
    ),
    { seed, numRuns: 150 },
  );
  console.log(JSON.stringify(counts));
  for (const count of Object.values(counts)) expect(count).toBeGreaterThan(100);
});

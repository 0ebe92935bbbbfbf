/** Converted VirtualServices route as before, by a model of Istio's translation and Envoy's matchers that this file has. */
import fc from "fast-check";
import { RE2JS } from "re2js";
import { expect, test } from "vitest";
import type { Header } from "../driver.ts";
import { Host } from "../host/index.ts";
import { loadModule } from "../host/driver.ts";
import { nodeLibraries } from "../host/node-libraries.ts";
import { converted, documents, pluginConfigOf } from "./converting.ts";
import {
  AUTHORITIES,
  isTaken,
  request,
  routes,
  type Asked,
  type Match,
  type Route,
  type StringMatch,
} from "./generated-routes.ts";
import { gateway, to, virtualService } from "./virtual-services.ts";

interface Service {
  hosts: string[];
  routes: Route[];
}
const services: fc.Arbitrary<Service[]> = fc.array(
  fc.record(
    {
      hosts: fc.constantFrom(["reviews"], ["*"], ["*.my-app"], ["other"], ["other", "*.my-app"]),
      routes: routes(AUTHORITIES),
    },
    { noNullPrototype: true },
  ),
  { minLength: 1, maxLength: 2 },
);
const gateways = fc.constantFrom<string[]>([], ["mesh"], ["istio-ingress/a", "istio-ingress/b"]);

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

/** Which VirtualService an authority belongs to: that with its most specific host, and the first of those. */
function serviceOf(all: readonly Service[], authority: string): number {
  const host = authority.replace(/:\d+$/, "").toLowerCase();
  let found = -1;
  let best = -1;
  for (const [at, { hosts }] of all.entries()) {
    for (const pattern of hosts.flatMap((one) => (one === "reviews" ? [one, "reviews.my-app"] : [one]))) {
      const isSuffix = pattern.startsWith("*");
      if (isSuffix ? !host.endsWith(pattern.slice(1)) : host !== pattern) continue;
      const weight = isSuffix ? pattern.length : 1000;
      if (weight > best) [found, best] = [at, weight];
    }
  }
  return found;
}

/** The route of a VirtualService that a request takes, and its path then. */
function routed(routes: readonly Route[], asked: Asked): string {
  for (const [at, { match, rewrite }] of routes.entries()) {
    const one = match.find((each) => matches(each, asked));
    if (one === undefined) continue;
    return `${at} ${rewrite === undefined ? asked.path : rewrite.uri + restOf(one.uri, asked.path)}`;
  }
  return "none";
}

/** The path but what a match has matched of it: all of what a regular expression takes, and a slash where nothing is asked for. */
function restOf(uri: StringMatch | undefined, path: string): string {
  const end = path.includes("?") ? path.indexOf("?") : path.length;
  if (uri === undefined || isEmpty(uri)) return path.slice(1);
  return path.slice(uri.prefix === undefined ? end : uri.prefix.length);
}

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

test(`converted VirtualServices route as the model has it, SEED=${seed}`, { timeout: 120_000 }, () => {
  const module = loadModule("build/dark-launch.wasm");
  const counts = { matched: 0, unmatched: 0, rewritten: 0, prefix: 0, second: 0, left: 0 };
  const anyCase = fc.tuple(
    services,
    gateways,
    fc.array(request(AUTHORITIES), { minLength: 20, maxLength: 20 }),
  );
  fc.assert(
    fc.property(
      anyCase.filter(([all]) => all.every(({ routes: ofOne }) => ofOne.every(isTaken))),
      ([all, ofGateways, requests]) => {
        const input = all.map(({ hosts, routes }, at) =>
          virtualService(
            routes.map((route) => ({ ...route, ...to("v") })),
            { hosts, gateways: ofGateways },
            `s${at}`,
          ),
        );
        const { manifests, left } = converted(documents(...input, gateway("a"), gateway("b")));
        for (const { message } of left)
          expect(message).toMatch(
            /a rewrite of the path|stays as it is: it has hosts|no route of it matches/,
          );
        counts.left += left.length;
        const plugins = manifests.filter((one) => one?.kind === "WasmPlugin");
        expect(plugins.length).toBeLessThanOrEqual(1);
        const after = all.map(({ routes }, at) => {
          const own = manifests.find(
            (one) => one?.kind === "VirtualService" && one.metadata.name === `s${at}`,
          );
          return (own?.spec.http as Route[] | undefined) ?? routes;
        });
        const configuration = JSON.stringify(pluginConfigOf(plugins[0]));
        const listener = new Host(nodeLibraries).listen({
          plugins: plugins.map(() => ({ module, name: "launch", rootId: "dark-launch", configuration })),
        });
        for (const asked of requests) {
          const sent = [...asked.headers, ["x-variant", "v"]] satisfies Header[];
          const { upstream } = listener.run({
            ...asked,
            headers: plugins.length === 0 ? asked.headers : sent,
          });
          const headers = upstream!.headers.filter(([name]) => !name.startsWith(":"));
          const service = serviceOf(all, asked.authority);
          if (service < 0) continue;
          const { routes } = all[service]!;
          const expected = routed(routes, asked);
          expect(
            routed(after[service]!, { ...asked, headers }),
            `${JSON.stringify({ all, asked })}\n${configuration}`,
          ).toBe(expected);
          counts[expected === "none" ? "unmatched" : "matched"]++;
          if (expected.includes("/new")) counts.rewritten++;
          // More than the slash was replaced.
          if (expected.includes("/new") && !expected.endsWith(asked.path.slice(1))) counts.prefix++;
          if (service > 0 && expected !== "none") counts.second++;
        }
        listener.close();
      },
    ),
    { seed, numRuns: 150 },
  );
  console.log(JSON.stringify(counts));
  for (const count of Object.values(counts)) expect(count).toBeGreaterThan(20);
});

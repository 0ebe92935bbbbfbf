/** What is wrong with `extensionProviders` is said at load, all of it, each with its path. */
import { beforeAll, expect, test } from "vitest";
import { compile } from "../../tools/compile.ts";
import { ConfigurationRefused } from "../driver.ts";
import { Host, PluginModule } from "../host/index.ts";

let module: PluginModule;
beforeAll(async () => {
  module = PluginModule.compile(await compile("test/authz/custom-module/module.ts"));
}, 120_000);

/** The problems with these providers, one a line; none where they are taken. */
function problems(...extensionProviders: readonly unknown[]): string[] {
  const configuration = JSON.stringify({ extensionProviders });
  try {
    new Host({ logLevel: 3 }).listen({
      plugins: [{ module, name: "custom", rootId: "custom", configuration }],
    });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationRefused)) throw error;
    return error.messages.flatMap((text) => text.split("\n").slice(1));
  }
}

const service = { service: "authz.foo.svc.cluster.local", port: 9000 };
const http = (more: object): unknown => ({ name: "a", envoyExtAuthzHttp: { ...service, ...more } });

test("providers as Istio's documentation has them are taken", () => {
  expect(
    problems({
      name: "sample-ext-authz-grpc",
      envoyExtAuthzGrpc: { service: "foo/ext-authz.foo.svc.cluster.local", port: "9000" },
    }),
  ).toEqual([
    'extensionProviders[0].envoyExtAuthzGrpc.port: expected a whole number from 1 to 65535, got "9000"',
  ]);
  expect(
    problems(
      {
        name: "grpc",
        envoyExtAuthzGrpc: {
          ...service,
          failOpen: true,
          clearRouteCache: true,
          statusOnError: "503",
          timeout: "600s",
        },
      },
      {
        name: "oauth2-proxy",
        envoyExtAuthzHttp: {
          ...service,
          pathPrefix: "/check",
          includeRequestHeadersInCheck: ["cookie", "x-ext-*", "*-id"],
          includeHeadersInCheck: [],
          includeAdditionalHeadersInCheck: { "X-Auth": "istio" },
          headersToUpstreamOnAllow: ["authorization", "path"],
          headersToDownstreamOnAllow: ["set-cookie"],
          headersToDownstreamOnDeny: ["content-type", "set-cookie"],
        },
        cache: { by: [{ header: "authorization" }, { path: {} }], ttl: "10s", maxEntries: 5 },
      },
    ),
  ).toEqual([]);
});

test("a provider is of one kind, and has a name of its own", () => {
  expect(problems({ name: "a" })).toEqual([
    "extensionProviders[0]: expected one of envoyExtAuthzGrpc and envoyExtAuthzHttp",
  ]);
  expect(problems({ name: "a", envoyExtAuthzGrpc: service, envoyExtAuthzHttp: service })).toHaveLength(1);
  expect(problems({ envoyExtAuthzGrpc: service })).toEqual([
    "extensionProviders[0].name: required; expected a name",
  ]);
  expect(problems(http({}), http({}))).toEqual(["extensionProviders[1].name: another one has this name"]);
  expect(problems({ name: "z", zipkin: {} })[0]).toContain("extensionProviders[0].zipkin: unknown field");
});

test("where it is has to be known", () => {
  const at = "extensionProviders[0].envoyExtAuthzGrpc";
  expect(problems({ name: "a", envoyExtAuthzGrpc: {} })).toEqual([
    `${at}.service: required; expected a host, like authz.default.svc.cluster.local`,
    `${at}.port: required; expected a number from 1 to 65535`,
  ]);
  expect(problems({ name: "a", envoyExtAuthzGrpc: { cluster: "c" } })).toEqual([]);
  expect(problems({ name: "a", envoyExtAuthzGrpc: { cluster: "" } })).toHaveLength(1);
  for (const wrong of ["", "a/b/c", "/a", "a|b", "a b", "a/"]) {
    expect(problems({ name: "a", envoyExtAuthzGrpc: { service: wrong, port: 1 } }), wrong).toEqual([
      `${at}.service: expected a host, like authz.default.svc.cluster.local, or namespace/host, got ${JSON.stringify(wrong)}`,
    ]);
  }
});

test.each<[object, string]>([
  [
    { includeRequestBodyInCheck: { maxRequestBytes: 1 } },
    "includeRequestBodyInCheck: the filter decides on a",
  ],
  [{ timeout: "0s" }, "timeout: expected a duration like 2s (1ms to 10m)"],
  [{ timeout: 5 }, "timeout: expected a duration"],
  [{ failOpen: "yes" }, "failOpen: expected true or false"],
  [{ clearRouteCache: "yes" }, "clearRouteCache: expected true or false"],
  [{ statusOnError: "abc" }, "statusOnError: expected an HTTP status"],
  [{ statusOnError: 1000 }, "statusOnError: expected an HTTP status"],
  [{ statusOnError: "4030" }, "statusOnError: expected an HTTP status"],
  [{ statusOnError: 403.5 }, "statusOnError: expected an HTTP status"],
  [{ statusOnError: "" }, "statusOnError: expected an HTTP status"],
  [{ statusOnError: "4e2" }, "statusOnError: expected an HTTP status"],
  [{ pathPrefix: "check" }, "pathPrefix: expected a path that begins with /"],
  [{ pathPrefix: "/a?b" }, "pathPrefix: expected a path that begins with /"],
  [
    { headersToUpstreamOnAllow: ["*"] },
    "headersToUpstreamOnAllow[0]: expected the name of a header, a prefix",
  ],
  [{ headersToDownstreamOnDeny: ["a*b"] }, "headersToDownstreamOnDeny[0]: expected the name of a header"],
  [{ headersToDownstreamOnAllow: ["a", ""] }, "headersToDownstreamOnAllow[1]: expected the name of a header"],
  [{ includeRequestHeadersInCheck: "a" }, "includeRequestHeadersInCheck: expected a list"],
  [{ includeAdditionalHeadersInCheck: ["a"] }, "includeAdditionalHeadersInCheck: expected headers, like"],
  [
    { includeAdditionalHeadersInCheck: { "a b": "1" } },
    'includeAdditionalHeadersInCheck["a b"]: not the name',
  ],
  [{ includeAdditionalHeadersInCheck: { a: "1\n" } }, "includeAdditionalHeadersInCheck.a: expected a text"],
  [
    { includeAdditionalHeadersInCheck: { a: "%B%" } },
    "includeAdditionalHeadersInCheck.a: Envoy would take a %",
  ],
])("refuses %j", (more, wanted) => {
  const found = problems(http(more));
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(`extensionProviders[0].envoyExtAuthzHttp`);
  expect(found[0]).toContain(wanted);
});

test("a value for the service is not shown: it may be a password", () => {
  const [problem] = problems(http({ includeAdditionalHeadersInCheck: { "x-key": "s3cret\n" } }));
  expect(problem).toContain("includeAdditionalHeadersInCheck.x-key: expected a text without control");
  expect(problem).not.toContain("s3cret");
});

test.each<[object, string]>([
  [{}, "cache.by: required"],
  [{ by: [] }, "cache.by: expected a list of 1 to 16 parts"],
  [{ by: [{ host: {} }], ttl: "2h" }, "cache.ttl: expected a duration like 30s (1ms to 1h)"],
  [{ by: [{ host: {} }], maxEntries: 0 }, "cache.maxEntries: expected a whole number from 1 to 100000"],
])("refuses a cache %j", (cache, wanted) => {
  const found = problems({ name: "a", envoyExtAuthzGrpc: service, cache });
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(wanted);
});

test("fields of HTTP are none of gRPC", () => {
  expect(problems({ name: "a", envoyExtAuthzGrpc: { ...service, pathPrefix: "/a" } })[0]).toContain(
    "pathPrefix: unknown field",
  );
});

/** What becomes of request targets in front of the filters: the host has it as Envoy does. */
import { afterAll, describe, expect, test } from "vitest";
import type { Driver, Header, HttpRequest } from "../driver.ts";
import { EnvoyDriver } from "../envoy/driver.ts";
import { HostDriver } from "./driver.ts";

const TARGETS = [
  ...["/", "/admin", "//admin", "/a//b", "/./a", "/a/../b", "/a/./b", "/a/..", "/a/.", "/..", "/../../a"],
  ...["/%2e/a", "/a/%2E%2e/b", "/a/.%2e/b", "/a//../b", "//../a", "/a/%2e%2e%2fb", "/%252e%252e/a"],
  ...[
    "/%61%41%7a%39%2d%5F%7e",
    "/%2fa",
    "/a%2Fb",
    "/%5ca",
    "/a%5C..%5Cb",
    "/a%",
    "/a%zz",
    "/%c3%A9",
    "/a%00",
  ],
  ...[
    "/\\a",
    "/a\\..\\b",
    "/a\\%2e.\\b",
    "/a;x=1",
    "/a;x/../b",
    "/a/..;/b",
    "/a/..;x=1/b",
    "/.;/a",
    "/a/.;x",
  ],
  ...[
    "/a/..%3b/b",
    "/a/...;/b",
    "/a/..;",
    "/..a/b",
    "/a../b",
    "/.a",
    "/a?b=/../c",
    "/a/..?b",
    "/?",
    "/a?x#y",
  ],
  ...["/a#b", "/#", "/!$&'()*+,:@=~_-.", '/"<>^`{|}', "/[x]", '/a?"<>^`{|}', '/a/../"'],
  ...["*", "a", "?a", "\\a", "/a b", "/a\tb", "/\xe9"],
  ...["http://a.test", "http://a.test/b", "HTTP://a.test/b", "https://a.test/b", "http://a.test:81/b/../c"],
  ...[
    "http://u:p@a.test/b",
    "http://@a.test/b",
    "http://u@v@a.test/b",
    "http://A.Test/b",
    "http://[::1]:80/b",
  ],
  ...["http://a.test:/b", "http://a.test:99999/b", "http://a.test:0/b", "http://a_b/c", "http://a%20b/c"],
  ...[
    "http:///b",
    "http:/a/b",
    "http:a/b",
    "http://a.test?b",
    "http://a.test#b",
    "http://a.test/#b",
    "ftp://a/b",
  ],
];

const AUTHORITIES = [
  ...["a.test", "A.Test:80", "user:pw@a.test", "a.test.", "a,b", "a%2eb", "[::1]:80", "*", "a/b", "a b"],
  ...['a"b', "a<b", "a\\b", "a?b", "a#b", "\xe9", "a_b", ""],
];

const get = (path: string, more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: "GET",
  path,
  ...more,
});

const REQUESTS: HttpRequest[] = [
  ...TARGETS.map((path) => get(path)),
  ...AUTHORITIES.map((authority) => get("/", { authority })),
  { method: "OPTIONS", path: "*" },
  { method: "OPTIONS", path: "http://a.test" },
  ...["a.test:80", "a.test", "u@a.test:80", "/a", "a.test:0"].map((path) => ({ method: "CONNECT", path })),
  ...["delete", "Get", "FOO", "TRACE", "PROPFIND"].map((method) => ({ method, path: "/" })),
  get("/", { authority: "a.test", headers: [["host", "b.test"]] }),
  get("/", { authority: "a.test", headers: [["Host", ""]] }),
  get("/", { authority: "", headers: [["host", "b.test"]] }),
  get("http://a.test/", { authority: "b.test", headers: [["host", "c.test"]] }),
];

describe("request targets", () => {
  const drivers: Driver[] = [new HostDriver(), new EnvoyDriver()];

  afterAll(async () => {
    for (const driver of drivers) await driver.close();
  });

  test("reach the upstream, or are refused, as on Envoy", { timeout: 60_000 }, async () => {
    const [host, envoy] = await Promise.all(drivers.map((driver) => driver.open({ plugins: [] })));
    const counts = { passed: 0, refused: 0 };
    for (const request of REQUESTS) {
      const seen = [];
      for (const session of [host!, envoy!]) {
        const { upstream, response, details } = await session.request(request);
        const pseudo = (headers: readonly Header[]): Header[] =>
          headers.filter(([name]) => name.startsWith(":"));
        seen.push({ status: response.status, details, upstream: upstream && pseudo(upstream.headers) });
      }
      expect.soft(seen[0], JSON.stringify(request)).toEqual(seen[1]);
      counts[seen[1]!.status === 200 ? "passed" : "refused"]++;
    }
    expect(Math.min(counts.passed, counts.refused)).toBeGreaterThan(20);
  });
});

/**
 * What an attacker varies in a request against a policy. The advisories are those of Istio and Envoy where just that passed a policy, or
 * met a proxy that it should not have met.
 */
import type { Header, HttpRequest } from "../driver.ts";
import type { Operation, Policy } from "./native.ts";

export interface Attack {
  name: string;
  /** What of it has been an advisory. */
  advisories: readonly string[];
  policies: readonly Policy[];
  requests: readonly HttpRequest[];
}

const deny = (name: string, operation: Operation): Policy => ({
  name,
  action: "DENY",
  rules: [{ to: [{ operation }] }],
});

const allow = (name: string, operation: Operation): Policy => ({ ...deny(name, operation), action: "ALLOW" });

const get = (path: string, more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: "GET",
  path,
  ...more,
});

const to = (authority: string, more: Partial<HttpRequest> = {}): HttpRequest =>
  get("/x", { authority, ...more });

const withHeaders = (...headers: Header[]): HttpRequest => get("/x", { headers });

/** One way to write `/admin` or to get near it, each in a path that a policy might miss. */
const SPELLINGS: readonly string[] = [
  // As it is.
  ...["/", "/admin", "/admin/", "/admin/x", "/adminx", "/ADMIN", "/x/admin", "/public", "/public/x"],
  // Slashes.
  ...["//admin", "///admin", "/admin//", "//admin/x", "/admin//x", "/public//../admin", "/public//x"],
  // Dot segments, escaped or not.
  ...["/./admin", "/admin/.", "/x/../admin", "/public/../admin", "/public/../../admin", "/admin/../public/x"],
  ...[
    "/../admin",
    "/%2e/admin",
    "/x/%2e%2e/admin",
    "/public/%2E%2E/admin",
    "/public/.%2e/admin",
    "/public/..",
    "/..",
  ],
  // Escaped slashes and backslashes.
  ...[
    "/%2fadmin",
    "/%2Fadmin",
    "/admin%2f",
    "/admin%2fx",
    "/x%2fadmin",
    "/public%2f..%2fadmin",
    "/public/%2e%2e%2fadmin",
  ],
  ...["/%5cadmin", "/admin%5Cx", "/public%5c..%5cadmin", "/public%2F%2e%2e%5Cadmin"],
  ...["/\\admin", "/admin\\x", "/public\\..\\admin", "/public/..\\admin", "/public\\x"],
  // Other escapes: once, twice, broken, of no character.
  ...["/%61dmin", "/%41dmin", "/adm%69n", "/%2561dmin", "/%252e%252e/admin", "/public/%252e%252e%252fadmin"],
  ...[
    "/admin%20",
    "/admin%09",
    "/admin%0a",
    "/admin%00",
    "/admin%00/x",
    "/admin%",
    "/admin%2",
    "/admin%zz",
    "/%c0%afadmin",
  ],
  ...[
    "/admin%23",
    "/admin%3f",
    "/admin%3b",
    "/admin%3Fx/../public",
    "/admin.",
    "/admin..",
    "/.admin",
    "/...",
    "/%u0061dmin",
  ],
  // Path parameters.
  ...[
    "/admin;",
    "/admin;x=1",
    "/admin;/x",
    "/;/admin",
    "/x;/admin",
    "/public;/../admin",
    "/public/..;/admin",
  ],
  ...["/public/..;x=/admin", "/public/.;/x", "/public/..%3b/admin", "/admin/;x", "/public/x;/../../admin"],
  // A query or fragment.
  ...[
    "/admin?",
    "/admin?x",
    "/admin/?x",
    "/x?/admin",
    "/public?/../admin",
    "/public/?/../../admin",
    "/?x=/admin",
    "/admin?x?y",
  ],
  ...[
    "/admin#",
    "/admin#x",
    "/x#/admin",
    "/public#/../admin",
    "/admin?x#y",
    "/admin#?",
    "/public/#/../../admin",
  ],
  // Characters that normalisation escapes.
  ...[
    '/admin"',
    "/admin|",
    "/{admin}",
    "/admin^",
    "/<admin>",
    "/admin`",
    "/[admin]",
    "/admin*",
    "/admin~",
    "/admin!$&'()+,=:@",
  ],
  // No path, or a whole URL.
  ...[
    "*",
    "admin",
    "?admin",
    "\\admin",
    "http://a.test/admin",
    "http://a.test",
    "http://a.test/public/../admin",
    "HTTP://a.test//admin",
  ],
  ...[
    "http://a.test/admin#x",
    "http://a.test#/admin",
    "http://a.test?/admin",
    "http:///admin",
    "http:/admin",
    "ftp://a.test/admin",
  ],
];

const METHODS = ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "TRACE", "delete", "Delete", "DELETED", "FOO"];

const HOSTS = [
  ...[
    "admin.test",
    "ADMIN.test",
    "Admin.Test",
    "admin.test:80",
    "admin.test:",
    "admin.test.",
    "admin.test.:80",
  ],
  ...[
    "user@admin.test",
    "user:pw@admin.test",
    "admin.test@other.test",
    "admin.test,other.test",
    " admin.test ",
  ],
  ...[
    "x.internal.test",
    "X.INTERNAL.TEST",
    "x.internal.test:8080",
    "internal.test",
    ".internal.test",
    "xinternal.test",
  ],
  ...[
    "ops.test",
    "OPS.other",
    "ops.",
    "ops",
    "other.test",
    "other.test:80",
    "[::1]",
    "[::1]:80",
    "admin%2etest",
    "*",
    "",
  ],
  ...["admin.test/x", "admin.test\\x", "admin.test?x", "admin.test#x", "admin_test", "admin.test%00"],
];

export const ATTACKS: readonly Attack[] = [
  {
    name: "a path that is denied",
    advisories: ["CVE-2019-9901", "CVE-2021-31920", "CVE-2021-29492", "CVE-2021-39156", "CVE-2026-73551"],
    policies: [deny("admin", { paths: ["/admin", "/admin/*"] })],
    requests: [...SPELLINGS.map((path) => get(path)), { method: "OPTIONS", path: "*" }],
  },
  {
    name: "a path that alone is allowed",
    advisories: ["CVE-2019-9901", "CVE-2021-29492"],
    policies: [allow("public", { paths: ["/public/*", "/public"] })],
    requests: SPELLINGS.map((path) => get(path)),
  },
  {
    name: "all paths but one denied",
    advisories: ["CVE-2021-31920"],
    policies: [deny("not-public", { notPaths: ["/public", "/public/*"] })],
    requests: SPELLINGS.map((path) => get(path)),
  },
  {
    name: "the end of a path",
    advisories: ["CVE-2020-8595"],
    policies: [deny("secret", { paths: ["*/secret", "*.key"] })],
    requests: [
      ...[
        "/secret",
        "/x/secret",
        "/x/secret/",
        "/x%2fsecret",
        "/x/secret;",
        "/x/secret;a=b",
        "/x/secret?y",
        "/x?/secret",
        "/x/secret?",
      ],
      ...[
        "/x/secret#y",
        "/x/secret%20",
        "/x/secre%74",
        "/x/SECRET",
        "/x/secret/.",
        "/x/secret/..",
        "/x/secret//",
        "/a.key",
        "/a.key/",
      ],
      ...[
        "/a.key?",
        "/a.key;x",
        "/a.KEY",
        "/a.key%00",
        "/.key",
        "/%2ekey",
        "/x\\secret",
        "/secret/../secret",
      ],
    ].map((path) => get(path)),
  },
  {
    name: "a template of paths",
    advisories: ["CVE-2025-46821", "CVE-2026-73553"],
    policies: [deny("templates", { paths: ["/t/{*}/x", "/u/{**}/x", "/v/{**}", "/w/{*}"] })],
    requests: [
      ...[
        "/t/a/x",
        "/t//x",
        "/t/x",
        "/t/a/x/",
        "/t/a//x",
        "/t/a/b/x",
        "/t/a%2fb/x",
        "/t/a/x?y",
        "/t/a/x#y",
        "/T/a/x",
        "/t/a/X",
      ],
      ...[
        "/t/a*b/x",
        "/t/*/x",
        "/t/a;b/x",
        "/t/;/x",
        "/t/a|b/x",
        '/t/a"b/x',
        "/t/a[b]/x",
        "/t/a{b}/x",
        "/t/{*}/x",
        "/t/a\\b/x",
        "/t/a%zz/x",
      ],
      ...[
        "/t/a,b/x",
        "/t/a:b@c/x",
        "/t/a!$&'()+=~-._/x",
        "/t/a^b`c/x",
        "/t/<a>/x",
        "/t/./x",
        "/t/../x",
        "/t/%2e%2e/x",
        "/t/a%20b/x",
        "/t/?/x",
      ],
      ...[
        "/u/x",
        "/u//x",
        "/u/a/x",
        "/u/a/b/x",
        "/u/a//b/x",
        "/u/a/b/x/",
        "/u/a%2fx",
        "/u/x/x",
        "/u/a|/x",
        "/u/a/../x",
        "/u/a/x;y",
      ],
      ...[
        "/v",
        "/v/",
        "/v//",
        "/v/a",
        "/v/a/b",
        "/v/a?b",
        "/v/a|b",
        "/v/a[",
        "/v?a",
        "/v%2fa",
        "/w",
        "/w/",
        "/w/a",
        "/w/a/",
        "/w/a/b",
        "/w//a",
      ],
    ].map((path) => get(path)),
  },
  {
    name: "a host that is denied",
    advisories: ["CVE-2021-39155"],
    policies: [deny("hosts", { hosts: ["admin.test", "*.internal.test", "ops.*"] })],
    requests: [
      ...HOSTS.map((host) => to(host)),
      to("admin.test", { headers: [["Host", "other.test"]] }),
      to("other.test", { headers: [["Host", "admin.test"]] }),
      to("admin.test", { headers: [["host", ""]] }),
      to("", { headers: [["host", "admin.test"]] }),
      to("other.test", {
        headers: [
          ["x-forwarded-host", "admin.test"],
          ["forwarded", "host=admin.test"],
        ],
      }),
      ...[
        ...[
          "http://admin.test/x",
          "http://ADMIN.test/x",
          "http://user:pw@admin.test/x",
          "http://admin.test:80/x",
          "https://admin.test/x",
        ],
        ...[
          "http://admin.test",
          "http://other.test/x",
          "http://admin.test./x",
          "http://admin.test:/x",
          "http://admin.test@other.test/x",
        ],
      ].map((path) => get(path, { authority: "other.test" })),
      get("http://other.test/x", { authority: "admin.test" }),
    ],
  },
  {
    name: "a host that alone is allowed, with a port or without",
    advisories: ["CVE-2021-39155", "CVE-2022-21679"],
    policies: [
      allow("hosts", { hosts: ["admin.test", "admin.test:*", "*.internal.test:8080"], notHosts: ["*:81"] }),
    ],
    requests: [...HOSTS, "admin.test:81", "admin.test:8081", "admin.test:x"].map((host) => to(host)),
  },
  {
    name: "any host but some",
    advisories: ["CVE-2021-39155"],
    policies: [allow("any-host", { hosts: ["*"], notHosts: ["admin*", "*:80"] })],
    requests: HOSTS.map((host) => to(host)),
  },
  {
    name: "a method that is denied",
    advisories: [],
    policies: [deny("methods", { methods: ["DELETE", "TR*", "*IONS"] })],
    requests: [
      ...METHODS.map((method) => ({ method, path: "/x" })),
      withHeaders(["x-http-method-override", "DELETE"]),
      { method: "CONNECT", path: "other.test:80" },
    ],
  },
  {
    name: "a method that alone is allowed",
    advisories: [],
    policies: [
      allow("methods", { methods: ["GET"] }),
      allow("any-but", { notMethods: ["GET", "DELETE", "CONNECT"], paths: ["/x"] }),
    ],
    requests: [
      ...METHODS.map((method) => ({ method, path: "/x" })),
      { method: "CONNECT", path: "other.test:80" },
    ],
  },
  {
    name: "a request without a path",
    advisories: ["CVE-2026-73547"],
    policies: [
      deny("no-path", { notPaths: ["/x", "*"] }),
      allow("hosts", { hosts: ["admin.test:80"] }),
      allow("any-path", { paths: ["*"] }),
    ],
    requests: [
      { method: "CONNECT", path: "admin.test:80" },
      { method: "CONNECT", path: "other.test:80" },
      { method: "CONNECT", path: "admin.test" },
      get("/"),
    ],
  },
  {
    name: "a request without a path, which only what is not denied may pass",
    advisories: ["CVE-2026-73547"],
    policies: [deny("path", { paths: ["*", "/{**}"] }), allow("not-path", { notPaths: ["/x"] })],
    requests: [{ method: "CONNECT", path: "other.test:80" }, get("/"), get("/x")],
  },
  {
    name: "a header that is denied, in several lines",
    advisories: ["CVE-2020-25017", "CVE-2026-26308", "CVE-2026-31838"],
    policies: [
      {
        name: "headers",
        action: "DENY",
        rules: [
          { when: [{ key: "request.headers[x-role]", values: ["admin"] }] },
          { when: [{ key: "request.headers[x-prefix]", values: ["adm*"] }] },
          { when: [{ key: "request.headers[x-suffix]", values: ["*min"] }] },
          { when: [{ key: "request.headers[X-Present]", values: ["*"] }] },
          { when: [{ key: "request.headers[x-but]", values: ["*"], notValues: ["ok", "fine*"] }] },
          { when: [{ key: "request.headers[user-agent]", values: ["bad", "b,*"] }] },
          { when: [{ key: "request.headers[cookie]", values: ["a=1"] }] },
          { when: [{ key: "request.headers[:path]", values: ["/zz"] }] },
          { when: [{ key: "request.headers[host]", values: ["h.test"] }] },
        ],
      },
    ],
    requests: [
      ...[
        "admin",
        "Admin",
        "admin ",
        " admin\t",
        "user,admin",
        "admin,user",
        "user, admin",
        "adm\xefn",
        "",
        "admin\x0b",
        "\xa0admin",
      ].map((value) => withHeaders(["x-role", value])),
      withHeaders(["x-role", "user"], ["x-role", "admin"]),
      withHeaders(["X-Role", "admin"], ["x-ROLE", "user"]),
      withHeaders(["x-role", ""], ["x-role", "admin"]),
      withHeaders(["x-role", "user"], ["x-other", "admin"], ["x-role", "guest"]),
      withHeaders(...Array.from({ length: 90 }, (_, at): Header => ["x-role", at === 89 ? "admin" : "user"])),
      withHeaders(["x_role", "admin"]),
      withHeaders(["x-role", "admin"], ["connection", "x-role"]),
      withHeaders(["x-prefix", "user"], ["x-prefix", "admin"]),
      withHeaders(["x-prefix", "user,admin"]),
      withHeaders(["x-suffix", "admin"], ["x-suffix", "user"]),
      withHeaders(["x-suffix", "user"], ["x-suffix", "user"]),
      withHeaders(["x-present", ""]),
      withHeaders(["x-but", "ok"]),
      withHeaders(["x-but", "bad"]),
      withHeaders(["x-but", ""]),
      withHeaders(["x-but", "ok"], ["x-but", "bad"]),
      withHeaders(["x-but", "bad"], ["x-but", "finest"]),
      withHeaders(["user-agent", "bad"]),
      withHeaders(["user-agent", "good"], ["user-agent", "bad"]),
      withHeaders(["user-agent", "b"], ["user-agent", "good"]),
      withHeaders(["cookie", "a=1"]),
      withHeaders(["cookie", "b=1"], ["cookie", "a=1"]),
      withHeaders(["cookie", "a=1; b=1"]),
      get("/zz"),
      get("/zz?x"),
      to("h.test"),
      to("H.test"),
    ],
  },
  {
    name: "a header that alone is allowed, in several lines",
    advisories: ["CVE-2020-25017", "CVE-2026-26308", "CVE-2026-31838"],
    policies: [
      {
        name: "headers",
        action: "ALLOW",
        rules: [
          { when: [{ key: "request.headers[x-role]", values: ["user"] }] },
          {
            when: [
              { key: "request.headers[x-team]", notValues: ["guests", "*x"] },
              { key: "request.headers[x-id]", values: ["*"] },
            ],
          },
        ],
      },
    ],
    requests: [
      withHeaders(["x-role", "user"]),
      withHeaders(["x-role", "admin"], ["x-role", "user"]),
      withHeaders(["x-role", "user,admin"]),
      withHeaders(["x-id", ""]),
      withHeaders(["x-id", "1"], ["x-team", ""]),
      withHeaders(["x-id", "1"], ["x-team", "red"]),
      withHeaders(["x-id", "1"], ["x-team", "guests"]),
      withHeaders(["x-id", "1"], ["x-team", "red"], ["x-team", "guests"]),
      withHeaders(["x-id", "1"], ["x-team", "ax"], ["x-team", "red"]),
      withHeaders(["x-team", "red"]),
      get("/x"),
    ],
  },
  {
    name: "headers in which others tell a path or a host",
    advisories: ["CVE-2023-27487"],
    policies: [deny("admin", { paths: ["/admin"] }), deny("hosts", { hosts: ["admin.test"] })],
    requests: [
      "x-original-url",
      "x-rewrite-url",
      "x-envoy-original-path",
      "x-forwarded-uri",
      "x-forwarded-prefix",
    ].flatMap((name) => [
      get("/x", { headers: [[name, "/admin"]] }),
      get("/admin", { headers: [[name, "/x"]] }),
    ]),
  },
];

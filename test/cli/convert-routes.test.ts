/** What `outrigger convert` makes of VirtualServices. */
import { describe, expect, test } from "vitest";
import { converted, documents, pluginConfigOf, told } from "./converting.ts";
import { gateway, to, virtualService } from "./virtual-services.ts";

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

  test("the domain that a short host is taken for is said", () => {
    const http = [{ match: [{ headers: { a: { exact: "b" } } }], ...to("v2") }];
    const notesOf = (hosts: string[]): string[] =>
      told(converted(documents(virtualService(http, { hosts }))).notes).filter((one) =>
        one.includes("spec.hosts"),
      );
    expect(notesOf(["reviews"])).toEqual([
      expect.stringContaining("is taken for reviews.my-app.svc.cluster.local: where the cluster") as string,
    ]);
    expect(notesOf(["reviews.my-app.svc.cluster.local", "reviews.example"])).toEqual([]);
  });

  test("goes to the proxies of its Gateway, where the input has it", () => {
    const http = [{ match: [{ headers: { a: { exact: "b" } } }], ...to("v2") }];
    const service = virtualService(http, { gateways: ["istio-ingress/public"] });
    expect(converted(documents(service, gateway("public"))).manifests[0]).toMatchObject({
      metadata: { namespace: "istio-ingress" },
      spec: { selector: { matchLabels: { istio: "ingress" } }, match: [{ mode: "CLIENT" }] },
    });
  });

  test("stays as it is where a Gateway's proxies are not known: those of the mesh would load its plugin", () => {
    const http = [{ match: [{ headers: { a: { exact: "b" } } }], ...to("v2") }];
    const edge = (...gateways: string[]): object =>
      virtualService(http, { hosts: ["shop.example"], gateways }, "shop");
    const mesh = virtualService(http);
    const { manifests, left } = converted(documents(edge("mesh", "istio-ingress/public"), mesh));
    expect(manifests.map(({ metadata }) => metadata.name)).toEqual(["dark-launch-reviews", "reviews"]);
    expect(told(left)).toEqual([
      expect.stringMatching(
        /^1 spec\.gateways\[1\]: the Gateway istio-ingress\/public is not in the input, so which proxies/,
      ) as string,
    ]);
    const all = { ...gateway("public"), spec: { servers: [] } };
    expect(told(converted(documents(edge("istio-ingress/public"), all)).left)).toEqual([
      expect.stringContaining("spec.gateways[0]: the Gateway istio-ingress/public has no selector") as string,
    ]);
  });

  test.each(["public", "./public", "public.my-app", "public.my-app.svc.cluster.local", "my-app/public"])(
    "finds its Gateway by the name %s, as istiod does",
    (name) => {
      const http = [{ match: [{ headers: { a: { exact: "b" } } }], ...to("v2") }];
      const local = { ...gateway("public"), metadata: { name: "public", namespace: "my-app" } };
      const { manifests, left } = converted(documents(virtualService(http, { gateways: [name] }), local));
      expect(told(left)).toEqual([]);
      expect(manifests[0]?.spec).toMatchObject({ selector: { matchLabels: { istio: "ingress" } } });
    },
  );

  test("with two gateways of the same proxies becomes one plugin with its rules once", () => {
    const http = [{ match: [{ headers: { a: { exact: "b" } } }], ...to("v2") }];
    const gateways = ["istio-ingress/public", "istio-ingress/partners"];
    const { manifests, left, text } = converted(
      documents(virtualService(http, { gateways }), gateway("public"), gateway("partners")),
    );
    expect(told(left)).toEqual([]);
    expect(manifests.map(({ kind }) => kind)).toEqual(["WasmPlugin", "VirtualService"]);
    expect(pluginConfigOf(manifests[0]).rules).toHaveLength(1);
    expect(text).toContain("For the proxies of the Gateway istio-ingress/partners");
  });

  test("says so where proxies may load two plugins with different rules", () => {
    const http = [{ match: [{ headers: { a: { exact: "b" } } }], ...to("v2") }];
    const remark = (inMesh: string[]): string[] => {
      const mesh = virtualService(http, { hosts: ["a.example"], gateways: inMesh }, "a");
      const edge = virtualService(http, { hosts: ["b.example"], gateways: ["edge"] }, "b");
      const local = { ...gateway("edge"), metadata: { name: "edge", namespace: "my-app" } };
      return told(converted(documents(mesh, edge, local)).notes).filter((one) =>
        one.includes("one of them alone"),
      );
    };
    expect(remark(["mesh"])).toEqual([
      expect.stringContaining(
        "1 : A proxy that loads this plugin and that of VirtualService my-app/b ",
      ) as string,
      expect.stringContaining(
        "3 : A proxy that loads this plugin and that of VirtualService my-app/a ",
      ) as string,
    ]);
    expect(remark(["edge"])).toEqual([]);
  });

  test("says so of Gateways of two namespaces with one selector, which are of the same proxies", () => {
    const http = [{ match: [{ headers: { a: { exact: "b" } } }], ...to("v2") }];
    const remarks = (labels: object): string[] => {
      const input = ["one", "other"].flatMap((namespace) => [
        virtualService(http, { hosts: [`${namespace}.example`], gateways: [`${namespace}/edge`] }, namespace),
        {
          ...gateway("edge"),
          metadata: { name: "edge", namespace },
          spec: { selector: namespace === "one" ? { istio: "ingress" } : labels },
        },
      ]);
      return told(converted(documents(...input)).notes).filter((one) => one.includes("one of them alone"));
    };
    expect(remarks({ istio: "ingress" })).toEqual([
      expect.stringContaining(
        "1 : A proxy that loads this plugin and that of VirtualService my-app/other ",
      ) as string,
      expect.stringContaining(
        "5 : A proxy that loads this plugin and that of VirtualService my-app/one ",
      ) as string,
    ]);
    expect(remarks({ istio: "egress" })).toEqual([]);
  });

  test("in the root namespace is for all, which is said, and meets those of any", () => {
    const http = [{ match: [{ headers: { a: { exact: "b" } } }], ...to("v2") }];
    const mesh = {
      ...virtualService(http, { hosts: ["a.example"] }, "mesh"),
      metadata: { name: "mesh", namespace: "istio-system" },
    };
    const own = virtualService(http, { hosts: ["b.example"] }, "own");
    const { notes, text } = converted(documents(mesh, own));
    expect(text).toContain(
      "this reaches the sidecars and gateways of all namespaces, since its own (istio-system)",
    );
    expect(told(notes).filter((one) => one.includes("one of them alone"))).toEqual([
      expect.stringContaining("that of VirtualService my-app/own follows one of them alone") as string,
      expect.stringContaining("that of VirtualService istio-system/mesh follows one of them alone") as string,
    ]);
    const root = documents({ meshConfig: { rootNamespace: "other-root" } });
    expect(told(converted(`${root}---\n${documents(mesh, own)}`).notes).join("\n")).not.toContain(
      "one of them alone",
    );
  });

  test("keeps the path that a rewrite replaces, and the names, beside the header", () => {
    const uri = { prefix: "/api" };
    const headers = { a: { exact: "b" } };
    const named = { name: "m", statPrefix: "s", uri, ignoreUriCase: true };
    const http = [
      { match: [{ ...named, headers }], rewrite: { uri: "/" }, ...to("v2") },
      {
        match: [
          { uri, headers },
          { uri, withoutHeaders: { c: {} } },
        ],
        rewrite: { uri: "/" },
        ...to("v3"),
      },
      {
        match: [
          { uri, headers },
          { uri: { prefix: "/b" }, headers },
        ],
        rewrite: { uri: "/" },
        ...to("v4"),
      },
      { match: [{ uri, headers }, { headers }], ...to("v5") },
    ];
    const { manifests, left } = converted(documents(virtualService(http)));
    expect(told(left)).toEqual([
      expect.stringMatching(/^1 spec\.http\[2\]: a rewrite of the path that was matched/) as string,
    ]);
    const follows = (variant: string): object => ({ headers: { "x-variant": { exact: variant } } });
    expect((manifests[1]?.spec.http as { match: object }[]).map(({ match }) => match)).toEqual([
      [{ ...named, ...follows("v2") }],
      [{ uri, ...follows("v3") }],
      http[2]!.match,
      [{ uri, ...follows("v5") }, follows("v5")],
    ]);
  });

  test("has no alternative that one before it has covered, now that their headers are one", () => {
    const a = { headers: { a: { exact: "b" } } };
    const c = { headers: { c: { exact: "d" } } };
    const prefix = (text: string): object => ({ uri: { prefix: text } });
    const anyCase = { ...prefix("/A"), ignoreUriCase: true };
    const kept = (...match: object[]): unknown => {
      const { manifests, left } = converted(documents(virtualService([{ match, ...to("v2") }])));
      expect(told(left)).toEqual([]);
      return (manifests[1]?.spec.http as { match: object[] }[])[0]!.match;
    };
    const header = { headers: { "x-variant": { exact: "v2" } } };
    expect(kept(a, { ...prefix("/x"), ...c })).toEqual([header]);
    expect(kept({ ...prefix("/"), ...a }, { uri: { exact: "/x" }, ...c })).toEqual([
      { ...prefix("/"), ...header },
    ]);
    expect(kept({ ...anyCase, ...a }, { ...prefix("/aB"), ...c })).toEqual([{ ...anyCase, ...header }]);
    expect(kept({ ...prefix("/"), ...a }, { ...anyCase, ...c })).toEqual([{ ...prefix("/"), ...header }]);
    const regex = { uri: { regex: "/x.*" } };
    expect(kept({ ...regex, ...a }, { ...regex, ignoreUriCase: false, ...c })).toEqual([
      { ...regex, ...header },
    ]);
    const exact = { uri: { exact: "/X" }, ignoreUriCase: true };
    expect(kept({ ...exact, ...a }, { uri: { exact: "/x" }, ...c })).toEqual([{ ...exact, ...header }]);
    expect(kept({ uri: {}, ...a }, { ...regex, ...c })).toEqual([{ uri: {}, ...header }]);
    const apart: object[][] = [
      [prefix("/x"), {}],
      [prefix("/x"), prefix("/")],
      [prefix("/A"), { ...prefix("/A"), ignoreUriCase: true }],
      [prefix("/"), { uri: { regex: "/x.*" } }],
      [{ uri: { exact: "/x" } }, prefix("/x")],
      [{}, { name: "n" }],
    ];
    for (const [one, other] of apart)
      expect(kept({ ...one, ...a }, { ...other, ...c })).toEqual([
        { ...one, ...header },
        { ...other, ...header },
      ]);
  });

  test("of more specific hosts goes before another, and has variants of its own", () => {
    const http = [{ match: [{ headers: { a: { exact: "b" } } }], ...to("v2") }];
    const wide = virtualService(http, { hosts: ["*.example"] }, "wide");
    const narrow = virtualService(http, { hosts: ["shop.example"] }, "narrow");
    const { manifests, left } = converted(documents(wide, narrow));
    expect(told(left)).toEqual([]);
    expect(pluginConfigOf(manifests[0]).rules).toMatchObject([
      { name: "narrow-http-0", variant: "v2-2" },
      { name: "wide-http-0", variant: "v2" },
    ]);
    expect(manifests[2]?.spec.http).toMatchObject([
      { match: [{ headers: { "x-variant": { exact: "v2-2" } } }] },
    ]);
  });

  test.each([
    [["shop.example"], ["shop.example"]],
    [
      ["shop.example", "*.org"],
      ["*.example", "www.org"],
    ],
  ])("whose hosts %j meet %j of another stays as it is", (one, other) => {
    const http = [{ match: [{ headers: { a: { exact: "b" } } }], ...to("v2") }];
    const { manifests, left } = converted(
      documents(
        virtualService(http, { hosts: one }, "first"),
        virtualService(http, { hosts: other }, "second"),
      ),
    );
    expect(told(left)).toEqual([
      expect.stringMatching(
        /^3 : stays as it is: it has hosts that VirtualService my-app\/first has too/,
      ) as string,
    ]);
    expect(manifests.map(({ metadata }) => metadata.name)).toEqual(["dark-launch-first", "first"]);
  });

  test("that the filter refuses stays by itself", () => {
    const http = (regex: string): object[] => [{ match: [{ headers: { a: { regex } } }], ...to("v2") }];
    const { manifests, left } = converted(
      documents(
        virtualService(http("("), { hosts: ["a.example"] }, "wrong"),
        virtualService(http("x+"), { hosts: ["b.example"] }, "right"),
      ),
    );
    expect(told(left)[0]).toMatch(
      /^1 : dark-launch refuses what was made of it, so it stays as it is: rules\[0\]/,
    );
    expect(manifests.map(({ metadata }) => metadata.name)).toEqual(["dark-launch-right", "right"]);
  });

  test("that the filter takes by itself and not with another stays, and so does the other; those of other proxies go on", () => {
    // Two of these are more than the filter reads.
    const exact = "x".repeat(9 * 2 ** 20);
    const large = [{ match: [{ headers: { a: { exact } } }], ...to("v2") }];
    const small = [{ match: [{ headers: { a: { exact: "b" } } }], ...to("v2") }];
    const gateways = ["istio-ingress/public"];
    const { manifests, left } = converted(
      documents(
        virtualService(large, { hosts: ["a.example"] }, "one"),
        virtualService(large, { hosts: ["b.example"] }, "other"),
        virtualService(small, { hosts: ["c.example"], gateways }, "edge"),
        gateway("public"),
      ),
    );
    expect(told(left)).toEqual([
      "1 : dark-launch refuses what was made of it: larger than 16777216 bytes",
      "1 : stays as it is: a plugin that its routes would follow is refused",
      "3 : stays as it is: a plugin that its routes would follow is refused",
    ]);
    expect(manifests.map(({ metadata }) => metadata.name)).toEqual(["dark-launch-ingress-edge", "edge"]);
  });

  test.each([
    [
      "a route that stays",
      [{ match: [{ headers: { "X-Variant": { exact: "v2" } }, port: 80 }], ...to("v2") }],
    ],
    [
      "a route without headers but these",
      [{ match: [{ withoutHeaders: { "x-variant": {} }, typo: 1 }], ...to("v2") }],
    ],
  ])("is not converted where %s matches the routing header, which the plugin removes", (_, http) => {
    const rule = { match: [{ headers: { a: { exact: "b" } } }], ...to("v3") };
    const text = documents(
      virtualService([...http, rule], { hosts: ["a.example"] }, "a"),
      virtualService([rule], { hosts: ["b.example"] }, "b"),
    );
    const { manifests, left } = converted(text);
    expect(manifests).toEqual([]);
    expect(told(left)).toContainEqual(
      expect.stringMatching(
        /^1 spec\.http\[0\]\.match\[0\]\.(?:headers|withoutHeaders)\S+: the routing header, which the plugin writes .* another --header/,
      ) as string,
    );
    const other = converted(text, { header: "x-launch" });
    expect(other.manifests.map(({ metadata }) => metadata.name)).toEqual(["dark-launch", "a", "b"]);
  });

  test("says who does not load the plugin, and what clients may do then", () => {
    const http = [{ match: [{ headers: { a: { exact: "b" } } }], ...to("v2") }];
    const { text } = converted(documents(virtualService(http)));
    expect(text).toContain("a waypoint that routes for them does not");
    expect(text).toMatch(/# .* lets clients choose a route by that header\.$/m);
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

/** What becomes of the rate limits of EnvoyFilters; beside Envoy itself in `convert-rate-limits.envoy.test.ts`. */
import { afterAll, describe, expect, test } from "vitest";
import { Folder } from "./command.ts";
import { converted, documents, pluginConfigOf, told, URL_OF_TESTS } from "./converting.ts";
import {
  envoyFilter,
  filterPatch,
  globalFilter,
  globalResources,
  hostPatch,
  localFilter,
} from "./rate-limit-filters.ts";

const folder = new Folder();
afterAll(() => folder.remove());

describe("rate-limit EnvoyFilters", () => {
  const limits = [{ actions: [{ request_headers: { header_name: "x-user", descriptor_key: "user" } }] }];

  test("the filter and the routes' limits together are a plugin for the same listeners", () => {
    const { manifests, left } = converted(documents(...globalResources("shop", limits)));
    expect(left).toEqual([]);
    expect(manifests).toMatchObject([
      {
        metadata: { namespace: "istio-system" },
        spec: {
          selector: { matchLabels: { istio: "ingressgateway" } },
          match: [{ mode: "CLIENT" }],
          failStrategy: "FAIL_RELOAD",
          pluginConfig: {
            domain: "shop",
            failureMode: "deny",
            service: { cluster: "ratelimit", timeout: "5000ms" },
            limits: [
              { name: "user", descriptor: [{ key: "user", from: { header: "x-user" }, hash: false }] },
            ],
            response: { status: 429, body: "", headers: { "x-envoy-ratelimited": "true" } },
            responseHeaders: "off",
          },
        },
      },
    ]);
    expect(manifests[0]?.spec).not.toHaveProperty("phase");
  });

  test("headers about the limit say more than Envoy's do, and that is told", () => {
    const asking = (filter: object, asked: string): string =>
      converted(
        documents(
          envoyFilter("all", [
            filterPatch("of", { ...filter, enable_x_ratelimit_headers: asked }),
            hostPatch("", limits),
          ]),
        ),
      ).text;
    for (const filter of [globalFilter("shop"), localFilter(5, {}, true)]) {
      expect(asking(filter, "DRAFT_VERSION_03")).toMatch(/^# x-ratelimit-limit lists each limit /m);
      expect(asking(filter, "OFF")).not.toContain("x-ratelimit-limit");
    }
  });

  test("one without the other is named", () => {
    const [filter, routes] = globalResources("shop", limits) as [object, object];
    expect(told(converted(documents(filter)).left)[0]).toContain("no rate_limits for it in the input");
    const other = JSON.parse(JSON.stringify(routes).replaceAll("GATEWAY", "SIDECAR_INBOUND")) as object;
    expect(told(converted(documents(filter, other)).left).join("\n")).toContain("not for the same proxies");
    const staged = globalResources("shop", [{ ...limits[0], stage: 2 }]);
    expect(told(converted(documents(...staged)).left)[0]).toContain("stage 2: of no filter in the input");
    expect(told(converted(documents(routes)).left)[0]).toContain(
      "the filter that these rate limits are for is not in the input",
    );
  });

  test("a filter without a domain, and an EnvoyFilter without patches, are named", async () => {
    const filter = { ...globalFilter("shop"), domain: undefined, rate_limits: limits };
    const input = documents(
      envoyFilter("none", []),
      envoyFilter("g", [filterPatch("envoy.filters.http.ratelimit", filter)]),
    );
    expect(told(converted(input).left)).toEqual([
      "1 : EnvoyFilter istio-system/none has no configPatches",
      expect.stringContaining(".typed_config: domain is missing") as string,
    ]);
    const run = await folder.run("convert", "--url", URL_OF_TESTS, folder.write("filters.yaml", input));
    expect(run.status).toBe(1);
    expect(run.stderr).toContain("nothing could be converted\n");
  });

  test("what the service's configuration limits is told, and what it does not is noted", () => {
    const config = (key: string): object => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "ratelimit-config" },
      data: {
        "config.yaml": `domain: shop\ndescriptors:\n- key: ${key}\n  rate_limit: { unit: minute, requests_per_unit: 7 }\n`,
      },
    });
    const resources = globalResources("shop", limits);
    const right = converted(documents(...resources, config("user")));
    expect(right.text).toContain("# user: 7 a minute, says ConfigMap ratelimit-config config.yaml.");
    const wrong = converted(documents(...resources, config("usr")));
    expect(told(wrong.notes).join("\n")).toContain(
      "limit user: the service's configuration has no limit for its descriptor",
    );
    const other = converted(documents(...globalResources("other", limits), config("user")));
    expect(told(other.notes).join("\n")).toContain(
      'no ratelimit configuration in the input has the domain "other"',
    );
  });

  test.each([
    [
      "an action without an entry of ours",
      [{ actions: [{ source_cluster: {} }] }],
      "rate_limits[0].actions[0].source_cluster: ",
    ],
    [
      "a limit out of metadata",
      [
        { ...limits[0], limit: {} },
        { ...limits[0], disable_key: "x" },
      ],
      "rate_limits[1].disable_key: ",
    ],
    [
      "a field that nobody knows",
      [{ ...limits[0], typo: 1 }],
      "rate_limits[0].typo: not known to this command",
    ],
  ])("%s is named, and nothing comes of the whole", (_, wrong, message) => {
    const { manifests, left } = converted(documents(...globalResources("shop", wrong)));
    expect(manifests).toEqual([]);
    expect(told(left).join("\n")).toContain(message);
  });

  test("each resource of a plugin that its filter refuses is named", () => {
    const headers = [{ name: "x", string_match: { safe_regex: { regex: "(" } } }];
    const action = { header_value_match: { descriptor_value: "x", headers } };
    const { manifests, left } = converted(documents(...globalResources("shop", [{ actions: [action] }])));
    expect(manifests).toEqual([]);
    expect(told(left)).toEqual([
      expect.stringContaining("1 : global-rate-limit refuses what was made of it: limits[0].match") as string,
      "3 : stays as it is: the plugin that it is part of is refused",
    ]);
  });

  test("routes by host and name are conditions; a route's limits go instead of its virtual host's", () => {
    const of = (applyTo: string, vhost: object, value: object): object => ({
      applyTo,
      match: { context: "GATEWAY", routeConfiguration: { vhost } },
      patch: { operation: "MERGE", value },
    });
    const patches = [
      filterPatch("envoy.filters.http.ratelimit", globalFilter("shop")),
      of("VIRTUAL_HOST", { name: "shop.example:80" }, { rate_limits: limits }),
      of(
        "HTTP_ROUTE",
        { name: "shop.example:80", route: { name: "cart" } },
        { route: { rate_limits: limits } },
      ),
    ];
    const { manifests, left, notes } = converted(documents(envoyFilter("all", patches)));
    expect(left).toEqual([]);
    expect(told(notes)).toContainEqual(
      expect.stringMatching(
        /^1 spec\.configPatches\[2\]\.match\.routeConfiguration\.vhost\.route: the plugin knows the route that Envoy has found so far/,
      ) as string,
    );
    const shop = 'xds.virtual_host_name == "shop.example:80"';
    const cart = 'xds.route_name == "cart"';
    expect(pluginConfigOf(manifests[0]).limits).toMatchObject([
      { name: "user", match: { cel: shop, not: { cel: cart } } },
      { name: "user-2", match: { cel: `${shop} && ${cart}` } },
    ]);
  });

  describe("what is said of routes is for these routes alone", () => {
    const LOCAL = "envoy.filters.http.local_ratelimit";
    const bucket = (tokens: number): object => ({
      ...localFilter(tokens, {}, true),
      rate_limits: undefined,
      descriptors: undefined,
    });
    const users = (ofUsers: Record<string, number>): object => ({
      ...localFilter(100, ofUsers, true),
      rate_limits: undefined,
    });
    const off = { "@type": (bucket(1) as Record<string, unknown>)["@type"], stat_prefix: "off" };
    /** A patch of routes: `limits`, or a bucket with so many tokens. */
    const patch = (
      name: string,
      route: string | null,
      what: readonly object[] | number,
      more = {},
    ): object => {
      const level = route === null ? "VIRTUAL_HOST" : "HTTP_ROUTE";
      const value =
        typeof what === "number"
          ? { typed_per_filter_config: { [LOCAL]: bucket(what) } }
          : route === null
            ? { rate_limits: what }
            : { route: { rate_limits: what, ...more } };
      const vhost = { name, ...(route === null ? {} : { route: { name: route } }) };
      return {
        applyTo: level,
        match: { context: "GATEWAY", routeConfiguration: { vhost } },
        patch: { operation: "MERGE", value },
      };
    };
    const limitsOf = (
      ...patches: object[]
    ): { name: string; match?: object; limit?: { requests: number } }[] => {
      const { manifests, left } = converted(documents(envoyFilter("all", patches)));
      expect(told(left)).toEqual([]);
      return pluginConfigOf(manifests[0]).limits as { name: string; match?: object }[];
    };
    const matchesOf = (...patches: object[]): unknown[] =>
      limitsOf(...patches).map(({ match, limit }) => [limit?.requests ?? null, match ?? {}]);
    const global = filterPatch("envoy.filters.http.ratelimit", globalFilter("shop"));
    const vhost = (name: string): string => `xds.virtual_host_name == "${name}"`;
    const big = 'xds.route_name == "big"';

    test.each([
      ["a service, which has a host for each way to call it", "reviews.my-app.svc.cluster.local:9080"],
      ["hosts that the mesh does not know", "allow_any"],
      ["one port of a sidecar", "inbound|http|9080"],
      ["one port of a gateway", "shop.example:443"],
      ["hosts that no other virtual host has", "*:80"],
    ])("a virtual host by its name: %s", (_, name) => {
      expect(matchesOf(global, patch(name, null, limits))).toEqual([[null, { cel: vhost(name) }]]);
    });

    test("what it takes to know them is said", () => {
      const { text } = converted(
        documents(envoyFilter("all", [global, patch("a:80", null, limits), patch("", "big", limits)])),
      );
      expect(text).toContain(
        "# Virtual hosts are known by their names (xds.virtual_host_name), which Envoy tells since 1.33",
      );
      expect(text).toContain("# A route is the one that Envoy found when the request came.");
    });

    test("descriptors of a local filter, too", () => {
      const filter = filterPatch(LOCAL, users({ ann: 10 }));
      const ann = { headers: { "x-user": { exact: "ann" } } };
      expect(matchesOf(filter, patch("shop:80", null, limits))).toEqual([
        [10, { cel: vhost("shop:80"), ...ann }],
        [100, {}],
      ]);
      expect(matchesOf(filter, patch("", null, limits), patch("a:80", "big", limits))).toEqual([
        [10, { not: { cel: `${vhost("a:80")} && ${big}` }, ...ann }],
        [10, { cel: `${vhost("a:80")} && ${big}`, ...ann }],
        [100, {}],
      ]);
      const included = patch("a:80", "big", limits, { include_vh_rate_limits: true });
      expect(matchesOf(filter, patch("", null, limits), included)[0]).toEqual([10, ann]);
    });

    test("the most specific configuration of a local filter is the only one", () => {
      const filter = filterPatch(LOCAL, off);
      const [a, ofRoute] = [patch("a:80", null, 1), patch("a:80", "big", 4)];
      const expected = [
        [4, { cel: `${vhost("a:80")} && ${big}` }],
        [1, { cel: vhost("a:80"), not: { cel: big } }],
      ];
      expect(matchesOf(filter, ofRoute, a)).toEqual(expected);
      expect(matchesOf(filter, a, ofRoute)).toEqual([...expected].reverse());
      const all = filterPatch(LOCAL, bucket(9));
      expect(matchesOf(all, a, ofRoute, patch("b:80", "big", 2)).at(-1)).toEqual([
        9,
        { not: { cel: `${vhost("a:80")} || (${vhost("b:80")} && ${big})` } },
      ]);
    });

    test.each([
      ["a:80", "", 1],
      ["", "big", 1],
      ["", null, 1],
      ["a:80", "big", 0],
      ["a:80", null, 0],
      ["inbound|http|80", "", 0],
    ])("buckets that Envoy has several of are noted: virtual host %j, route %j", (name, route, count) => {
      const { text, notes } = converted(
        documents(envoyFilter("all", [filterPatch(LOCAL, off), patch(name, route, 4)])),
      );
      const several = told(notes).filter((one) => one.includes("of these has a bucket of its own"));
      expect(several.length).toBe(count);
      expect(text).toContain("# A bucket is one for all requests of a direction");
    });

    describe("a filter has what routes say for it by its name in the chain", () => {
      const bucketsOf = (manifest: Parameters<typeof pluginConfigOf>[0]): unknown[] =>
        (pluginConfigOf(manifest).limits as { match?: object; limit: { requests: number } }[]).map(
          ({ match, limit }) => [limit.requests, match ?? {}],
        );
      const ofRoute = (name: string, level: "VIRTUAL_HOST" | "HTTP_ROUTE", ...tokens: number[]): object => ({
        applyTo: level,
        match: { context: "GATEWAY", routeConfiguration: { vhost: { name: "a:80" } } },
        patch: {
          operation: "MERGE",
          value: {
            typed_per_filter_config: Object.fromEntries(
              tokens.map((each, at) => [at === 0 ? name : `${name}-${at}`, bucket(each)]),
            ),
          },
        },
      });

      test("whatever that is", () => {
        expect(matchesOf(filterPatch("shop", off), ofRoute("shop", "HTTP_ROUTE", 3))).toEqual([
          [3, { cel: vhost("a:80") }],
        ]);
      });

      test("and not under another one, which Envoy looks at for no filter", () => {
        const { manifests, left } = converted(
          documents(envoyFilter("all", [filterPatch("shop", bucket(9)), ofRoute(LOCAL, "VIRTUAL_HOST", 3)])),
        );
        expect(bucketsOf(manifests[0])).toEqual([[9, {}]]);
        expect(told(left)).toEqual([
          expect.stringContaining(
            `spec.configPatches[1]: no filter of the input that is for the same proxies is called ${LOCAL}`,
          ) as string,
        ]);
      });

      test("several filters each their own, of one patch too", () => {
        const { manifests, left } = converted(
          documents(
            envoyFilter("all", [
              filterPatch("shop", bucket(9)),
              filterPatch("shop-1", off),
              ofRoute("shop", "VIRTUAL_HOST", 3, 4),
            ]),
          ),
        );
        expect(told(left)).toEqual([]);
        expect(manifests.map(bucketsOf)).toEqual([
          [
            [3, { cel: vhost("a:80") }],
            [9, { not: { cel: vhost("a:80") } }],
          ],
          [[4, { cel: vhost("a:80") }]],
        ]);
      });

      test("a global one too, whose is not converted", () => {
        const perRoute = ofRoute("limits", "VIRTUAL_HOST");
        Object.assign((perRoute as { patch: { value: object } }).patch.value, {
          typed_per_filter_config: {
            limits: {
              "@type": "type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute",
              vh_rate_limits: "IGNORE",
            },
          },
        });
        const { manifests, left } = converted(
          documents(
            envoyFilter("all", [
              filterPatch("limits", globalFilter("shop")),
              patch("a:80", null, limits),
              perRoute,
            ]),
          ),
        );
        expect(manifests).toEqual([]);
        expect(told(left).join("\n")).toContain("(RateLimitPerRoute), which is not converted");
      });
    });

    test("of patches of one EnvoyFilter the later one; of two, the order is not in them", () => {
      const filter = filterPatch(LOCAL, off);
      const patches = [patch("", "big", 1), patch("a:80", "", 4)];
      expect(matchesOf(filter, ...patches)).toEqual([
        [1, { cel: big, not: { cel: vhost("a:80") } }],
        [4, { cel: vhost("a:80") }],
      ]);
      const { left, manifests } = converted(
        documents(...[[filter, patches[0]!], [patches[1]!]].map((of, at) => envoyFilter(`f${at}`, of))),
      );
      expect(manifests).toEqual([]);
      expect(told(left).join("\n")).toContain(
        "EnvoyFilter istio-system/f1 has a configuration for the same routes too",
      );
    });

    test("a context of their own, where the filter is for any, is named", () => {
      const any = JSON.parse(JSON.stringify(global).replace("GATEWAY", "ANY")) as object;
      const { left, manifests } = converted(
        documents(envoyFilter("all", [any, patch("a:80", null, limits)])),
      );
      expect(manifests).toEqual([]);
      expect(told(left)[0]).toContain("says what routes of GATEWAY have");
    });

    test.each([
      [
        "a local limit by the name of a route configuration",
        filterPatch(LOCAL, bucket(1000)),
        { ...patch("a:80", "login", 1), name: "http.8080" },
        "routeConfiguration.name: a plugin sees all route configurations",
      ],
      [
        "a global limit, and a timeout",
        global,
        patch("a:80", "login", limits, { timeout: "3s" }),
        "route.timeout: not about rate limits",
      ],
      [
        "an operation of its own",
        global,
        { ...patch("a:80", "login", limits), operation: "ADD" },
        "operation ADD: expected MERGE",
      ],
      [
        "what a global filter does otherwise for a route, by its own limits too",
        filterPatch("envoy.filters.http.ratelimit", { ...globalFilter("shop"), rate_limits: limits }),
        {
          ...patch("a:80", "login", limits),
          patch: {
            operation: "MERGE",
            value: { typed_per_filter_config: { "envoy.filters.http.ratelimit": { rate_limits: limits } } },
          },
        },
        "what Envoy's filter does otherwise for these routes",
      ],
    ])("a filter stays with a patch of routes that is not converted whole: %s", (_, filter, of, message) => {
      const { name, operation, ...whole } = of as Record<string, unknown>;
      const { match, patch: said, applyTo } = whole as Record<string, Record<string, object>>;
      const login = {
        applyTo,
        match: { ...match, routeConfiguration: { ...match!.routeConfiguration, ...(name ? { name } : {}) } },
        patch: { ...said, ...(operation ? { operation } : {}) },
      };
      const all = [filter, patch("a:80", null, limits), login];
      const { manifests, left } = converted(documents(envoyFilter("all", all)));
      expect(manifests).toEqual([]);
      const messages = told(left).join("\n");
      expect(messages).toContain(message);
      expect(messages).toContain(
        "the filter stays as it is: spec.configPatches[2] of EnvoyFilter istio-system/all says what routes have of it",
      );
    });

    describe("a filter stays with what an EnvoyFilter of other proxies says of routes, where some may be of both", () => {
      const filter = envoyFilter("lim", [global, patch("a:80", null, limits)]);
      const routes = (spec: object, namespace = "istio-system"): object => ({
        ...envoyFilter("routes", []),
        metadata: { name: "routes", namespace },
        spec: { configPatches: [patch("a:80", "login", limits)], ...spec },
      });
      const narrower = { workloadSelector: { labels: { istio: "ingressgateway", app: "ig" } } };

      test.each([
        ["a narrower selector", routes(narrower)],
        ["no selector", routes({})],
        [
          "any side of all proxies",
          JSON.parse(JSON.stringify(routes({})).replace("GATEWAY", "ANY")) as object,
        ],
      ])("%s", (_, other) => {
        for (const input of [
          [filter, other],
          [other, filter],
        ]) {
          const { manifests, left } = converted(documents(...input));
          expect(manifests).toEqual([]);
          const messages = told(left).join("\n");
          expect(messages).toContain(
            "the filter stays as it is: spec.configPatches[0] of EnvoyFilter istio-system/routes says what routes have of it, for other proxies",
          );
          expect(messages).not.toContain("not in the input");
        }
      });

      test.each([
        ["another value of a label", routes({ workloadSelector: { labels: { istio: "egressgateway" } } })],
        [
          "another side",
          JSON.parse(JSON.stringify(routes({})).replace("GATEWAY", "SIDECAR_INBOUND")) as object,
        ],
      ])("but not %s", (_, other) => {
        const { manifests, left } = converted(documents(filter, other));
        expect(manifests.length).toBe(1);
        expect(told(left)).toEqual([expect.stringContaining("not in the input") as string]);
      });

      test("nor another namespace, but of the root namespace all", () => {
        const here = JSON.parse(JSON.stringify(filter).replace("istio-system", "my-app")) as object;
        expect(converted(documents(here, routes(narrower, "elsewhere"))).manifests.length).toBe(1);
        expect(converted(documents(here, routes(narrower))).manifests).toEqual([]);
      });

      test("nor another Gateway by reference", () => {
        const at = (name: string, patches: readonly object[]): object => ({
          ...envoyFilter(name, []),
          spec: { targetRefs: [{ kind: "Gateway", name }], configPatches: patches },
        });
        const both = [
          at("one", [global, patch("a:80", null, limits)]),
          at("other", [global, patch("b:80", null, limits)]),
        ];
        const { manifests, left } = converted(documents(...both));
        expect(told(left)).toEqual([]);
        expect(manifests.length).toBe(2);
      });

      test("and what a converted filter has is not said to go, where one that stays looks at it", () => {
        const wide = routes({ configPatches: [global] });
        const { manifests, left, text } = converted(
          documents(filter, JSON.parse(JSON.stringify(wide).replace("GATEWAY", "ANY")) as object),
        );
        expect(manifests.length).toBe(1);
        expect(text).toContain("Instead of patches of EnvoyFilter istio-system/lim");
        expect(told(left)).toContainEqual(
          expect.stringContaining(
            "spec.configPatches[1]: the filter of EnvoyFilter istio-system/routes looks at it",
          ),
        );
      });
    });

    test("a patch of routes stays with a filter that cannot be converted, beside one that can", () => {
      const other = JSON.parse(
        JSON.stringify(filterPatch("other", globalFilter("other"))).replace("INSERT_BEFORE", "REPLACE"),
      ) as object;
      const { manifests, left, text } = converted(
        documents(
          envoyFilter("filters", [global, other]),
          envoyFilter("routes", [patch("a:80", null, limits)]),
        ),
      );
      expect(manifests.length).toBe(1);
      expect(text).toContain("Instead of patches of EnvoyFilter istio-system/routes");
      expect(told(left)).toEqual([
        expect.stringContaining("operation REPLACE: expected one that inserts the filter") as string,
        expect.stringContaining("the filter of EnvoyFilter istio-system/filters looks at it") as string,
      ]);
    });

    test("limits beside a route's action are none, as istiod has it", () => {
      const beside = (route: object): object => ({
        applyTo: "HTTP_ROUTE",
        match: { context: "GATEWAY" },
        patch: { operation: "MERGE", value: { rate_limits: limits, ...route } },
      });
      for (const route of [{}, { route: { rate_limits: limits } }]) {
        const { manifests, left } = converted(documents(envoyFilter("all", [global, beside(route)])));
        expect(manifests).toEqual([]);
        expect(told(left).join("\n")).toContain(
          "spec.configPatches[1].patch.value.rate_limits: a route of Envoy has its rate limits in `route`",
        );
      }
    });

    test("an operation that does more than add to them is named", () => {
      const replacing = JSON.parse(
        JSON.stringify(patch("a:80", null, limits)).replace("MERGE", "MERGE_AND_REPLACE_LIST"),
      ) as object;
      const { left } = converted(documents(envoyFilter("all", [global, replacing])));
      expect(told(left)[0]).toContain("operation MERGE_AND_REPLACE_LIST: expected MERGE");
    });
  });

  test("a cluster that a patch adds for a service of Kubernetes is Istio's own", () => {
    const address = { socket_address: { address: "ratelimit.shop.svc.cluster.local", port_value: 8081 } };
    const cluster = {
      applyTo: "CLUSTER",
      match: { context: "GATEWAY" },
      patch: {
        operation: "ADD",
        value: {
          name: "ratelimit",
          load_assignment: { endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
        },
      },
    };
    const { manifests } = converted(
      documents(...globalResources("shop", limits), envoyFilter("c", [cluster])),
    );
    expect(pluginConfigOf(manifests[0]).service).toMatchObject({
      cluster: "outbound|8081||ratelimit.shop.svc.cluster.local",
    });
  });

  describe("one EnvoyFilter with more than its plugin has", () => {
    const lua = filterPatch("envoy.filters.http.lua", {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
    });
    const global = filterPatch("x", { ...globalFilter("shop"), rate_limits: limits });
    const local = filterPatch("y", {
      ...localFilter(1, {}, true),
      token_bucket: { max_tokens: 1, tokens_per_fill: 1, fill_interval: "7s" },
    });
    const cluster = (of: string, address = "limits.example"): object => ({
      applyTo: "CLUSTER",
      patch: {
        operation: "ADD",
        value: {
          name: of,
          load_assignment: {
            endpoints: [
              {
                lb_endpoints: [{ endpoint: { address: { socket_address: { address, port_value: 8081 } } } }],
              },
            ],
          },
        },
      },
    });
    const GOES = "Instead of EnvoyFilter istio-system/all, which may go once this is loaded.";
    const STAYS =
      "Instead of patches of EnvoyFilter istio-system/all: take them out of it once this is loaded";

    test.each([
      ["nothing", [], [], GOES],
      ["another filter", [lua], ["not one of Envoy's rate limit filters"], STAYS],
      ["a rate limit that is refused", [local], ["1 in 7000 ms is no whole number"], STAYS],
      [
        "a cluster of another filter",
        [cluster("opa")],
        ["a cluster that no plugin of the output calls"],
        STAYS,
      ],
      ["the cluster that it calls", [cluster("ratelimit")], [], STAYS],
      ["a cluster that it need not call", [cluster("ratelimit", "limits.my-app.svc")], [], GOES],
      [
        "two clusters of one name",
        [cluster("ratelimit"), cluster("ratelimit")],
        ["a cluster that no plugin of the output calls"],
        STAYS,
      ],
    ])("%s", (_, patches, messages, comment) => {
      const { left, text } = converted(documents(envoyFilter("all", [global, ...patches])));
      expect(text).toContain(`# ${comment}`);
      expect(told(left)).toEqual(messages.map((one) => expect.stringContaining(one) as string));
    });

    test("says which domain the cluster's service is taken for", () => {
      const notesOf = (address: string): string =>
        told(converted(documents(envoyFilter("all", [global, cluster("ratelimit", address)]))).notes).join();
      expect(notesOf("limits.my-app.svc")).toContain("where the cluster's domain is cluster.local");
      expect(notesOf("limits.my-app.svc.mesh.example")).not.toContain("domain is");
    });

    test("says which cluster stays", () => {
      const { text, notes } = converted(documents(envoyFilter("all", [global, cluster("ratelimit")])));
      expect(text).toContain(
        "# It calls the cluster ratelimit, which EnvoyFilter istio-system/all adds: keep",
      );
      expect(told(notes).join("\n")).toContain(
        "spec.configPatches[1]: the cluster ratelimit, which the plugin calls",
      );
    });

    test("what routes say stays with the filter that looks at it", () => {
      const routes = (value: object): object => ({
        applyTo: "VIRTUAL_HOST",
        match: { context: "GATEWAY" },
        patch: { operation: "MERGE", value },
      });
      const off = filterPatch("y", {
        ...localFilter(1, { ann: 1 }, true),
        rate_limits: undefined,
        typo: 1,
      });
      const asking = filterPatch("x", globalFilter("shop"));
      const of = (...patches: object[]): ReturnType<typeof converted> =>
        converted(
          documents(
            envoyFilter("filters", patches),
            envoyFilter("routes", [routes({ rate_limits: limits })]),
          ),
        );
      const both = of(asking, off);
      expect(both.manifests.length).toBe(1);
      expect(both.text).toContain("Instead of patches of EnvoyFilter istio-system/routes");
      expect(told(both.left)).toEqual([
        expect.stringContaining("typed_config.typo: not known to this command") as string,
        expect.stringContaining(
          "spec.configPatches[0]: the filter of EnvoyFilter istio-system/filters looks at it",
        ) as string,
      ]);
      const { "@type": type, ...bucket } = localFilter(4, {}, true) as Record<string, unknown>;
      const perFilter = {
        "envoy.filters.http.local_ratelimit": { ...bucket, "@type": type, rate_limits: undefined },
      };
      const alone = converted(
        documents(
          envoyFilter("all", [asking, routes({ rate_limits: limits, typed_per_filter_config: perFilter })]),
        ),
      );
      expect(alone.manifests.length).toBe(1);
      expect(told(alone.left)).toEqual([
        expect.stringContaining(
          "no filter of the input that is for the same proxies is called envoy.filters.http.local_ratelimit",
        ) as string,
      ]);
    });
  });

  describe("a filter that another patch changes stays as it is", () => {
    const GLOBAL = "envoy.filters.http.ratelimit";
    const filters = (): object =>
      envoyFilter("filters", [filterPatch(GLOBAL, globalFilter("shop")), hostPatch("", limits)]);
    /** A patch of the filter with this name. */
    const changing = (operation: string, name: string, context = "GATEWAY"): object => ({
      applyTo: "HTTP_FILTER",
      match: {
        context,
        listener: {
          filterChain: {
            filter: { name: "envoy.filters.network.http_connection_manager", subFilter: { name } },
          },
        },
      },
      patch: {
        operation,
        ...(operation === "REMOVE" ? {} : { value: { name, typed_config: { ...globalFilter("other") } } }),
      },
    });

    test.each(["MERGE", "REPLACE", "REMOVE"])("by %s", (operation) => {
      const { manifests, left } = converted(
        documents(filters(), envoyFilter("change", [changing(operation, GLOBAL)])),
      );
      expect(manifests).toEqual([]);
      expect(told(left).join("\n")).toContain(
        `the filter stays as it is: spec.configPatches[0] of EnvoyFilter istio-system/change changes it (${operation})`,
      );
    });

    test.each([
      ["another filter", changing("REMOVE", "envoy.filters.http.fault"), "istio-system"],
      ["other listeners", changing("REMOVE", GLOBAL, "SIDECAR_INBOUND"), "istio-system"],
      ["other proxies", changing("REMOVE", GLOBAL), "edge"],
    ])("but not by one of %s", (_, change, namespace) => {
      const labels = { istio: namespace === "edge" ? "egressgateway" : "ingressgateway" };
      const { manifests } = converted(
        documents(filters(), envoyFilter("change", [change], { namespace, labels })),
      );
      expect(manifests.length).toBe(1);
    });
  });

  test("other patches stay, and are named", () => {
    const lua = filterPatch("envoy.filters.http.lua", {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
    });
    const { left, manifests } = converted(documents(envoyFilter("lua", [lua])));
    expect(manifests).toEqual([]);
    expect(told(left)[0]).toContain("not one of Envoy's rate limit filters");
  });

  const bucket = { ...localFilter(10, {}, true), rate_limits: undefined };

  /** A local rate limit, inserted before this filter, or before all where there is none. */
  function inserted(
    context: string,
    before: string | null,
    spec: object,
    operation = "INSERT_BEFORE",
  ): object {
    const filter = {
      name: "envoy.filters.network.http_connection_manager",
      ...(before === null ? {} : { subFilter: { name: before } }),
    };
    const patch = {
      applyTo: "HTTP_FILTER",
      match: { context, listener: { filterChain: { filter } } },
      patch: {
        operation,
        value: { name: "envoy.filters.http.local_ratelimit", typed_config: bucket },
      },
    };
    return {
      apiVersion: "networking.istio.io/v1alpha3",
      kind: "EnvoyFilter",
      metadata: { name: "l", namespace: "my-app" },
      spec: { configPatches: [patch], ...spec },
    };
  }

  const selector = (labels: object): object => ({ workloadSelector: { labels } });
  const SHOP = selector({ app: "shop" });

  test.each([
    ["SIDECAR_INBOUND", {}, "SERVER"],
    ["SIDECAR_OUTBOUND", SHOP, "CLIENT"],
    ["ANY", SHOP, "CLIENT_AND_SERVER"],
    ["GATEWAY", selector({ istio: "ingress" }), "CLIENT"],
    ["GATEWAY", selector({ edge: "yes", app: "shop" }), "CLIENT"],
  ])("context %s of %j is mode %s", (context, spec, mode) => {
    const gateway = {
      apiVersion: "networking.istio.io/v1",
      kind: "Gateway",
      metadata: { name: "edge", namespace: "my-app" },
      spec: { selector: { edge: "yes" } },
    };
    const { manifests, left, notes } = converted(documents(inserted(context, null, spec), gateway));
    expect(told(left)).toEqual([]);
    expect(told(notes)).toEqual([]);
    expect(manifests[0]?.spec.match).toEqual([{ mode }]);
  });

  test.each([
    ["GATEWAY", {}, "match.context: the patch is for gateways, and no selector says so"],
    ["GATEWAY", SHOP, "match.context: the patch is for gateways, and no selector says so"],
    ["GATEWAY", { targetRefs: [] }, "match.context: the patch is for gateways, and no selector says so"],
    ["SIDECAR_OUTBOUND", selector({ istio: "ingressgateway" }), "match.context: the patch is for sidecars"],
    [
      "WAYPOINT",
      { targetRefs: [{ kind: "Gateway", name: "w" }] },
      "match.context: expected ANY, SIDECAR_INBOUND",
    ],
    ["sidecar", SHOP, "match.context: expected ANY, SIDECAR_INBOUND"],
  ])("context %s of %j is left, and named", (context, spec, message) => {
    const { manifests, left } = converted(documents(inserted(context, null, spec)));
    expect(manifests).toEqual([]);
    expect(told(left).join("\n")).toContain(message);
  });

  test.each([
    ["envoy.http_connection_manager", "envoy.filters.http.router"],
    ["envoy.filters.network.http_connection_manager", "router"],
    ["envoy.filters.network.http_connection_manager", "envoy.router"],
  ])("a place by names that istiod knows no filter by: %s, %s", (manager, before) => {
    const text = JSON.stringify(inserted("SIDECAR_INBOUND", before, {})).replace(
      "envoy.filters.network.http_connection_manager",
      manager,
    );
    const { manifests, left } = converted(text);
    expect(manifests).toEqual([]);
    expect(told(left).length).toBe(1);
  });

  test("outbound listeners of all sidecars are those of gateways too, which is noted", () => {
    const { manifests, notes } = converted(documents(inserted("SIDECAR_OUTBOUND", null, {})));
    expect(manifests[0]?.spec.match).toEqual([{ mode: "CLIENT" }]);
    expect(told(notes).join("\n")).toContain("and the plugin for gateways of the same namespaces too");
  });

  test.each([
    ["INSERT_BEFORE", null, { phase: "AUTHN", priority: 1000 }],
    ["INSERT_FIRST", "router", { phase: "AUTHN", priority: 1000 }],
    ["INSERT_BEFORE", "router", {}],
    ["INSERT_BEFORE", "jwt_authn", { phase: "AUTHN" }],
    ["INSERT_AFTER", "jwt_authn", { phase: "AUTHZ" }],
    ["INSERT_BEFORE", "rbac", { phase: "AUTHZ" }],
    ["INSERT_BEFORE", "fault", null],
    ["INSERT_AFTER", "rbac", null],
    ["INSERT_AFTER", "router", null],
  ])("%s %s stands in %j", (operation, before, place) => {
    const name = before === null ? null : `envoy.filters.http.${before}`;
    const { manifests, left, text } = converted(
      documents(inserted("SIDECAR_INBOUND", name, SHOP, operation)),
    );
    if (place === null) {
      expect(manifests).toEqual([]);
      expect(told(left)[0]).toContain(`.filter.subFilter: ${operation} ${name}: no plugin stands there`);
      return;
    }
    const isLast = Object.keys(place).length === 0;
    expect(text.includes("# It stands before Istio's filters for faults, CORS and telemetry")).toBe(isLast);
    const { phase, priority } = manifests[0]!.spec;
    expect({ phase, priority }).toEqual({ phase: undefined, priority: undefined, ...place });
  });

  test("Envoy's local filter with a bucket for all, values and any other value", () => {
    const typed = localFilter(10, { ann: 5, "": 2 }, false);
    const { manifests, left } = converted(
      documents(envoyFilter("local", [filterPatch("envoy.filters.http.local_ratelimit", typed)])),
    );
    expect(left).toEqual([]);
    expect(pluginConfigOf(manifests[0])).toMatchObject({
      limits: [
        {
          name: "user",
          key: [{ header: "x-user" }],
          limit: { requests: 2, per: "hour" },
          overrides: [{ key: ["ann"], limit: { requests: 5, per: "hour" } }],
        },
        {
          name: "all",
          match: { not: { headers: { "x-user": { present: true } } } },
          limit: { requests: 10, per: "hour" },
        },
      ],
      response: { status: 429, body: "local_rate_limited" },
    });
  });

  test("a local filter that Envoy would not enforce is in shadow, and one that is off is named", () => {
    const typed = { ...localFilter(10, {}, true), rate_limits: undefined };
    const of = (more: object): ReturnType<typeof converted> =>
      converted(
        documents(
          envoyFilter("l", [filterPatch("envoy.filters.http.local_ratelimit", { ...typed, ...more })]),
        ),
      );
    expect(pluginConfigOf(of({ filter_enforced: undefined }).manifests[0]).limits).toMatchObject([
      { mode: "shadow" },
    ]);
    expect(told(of({ filter_enabled: undefined }).left)[0]).toContain("filter_enabled is 0 %");
    const bucket = (fill_interval: string): unknown =>
      (
        pluginConfigOf(
          of({ token_bucket: { max_tokens: 20, tokens_per_fill: 5, fill_interval } }).manifests[0],
        ).limits as { limit: unknown }[] | undefined
      )?.[0]?.limit;
    expect(bucket("0.5s")).toEqual({ requests: 10, per: "second", burst: 20 });
    expect(bucket("30s")).toEqual({ requests: 10, per: "minute", burst: 20 });
    expect(bucket("604800s")).toBeUndefined();
  });

  test("what the plugin has nothing of, and requests do not depend on, is noted", () => {
    const header = { key: "x-limited", value: "yes" };
    const typed = {
      ...bucket,
      filter_enabled: { runtime_key: "on", default_value: { numerator: 100, denominator: "HUNDRED" } },
      request_headers_to_add_when_not_enforced: [{ header: { key: "x-over", value: "1" } }],
      response_headers_to_add: [
        { header, append: false, append_action: "ADD_IF_ABSENT", keep_empty_value: true },
      ],
    };
    const local = converted(documents(envoyFilter("l", [filterPatch("x", typed)])));
    expect(told(local.left)).toEqual([]);
    const grpc_service = {
      envoy_grpc: { cluster_name: "ratelimit", authority: "limits" },
      retry_policy: { num_retries: 3 },
    };
    const service = { transport_api_version: "V3", grpc_service };
    const asks = { ...globalFilter("shop"), rate_limit_service: service, rate_limits: limits };
    const filter = envoyFilter("g", [filterPatch("x", asks)]) as { spec: object };
    const global = converted(documents({ ...filter, spec: { ...filter.spec, priority: 5 } }));
    expect(told(global.left)).toEqual([]);
    expect(local.manifests.length + global.manifests.length).toBe(2);
    const paths = [...local.notes, ...global.notes].map(({ path }) => path.replace(/^.*typed_config\./, ""));
    expect(paths).toEqual(
      expect.arrayContaining([
        "filter_enabled.runtime_key",
        "request_headers_to_add_when_not_enforced",
        "response_headers_to_add[0].append",
        "response_headers_to_add[0].append_action",
        "response_headers_to_add[0].keep_empty_value",
        "rate_limit_service.grpc_service.retry_policy",
        "rate_limit_service.grpc_service.envoy_grpc.authority",
        "spec.priority",
      ]),
    );
  });

  test("what a text matcher of a query parameter has beside is named", () => {
    const matcher = (more: object): object => ({
      query_parameter_value_match: {
        descriptor_value: "p",
        query_parameters: [{ name: "q", string_match: { exact: "1", ...more } }],
      },
    });
    const of = (more: object): string[] =>
      told(converted(documents(...globalResources("shop", [{ actions: [matcher(more)] }]))).left);
    expect(of({})).toEqual([]);
    expect(of({ typo: 1 })[0]).toContain(".query_parameters[0].string_match.typo: not known to this command");
  });

  test.each([
    ["ROUTE", [expect.stringContaining("vhost.route: the plugin counts requests too that a redirect")]],
    ["ANY", []],
  ])("routes whose action is %s", (action, said) => {
    const route = {
      applyTo: "HTTP_ROUTE",
      match: { context: "GATEWAY", routeConfiguration: { vhost: { route: { action } } } },
      patch: {
        operation: "MERGE",
        value: {
          typed_per_filter_config: { "envoy.filters.http.local_ratelimit": localFilter(4, {}, true) },
        },
      },
    };
    const filter = filterPatch("envoy.filters.http.local_ratelimit", {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
      stat_prefix: "x",
    });
    const { left, notes } = converted(documents(envoyFilter("local", [filter, route])));
    expect(told(left)).toEqual([]);
    expect(told(notes).filter((note) => note.includes("vhost.route"))).toEqual(said);
  });

  test("a route's configuration in a TypedStruct, as Istio's documentation has it", () => {
    const value = { ...localFilter(4, {}, true), "@type": undefined, rate_limits: undefined };
    const struct = {
      "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
      type_url: "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
    };
    const route = {
      applyTo: "HTTP_ROUTE",
      match: { context: "GATEWAY", routeConfiguration: { vhost: { route: { action: "ANY" } } } },
      patch: {
        operation: "MERGE",
        value: { typed_per_filter_config: { "envoy.filters.http.local_ratelimit": { ...struct, value } } },
      },
    };
    const filter = filterPatch("envoy.filters.http.local_ratelimit", {
      ...struct,
      value: { stat_prefix: "x" },
    });
    const { manifests, left } = converted(documents(envoyFilter("local", [filter, route])));
    expect(told(left)).toEqual([]);
    expect(pluginConfigOf(manifests[0]).limits).toEqual([
      { name: "all", limit: { requests: 4, per: "hour" } },
    ]);
  });
});

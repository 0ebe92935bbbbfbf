import { describe, expect, test } from "vitest";
import { compareWithModel } from "../authz/as-the-model.ts";
import type { PolicySet } from "../authz/policies.ts";
import { loadModule } from "../host/driver.ts";
import { converted, documents, pluginConfigOf, told } from "./converting.ts";
import { gateway, to, virtualService } from "./virtual-services.ts";

const SELECTOR = { matchLabels: { app: "reviews" } };

function policy(name: string, spec: object, metadata: object = {}): object {
  return {
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: { name, namespace: "my-app", ...metadata },
    spec,
  };
}

function authentication(name: string, spec: object, namespace = "my-app"): object {
  return {
    apiVersion: "security.istio.io/v1",
    kind: "RequestAuthentication",
    metadata: { name, namespace },
    spec,
  };
}

const GET = [{ to: [{ operation: { methods: ["GET"] } }] }];
const RULE = { issuer: "https://issuer.test", jwksUri: "https://issuer.test/keys" };

describe("policies become one plugin for each target", () => {
  test("those of a selector together, with the tokens of the same, and others apart", () => {
    const { manifests, left } = converted(
      documents(
        policy("allow", { selector: SELECTOR, rules: GET }),
        policy("deny", { selector: SELECTOR, action: "DENY", rules: GET }),
        authentication("jwt", { selector: SELECTOR, jwtRules: [RULE] }),
        policy("ratings", { selector: { matchLabels: { app: "ratings" } }, rules: GET }),
      ),
    );
    expect(left).toEqual([]);
    expect(manifests.map(({ metadata }) => metadata.name)).toEqual(["authz-reviews", "authz-ratings"]);
    expect(manifests[0]).toMatchObject({
      apiVersion: "extensions.istio.io/v1alpha1",
      kind: "WasmPlugin",
      metadata: { namespace: "my-app" },
      spec: {
        selector: SELECTOR,
        phase: "AUTHZ",
        match: [{ mode: "SERVER" }],
        failStrategy: "FAIL_RELOAD",
        pluginName: "authz",
        pluginConfig: {
          jwtRules: [RULE],
          policies: [
            { name: "allow", namespace: "my-app", rules: GET },
            { name: "deny", namespace: "my-app", action: "DENY", rules: GET },
          ],
        },
      },
    });
  });

  test("a dry run stays one", () => {
    const { manifests } = converted(
      documents(policy("trial", { rules: GET }, { annotations: { "istio.io/dry-run": "true" } })),
    );
    expect(pluginConfigOf(manifests[0]).policies).toMatchObject([{ name: "trial", mode: "shadow" }]);
  });

  test("targetRefs are kept, and are for both sides of a proxy, since gateways and waypoints have one", () => {
    const targetRefs = [{ kind: "Gateway", group: "gateway.networking.k8s.io", name: "waypoint" }];
    const { manifests } = converted(documents(policy("w", { targetRefs, rules: GET })));
    expect(manifests[0]?.spec).toMatchObject({ targetRefs, match: [{ mode: "CLIENT_AND_SERVER" }] });
  });

  test("a targetRef is a list of one, since a TrafficExtension has no other, and is the same target as that list", () => {
    const targetRef = { kind: "Gateway", group: "gateway.networking.k8s.io", name: "edge" };
    const text = documents(
      policy("a", { targetRef, action: "DENY", rules: GET }),
      policy("b", { targetRefs: [targetRef], action: "DENY", rules: GET }),
    );
    for (const kind of ["WasmPlugin", "TrafficExtension"] as const) {
      const { manifests, left } = converted(text, { kind });
      expect(told(left)).toEqual([]);
      expect(manifests).toHaveLength(1);
      expect(manifests[0]).toMatchObject({
        metadata: { name: "authz-edge" },
        spec: { targetRefs: [targetRef] },
      });
      expect(manifests[0]?.spec).not.toHaveProperty("targetRef");
    }
  });

  test("an empty list of targetRefs is none, as istiod has it", () => {
    const targetRef = { kind: "Gateway", group: "gateway.networking.k8s.io", name: "edge" };
    const specOf = (spec: object): unknown =>
      converted(documents(policy("a", { targetRefs: [], rules: GET, ...spec }))).manifests[0]?.spec;
    expect(specOf({})).toMatchObject({ match: [{ mode: "SERVER" }] });
    expect(specOf({})).not.toHaveProperty("targetRefs");
    expect(specOf({ selector: SELECTOR })).toMatchObject({ selector: SELECTOR, match: [{ mode: "SERVER" }] });
    expect(specOf({ targetRef })).toMatchObject({ targetRefs: [targetRef] });
  });

  test.each([
    [{ istio: "ingressgateway" }, "CLIENT_AND_SERVER"],
    [{ istio: "egress" }, "CLIENT_AND_SERVER"],
    [{ app: "istio-ingress" }, "CLIENT_AND_SERVER"],
    [{ "gateway.networking.k8s.io/gateway-name": "edge" }, "CLIENT_AND_SERVER"],
    [{ edge: "yes", zone: "a" }, "CLIENT_AND_SERVER"],
    [{ edge: "no" }, "SERVER"],
    [{ app: "payment-gateway" }, "SERVER"],
    [{ app: "ingress" }, "SERVER"],
  ])(
    "labels %j are of mode %s, by Istio's names or a Gateway of the input, which is told",
    (labels, mode) => {
      const edge = {
        apiVersion: "networking.istio.io/v1",
        kind: "Gateway",
        metadata: { name: "edge", namespace: "elsewhere" },
        spec: { selector: { edge: "yes" }, servers: [] },
      };
      const { manifests, left, text } = converted(
        documents(edge, policy("w", { selector: { matchLabels: labels }, rules: GET })),
      );
      expect(told(left)).toEqual([]);
      expect(manifests[0]?.spec.match).toEqual([{ mode }]);
      expect(text).toContain(
        mode === "SERVER"
          ? "# For the inbound side of sidecars (mode SERVER)"
          : `# For gateways, as ${"edge" in labels ? "Gateway elsewhere/edge" : "the label "}`,
      );
    },
  );

  test("--gateway says it of all, but those of the root namespace without labels, which sidecars would load", () => {
    const here = policy("here", { action: "DENY", rules: GET });
    const mesh = policy("mesh", { action: "DENY", rules: GET }, { namespace: "istio-system" });
    const edge = policy(
      "edge",
      { selector: { matchLabels: { app: "edge" } }, action: "DENY", rules: GET },
      { namespace: "istio-system" },
    );
    const { manifests, left, text } = converted(documents(here, mesh, edge), { gateway: true });
    expect(manifests.map(({ metadata, spec }) => [metadata.name, spec.match])).toEqual([
      ["authz-here", [{ mode: "CLIENT_AND_SERVER" }]],
      ["authz-edge", [{ mode: "CLIENT_AND_SERVER" }]],
    ]);
    expect(told(left)).toEqual([
      expect.stringMatching(/^3 spec: for all proxies of the mesh: with --gateway its sidecars/) as string,
    ]);
    expect(text).toContain("the sidecars of its namespace would ask it about the requests that they send");
  });

  test("--gateway converts ALLOW policies beside one of the mesh that allows nothing", () => {
    const nothing = policy("nothing", {}, { namespace: "istio-system" });
    const edge = policy("edge", { selector: { matchLabels: { istio: "ingressgateway" } }, rules: GET });
    for (const gateway of [true, false]) {
      const { manifests, left, text } = converted(documents(nothing, edge), { gateway });
      expect(manifests.map(({ metadata }) => metadata.name)).toEqual(["authz-edge"]);
      expect(told(left)).toEqual([
        expect.stringMatching(/^1 spec: allows nothing: it stays with Istio, /) as string,
      ]);
      expect(text).toContain("# Beside AuthorizationPolicy my-app/edge, which stays applied");
    }
    expect(told(converted(documents(nothing), { gateway: true }).left)).toEqual([
      expect.stringContaining("for all proxies of the mesh: with --gateway") as string,
    ]);
  });

  test("a policy for sidecars does not go where it is for gateways too", () => {
    const { text, notes } = converted(
      documents(policy("mesh-deny", { action: "DENY", rules: GET }, { namespace: "istio-system" })),
    );
    expect(text).toMatch(
      /^# Instead of .*, which may go once this is loaded, if its proxies are all sidecars that serve HTTP alone\.$/m,
    );
    expect(told(notes).join("\n")).toContain("keep what it was made of where it is for gateways too");
    const tokens = converted(documents(authentication("jwt", { jwtRules: [RULE] })));
    expect(tokens.text).toMatch(/^# Instead of .*, if its proxies are all sidecars\.$/m);
  });

  test.each([
    ["ipBlocks", { rules: [{ from: [{ source: { ipBlocks: ["10.0.0.0/8"] } }] }] }],
    ["source.ip", { rules: [{ when: [{ key: "source.ip", values: ["10.0.0.0/8"] }] }] }],
  ])("%s bring the companion", (_, spec) => {
    const { manifests } = converted(documents(policy("near", { selector: SELECTOR, ...spec })));
    expect(manifests.length).toBe(2);
    expect(manifests[1]).toMatchObject({
      metadata: { name: "authz-near-peer", namespace: "my-app" },
      spec: { selector: SELECTOR, type: "NETWORK", match: [{ mode: "SERVER" }], pluginName: "authz" },
    });
  });

  test("names are their own in each namespace, and a companion says whose it is", () => {
    const near = { action: "DENY", rules: [{ from: [{ source: { ipBlocks: ["10.0.0.0/8"] } }] }] };
    const long = "n".repeat(60);
    const { manifests, text, left } = converted(
      documents(
        policy("a", { ...near, selector: { matchLabels: { app: "near" } } }),
        policy("a2", { selector: { matchLabels: { app: "near" } }, action: "DENY", rules: GET }),
        policy("b", { ...near, selector: { matchLabels: { version: "near" } } }),
        policy("b2", { selector: { matchLabels: { version: "near" } }, action: "DENY", rules: GET }),
        policy(
          "one",
          { action: "DENY", rules: GET, selector: { matchLabels: { app: "x" } } },
          { namespace: long },
        ),
        policy(
          "one",
          { action: "DENY", rules: GET, selector: { matchLabels: { app: "y" } } },
          { namespace: `${long}2` },
        ),
        policy(
          "One",
          { action: "DENY", rules: GET, selector: { matchLabels: { app: "z" } } },
          { namespace: long },
        ),
      ),
    );
    expect(told(left)).toEqual([]);
    expect(manifests.map(({ metadata }) => metadata.name)).toEqual([
      ...["authz-near", "authz-near-peer", "authz-near-2", "authz-near-2-peer"],
      ...["authz-one", "authz-one", "authz-one-2"],
    ]);
    expect(text).toContain("# Hands the address of the connection's peer to authz-near-2, ");
  });

  test("policies are for HTTP alone, which comments and notes say; tokens are anyway", () => {
    const { text, notes } = converted(documents(policy("allow", { rules: GET })));
    expect(text).toMatch(/^# Instead of .* that serve HTTP alone\.$/m);
    expect(text).toContain(
      "# It sees HTTP requests. Istio enforces an AuthorizationPolicy for TCP connections too",
    );
    expect(told(notes).join("\n")).toContain("Keep the policies, with their RequestAuthentications");
    expect(converted(documents(authentication("jwt", { jwtRules: [RULE] }))).text).not.toContain("TCP");
  });

  test("remoteIpBlocks do not", () => {
    const spec = { rules: [{ from: [{ source: { remoteIpBlocks: ["10.0.0.0/8"] } }] }] };
    expect(converted(documents(policy("far", spec))).manifests.length).toBe(1);
  });
});

describe("what two plugins cannot say together stays with Istio", () => {
  test("ALLOW policies of targets that meet, where Istio asks for the leave of one", () => {
    const { manifests, left } = converted(
      documents(policy("all", { rules: GET }), policy("reviews", { selector: SELECTOR, rules: GET })),
    );
    expect(manifests).toEqual([]);
    expect(told(left)).toEqual([
      expect.stringContaining("an ALLOW policy, and so is AuthorizationPolicy my-app/reviews") as string,
      expect.stringContaining("an ALLOW policy, and so is AuthorizationPolicy my-app/all") as string,
    ]);
  });

  test("an ALLOW policy without rules, beside which others are converted, and stay too", () => {
    const nothing = policy("nothing", {});
    const deny = policy("deny", { action: "DENY", rules: GET });
    const viewers = [{ from: [{ source: { requestPrincipals: ["*"] } }], ...GET[0] }];
    const reviews = policy("reviews", { selector: SELECTOR, rules: viewers });
    const jwt = authentication("jwt", { selector: SELECTOR, jwtRules: [RULE] });
    const { manifests, left, text } = converted(documents(nothing, deny, reviews, jwt));
    expect(manifests.map(pluginConfigOf)).toMatchObject([
      { policies: [{ name: "deny" }] },
      { policies: [{ name: "reviews" }] },
    ]);
    expect(manifests[1]).not.toHaveProperty("spec.pluginConfig.jwtRules");
    expect(told(left)).toEqual([
      expect.stringMatching(/^1 spec: allows nothing: it stays with Istio, /) as string,
      expect.stringMatching(
        /^7 spec: stays with Istio: AuthorizationPolicy my-app\/nothing does, /,
      ) as string,
    ]);
    expect(text).toContain("# Instead of AuthorizationPolicy my-app/deny, which may go once this is loaded");
    expect(text).toContain(
      "# Beside AuthorizationPolicy my-app/reviews, which stays applied: AuthorizationPolicy my-app/nothing stays with Istio, and lets pass only what Istio's own ALLOW policies do.",
    );
    const others = authentication("others", { jwtRules: [{ ...RULE, issuer: "https://other.test" }] });
    const tokens = converted(documents(nothing, deny, reviews, jwt, others));
    expect(told(tokens.left)).toContainEqual(
      expect.stringMatching(
        /^9 spec: stays with Istio: RequestAuthentication my-app\/jwt looks at the same tokens/,
      ),
    );
    expect(tokens.manifests[0]).not.toHaveProperty("spec.pluginConfig.jwtRules");
    const alone = converted(documents(nothing, deny));
    expect(alone.left).toEqual([]);
    expect(pluginConfigOf(alone.manifests[0]).policies).toMatchObject([
      { name: "nothing" },
      { name: "deny" },
    ]);
  });

  test("of what stands beside an ALLOW policy without rules, the ALLOW policies alone, and tokens where these look at them", () => {
    const all = [
      policy("nothing", {}),
      policy("reviews", { selector: SELECTOR, rules: GET }),
      policy("deny", {
        selector: SELECTOR,
        action: "DENY",
        rules: [{ from: [{ source: { notRequestPrincipals: ["*"] } }] }],
      }),
      authentication("jwt", { selector: SELECTOR, jwtRules: [RULE] }),
    ];
    const { manifests, left, text } = converted(documents(...all));
    expect(told(left)).toEqual([
      expect.stringMatching(/^1 spec: allows nothing: it stays with Istio, /) as string,
    ]);
    expect(manifests.map(pluginConfigOf)).toMatchObject([
      { jwtRules: [RULE], policies: [{ name: "reviews" }, { name: "deny" }] },
    ]);
    expect(text).toContain(
      "# Instead of RequestAuthentication my-app/jwt, AuthorizationPolicy my-app/deny, which may go once this is loaded",
    );
    expect(text).toContain("# Beside AuthorizationPolicy my-app/reviews, which stays applied: ");
  });

  test("not where their labels exclude each other, or only one of them allows", () => {
    const other = { matchLabels: { app: "ratings", version: "v1" } };
    const apart = documents(
      policy("a", { selector: SELECTOR, rules: GET }),
      policy("b", { selector: other, rules: GET }),
    );
    expect(converted(apart)).toMatchObject({ left: [], manifests: [{}, {}] });
    const denying = documents(
      policy("a", { action: "DENY", rules: GET }, { namespace: "istio-system" }),
      policy("b", { selector: other, rules: GET }),
    );
    const { left, manifests, text } = converted(denying);
    expect({ left, count: manifests.length }).toEqual({ left: [], count: 2 });
    expect(text).toContain("# In the root namespace (istio-system)");
  });

  test("ALLOW policies of the root namespace meet those of any namespace", () => {
    const text = documents(
      policy("mesh", { rules: GET }, { namespace: "istio-system" }),
      policy("b", { selector: SELECTOR, rules: GET }),
    );
    expect(converted(text).manifests).toEqual([]);
    const elsewhere = documents({ meshConfig: { rootNamespace: "other-root" } });
    expect(converted(`${elsewhere}---\n${text}`).manifests.length).toBe(2);
  });

  test("ALLOW policies without a namespace, which may be applied to any, meet those of each", () => {
    const { manifests, left } = converted(
      documents(policy("a", { rules: GET }, { namespace: undefined }), policy("b", { rules: GET })),
    );
    expect(manifests).toEqual([]);
    expect(told(left)).toEqual([
      expect.stringContaining("an ALLOW policy, and so is AuthorizationPolicy my-app/b") as string,
      expect.stringContaining("an ALLOW policy, and so is AuthorizationPolicy a") as string,
    ]);
  });

  test("tokens that policies of another target look at", () => {
    const { manifests, left } = converted(
      documents(
        authentication("jwt", { jwtRules: [RULE] }),
        policy("b", { selector: SELECTOR, rules: [{ from: [{ source: { requestPrincipals: ["*"] } }] }] }),
      ),
    );
    expect(manifests.map(pluginConfigOf)).toEqual([{ policies: [expect.anything()] }]);
    expect(told(left)[0]).toContain(
      "stays with Istio: AuthorizationPolicy my-app/b looks at the same tokens",
    );
  });

  test("tokens of three targets of which one meets both others, in whatever order", () => {
    const of = (app: string): object =>
      authentication(app, {
        selector: { matchLabels: { app } },
        jwtRules: [{ ...RULE, issuer: `https://${app}.test` }],
      });
    const all = authentication("all", { jwtRules: [RULE] });
    for (const input of [
      [all, of("ex"), of("why")],
      [of("ex"), all, of("why")],
      [of("ex"), of("why"), all],
    ]) {
      const { manifests, left } = converted(documents(...input));
      expect(manifests).toEqual([]);
      expect(told(left)).toHaveLength(3);
      for (const one of told(left)) expect(one).toContain("looks at the same tokens for another target");
    }
  });

  describe("tokens whose claims something reads that stays", () => {
    const at = (namespace: string, labels: object): object => ({
      ...authentication("jwt", { selector: { matchLabels: labels }, jwtRules: [RULE] }, namespace),
    });
    const edge = at("istio-ingress", { istio: "ingress" });
    const claims = { "@request.auth.claims.groups": { exact: "beta" } };
    const routes = (match: object, gateways = ["istio-ingress/public"]): object =>
      virtualService([{ match: [match], ...to("v2") }], { hosts: ["shop.example"], gateways }, "shop");
    const mirrored = { headers: claims, port: 443 };
    const metadata = { metadata_key: { key: "envoy.filters.http.jwt_authn" } };
    const patches = (labels: object): object => ({
      apiVersion: "networking.istio.io/v1alpha3",
      kind: "EnvoyFilter",
      metadata: { name: "patches", namespace: "istio-system" },
      spec: { workloadSelector: { labels }, configPatches: [{ patch: { value: metadata } }] },
    });
    const trial = (app: string): object =>
      policy(
        "trial",
        {
          selector: { matchLabels: { version: "v1", app } },
          rules: [{ from: [{ source: { requestPrincipals: ["*"] } }] }],
          typo: 1,
        },
        { annotations: { "istio.io/dry-run": "true" } },
      );
    const reviews = at("my-app", { app: "reviews" });

    test.each([
      ["VirtualService my-app/shop", [edge, routes(mirrored), gateway("public")]],
      ["VirtualService my-app/shop", [edge, routes({ headers: claims })]],
      [
        "VirtualService my-app/shop",
        [
          edge,
          routes(mirrored, ["public"]),
          { ...gateway("public"), metadata: { name: "public", namespace: "my-app" } },
        ],
      ],
      ["EnvoyFilter istio-system/patches", [reviews, patches({ app: "reviews" })]],
      ["AuthorizationPolicy my-app/trial", [reviews, trial("reviews")]],
    ])("%s", (title, input) => {
      const { manifests, left } = converted(documents(...input));
      expect(manifests).toEqual([]);
      expect(told(left)).toContainEqual(
        expect.stringMatching(
          `^1 spec: stays with Istio: ${title} stays, and reads what Istio has verified. Keep it applied`,
        ),
      );
    });

    test.each([
      ["a VirtualService that is converted", [edge, routes({ headers: claims }), gateway("public")]],
      ["one of other proxies", [reviews, routes(mirrored), gateway("public")]],
      ["an EnvoyFilter of others", [reviews, patches({ app: "ratings" })]],
      ["a dry run of others", [reviews, trial("ratings")]],
    ])("but not %s; where else they may be read is said", (_, input) => {
      const { manifests, text } = converted(documents(...input));
      expect(pluginConfigOf(manifests[0])).toMatchObject({ jwtRules: [RULE] });
      expect(text).toContain(
        "is kept, take jwtRules out of this plugin: Istio's filter takes the tokens that it has verified out of requests",
      );
    });
  });

  test("all of a target, where a policy of it is refused; with line and path", () => {
    const { manifests, left } = converted(
      [
        "apiVersion: security.istio.io/v1",
        "kind: AuthorizationPolicy",
        "metadata: { name: a, namespace: my-app }",
        "spec:",
        "  action: DENY",
        "  typo: 1",
        "  rules:",
        "    - to:",
        "        - operation: { methods: [GET], paths: [7] }",
        "---",
        documents(policy("b", { rules: GET })),
      ].join("\n"),
    );
    expect(manifests).toEqual([]);
    expect(told(left)[0]).toBe("6 spec.typo: not known to this command");
    const other = converted(documents(policy("a", { rules: [{ to: [{ operation: { paths: [7] } }] }] })));
    expect(told(other.left)[0]).toMatch(
      /^1 spec\.rules\[0\]\.to\[0\]\.operation\.paths\[0\]: expected .*got 7/,
    );
  });

  test("all that decides with what is refused, or with what stays, is named by its title", () => {
    const denying = policy("denies", { selector: SELECTOR, action: "DENY", rules: GET });
    const tokens = authentication("tokens", { selector: SELECTOR, jwtRules: [RULE] });
    const meant = policy("meant", { selector: SELECTOR, rules: GET });
    const refused = converted(
      documents(meant, denying, tokens, policy("refused", { selector: SELECTOR, action: "LOG" })),
    );
    expect(refused.manifests).toEqual([]);
    const stays = (kind: string, name: string, other: string): unknown =>
      expect.stringMatching(
        `spec: ${kind} my-app/${name} stays with Istio, as does ${other}, which decides with it$`,
      );
    expect(told(refused.left).toSorted()).toEqual([
      stays("AuthorizationPolicy", "meant", "AuthorizationPolicy my-app/refused"),
      stays("AuthorizationPolicy", "denies", "AuthorizationPolicy my-app/refused"),
      stays("RequestAuthentication", "tokens", "AuthorizationPolicy my-app/refused"),
      expect.stringContaining("7 spec.action: "),
      expect.stringContaining("AuthorizationPolicy my-app/refused decides with the others of its target"),
    ]);
    const rivals = converted(documents(meant, denying, tokens, policy("all", { rules: GET })));
    expect(rivals.manifests).toEqual([]);
    expect(told(rivals.left).toSorted()).toEqual([
      expect.stringContaining("an ALLOW policy, and so is AuthorizationPolicy my-app/all"),
      stays("AuthorizationPolicy", "denies", "AuthorizationPolicy my-app/meant"),
      stays("RequestAuthentication", "tokens", "AuthorizationPolicy my-app/meant"),
      expect.stringContaining("an ALLOW policy, and so is AuthorizationPolicy my-app/meant"),
    ]);
  });

  test("CUSTOM without its provider, named; the others of the target go on", () => {
    const custom = policy("ask", { action: "CUSTOM", provider: { name: "opa" }, rules: [{}] });
    const { manifests, left } = converted(documents(custom, policy("deny", { action: "DENY", rules: GET })));
    expect(pluginConfigOf(manifests[0]).policies).toMatchObject([{ name: "deny" }]);
    expect(told(left)).toEqual([
      expect.stringMatching(/^1 spec\.provider\.name: no extensionProvider "opa" in the input/) as string,
    ]);
  });
});

describe("the mesh's configuration", () => {
  const provider = { name: "opa", envoyExtAuthzGrpc: { service: "opa.opa.svc.cluster.local", port: 9191 } };
  const meshConfig = { trustDomain: "td1", trustDomainAliases: ["td2"], extensionProviders: [provider] };
  const custom = policy("ask", { action: "CUSTOM", provider: { name: "opa" }, rules: [{}] });

  test.each([
    [
      "an IstioOperator",
      { apiVersion: "install.istio.io/v1alpha1", kind: "IstioOperator", spec: { meshConfig } },
    ],
    ["Helm's values", { meshConfig }],
    ["a MeshConfig by itself", meshConfig],
    [
      "istiod's ConfigMap",
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "istio" },
        data: { mesh: JSON.stringify(meshConfig) },
      },
    ],
  ])("%s gives providers and trust domains", (_, document) => {
    const { manifests, left } = converted(documents(document, custom));
    expect(left).toEqual([]);
    expect(pluginConfigOf(manifests[0])).toMatchObject({
      trustDomain: "td1",
      trustDomainAliases: ["td2"],
      extensionProviders: [provider],
      policies: [{ name: "ask", action: "CUSTOM", provider: { name: "opa" } }],
    });
  });

  test("a provider that the filter refuses is named where it stands", () => {
    const body = { ...provider.envoyExtAuthzGrpc, includeRequestBodyInCheck: { maxRequestBytes: 1 } };
    const document = { meshConfig: { extensionProviders: [{ name: "opa", envoyExtAuthzGrpc: body }] } };
    const { left, manifests } = converted(documents(document, custom));
    expect(manifests).toEqual([]);
    expect(told(left)[0]).toMatch(
      /^1 meshConfig\.extensionProviders\[0\]\.envoyExtAuthzGrpc\.includeRequestBodyInCheck: /,
    );
  });
});

describe("the host of keys", () => {
  test("is named where no ServiceEntry of the input has it", () => {
    const jwt = authentication("jwt", { jwtRules: [RULE] });
    const entry = {
      apiVersion: "networking.istio.io/v1",
      kind: "ServiceEntry",
      metadata: { name: "issuer", namespace: "my-app" },
      spec: { hosts: ["issuer.test"], ports: [{ number: 443, name: "https", protocol: "HTTPS" }] },
    };
    expect(told(converted(documents(jwt)).notes).join("\n")).toContain(
      "outbound|443||issuer.test: it needs a ServiceEntry",
    );
    expect(told(converted(documents(jwt, entry)).notes).join("\n")).not.toContain("ServiceEntry");
  });

  test("is named for waypoints, which have its cluster by an annotation alone", () => {
    const targetRefs = [{ kind: "Gateway", group: "gateway.networking.k8s.io", name: "waypoint" }];
    const uris = [
      "https://issuer.test/keys",
      "http://keys.auth.svc.cluster.local:8080/a",
      "http://keys.auth.svc.cluster.local:8080/b",
      "https://unknown.test/keys",
    ];
    const jwtRules = uris.map((jwksUri, at) => ({ issuer: `https://issuer-${at}.test`, jwksUri }));
    const entry = {
      apiVersion: "networking.istio.io/v1",
      kind: "ServiceEntry",
      metadata: { name: "issuer", namespace: "egress" },
      spec: { hosts: ["issuer.test"], ports: [{ number: 443, name: "https", protocol: "HTTPS" }] },
    };
    const at = (target: object): string =>
      converted(documents(authentication("jwt", { ...target, jwtRules }), entry)).text;
    const text = at({ targetRefs });
    expect(text).toContain(
      "an EnvoyFilter with the same targetRefs and the annotation envoyfilter.istio.io/referenced-services: egress/issuer.test,auth/keys.auth.svc.cluster.local,NAMESPACE/unknown.test (namespace",
    );
    expect(text).toContain("outbound|443||unknown.test: it needs a ServiceEntry");
    expect(text).not.toContain("outbound|443||issuer.test: it needs");
    expect(at({ selector: SELECTOR })).not.toContain("referenced-services");
    const inline = { issuer: "https://issuer.test", jwks: '{"keys":[]}' };
    expect(
      converted(documents(authentication("jwt", { targetRefs, jwtRules: [inline] }))).text,
    ).not.toContain("referenced-services");
  });
});

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

test(`converted policies decide as the model of Istio's does, SEED=${seed}`, { timeout: 120_000 }, () => {
  const counts = compareWithModel(loadModule("build/authz.wasm"), { seconds: 8, seed, configure });
  console.log(JSON.stringify(counts));
  for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThan(50);
});

/** The set as resources, and what the conversion makes of them. The policies of a set have namespaces of their own, so they come out as several plugins. */
function configure({ policies, trustDomain, trustDomainAliases, requestAuthentication }: PolicySet): string {
  const all = policies.map(({ name, namespace, annotations, spec }) =>
    policy(name, spec, { namespace, ...(annotations === undefined ? {} : { annotations }) }),
  );
  const tokens =
    requestAuthentication === undefined ? [] : [authentication("tokens", requestAuthentication, "tokens")];
  const meshConfig = { trustDomain, trustDomainAliases };
  const { manifests, left } = converted(documents({ meshConfig }, ...all, ...tokens));
  expect(told(left)).toEqual([]);
  const plugins = manifests.filter(({ spec }) => spec.type !== "NETWORK").map(pluginConfigOf);
  const names = policies.map(({ name }) => name);
  const joined = plugins.flatMap((plugin) => (plugin.policies ?? []) as { name: string }[]);
  joined.sort((one, other) => names.indexOf(one.name) - names.indexOf(other.name));
  return JSON.stringify(Object.assign({}, ...plugins, { policies: joined }));
}

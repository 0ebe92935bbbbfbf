/**
 * Random AuthorizationPolicies over the whole of Istio's specification, and requests that often fulfil them or nearly do. Everything comes
 * from small pools, so that policies and requests meet; a {@link Random} repeats it.
 */
import type { Header, Json } from "../driver.ts";
import type { Condition, Operation, Policy, PolicySet, Rule, Source } from "./policies.ts";
import { DRY_RUN } from "./policies.ts";
import type { Random } from "./random.ts";
import type { GeneratedToken } from "./shown-tokens.ts";

/** Who connects: everything of a request that belongs to its connection. */
export interface Caller {
  /** The names in its certificate; null for plain text. */
  certificate: { uris: string[]; dnsNames: string[] } | null;
  /** Empty without one, and for plain text. */
  serverName: string;
  /** An address of 127.0.0.0/8. */
  directAddress: string;
}

export interface GeneratedRequest {
  /** Index of its caller. */
  caller: number;
  method: string;
  /** As it is sent but for a token, with a query perhaps. */
  path: string;
  authority: string;
  /** As they are sent but for tokens. */
  headers: Header[];
  /** Those that it carries, in the order in which they are looked for. */
  tokens: GeneratedToken[];
}

export interface Case {
  set: PolicySet;
  callers: Caller[];
  requests: GeneratedRequest[];
}

export interface GenerateOptions {
  requests: number;
  /** What tokens are verified with. */
  jwks: string;
  /** Certificates may have several names, of which a plugin sees only the first of a kind. */
  severalNames: boolean;
}

/** Stands for the listener's port in policies, until {@link atPort} says it. */
const PORT = "LISTENER-PORT";

/** The set for a listener with this port. */
export function atPort(set: PolicySet, port: number): PolicySet {
  return JSON.parse(JSON.stringify(set).replaceAll(PORT, String(port))) as PolicySet;
}

/** What a filter before the policies leaves for every request, for the conditions `experimental.envoy.filters.`. */
export const METADATA_FILTER = "envoy.filters.test";
export const METADATA: Readonly<Record<string, Json>> = {
  colour: "red",
  sizes: ["small", "large"],
  count: 7,
  nested: { colour: "red" },
  empty: "",
};

const DOMAINS = ["cluster.local", "td1", "old-td", "example.org"];
const NAMESPACES = ["foo", "bar", "foo-bar", "prod"];
const ACCOUNTS = ["sleep", "productpage", "default", "a.b"];
const ISSUERS = ["https://issuer.test", "issuer-b", "https://issuer.test/tenant"];
const SUBJECTS = ["alice", "bob", "svc/7", "alice@example.org"];
const METHODS = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD"];
const HOSTS = [
  "a.example.com",
  "b.example.com:8080",
  "Example.COM",
  "internal",
  "10.0.0.1:80",
  "example.com.",
];
const PATHS = [
  "/", "/info", "/info/a", "/data", "/admin/users", "/admin/users/7", "/foo/bar/baz", "/foo/bar/", "/a.b/c~d", "/v1/items/42",
  "/v1/items/42/", "/foo/b=1;x", "/foo/%2Fbar", "/foo/(x)+$y", "/Info", "/pkg.Service/Method",
]; // prettier-ignore
const TEMPLATES = [
  "/foo/{*}", "/foo/{**}", "/foo/{**}/", "/{*}/users/{**}", "/{**}", "/{*}", "/foo/{*}/baz", "/a.b/{*}", "/v1/{*}/{*}/", "/{**}/baz",
  "/{*}/bar/{**}", "/v1/items/{*}", "/{*}/{*}", "/(x)+$y/{*}", "/foo/bar/{**}",
]; // prettier-ignore
const HEADERS = ["x-a", "x-user", "x-tenant", "X-Mixed-Case", "cookie", "user-agent"];
const PSEUDO_HEADERS = ["Host", "host", ":authority", ":path", ":method", ":scheme"];
const HEADER_VALUES = ["", "a", "admin", "Admin", "admin,user", "user", "a=1; b=2", "x y", "*", "tést"];
const DIRECT = ["127.0.0.1", "127.0.0.2", "127.1.2.3"];
const BLOCKS = [
  "127.0.0.1", "127.0.0.0/8", "127.1.0.0/16", "127.0.0.2/32", "127.0.0.99/24", "10.0.0.0/8", "10.1.2.3", "0.0.0.0/0", "::/0", "::1",
  "2001:db8::/32", "2001:db8::1", "203.0.113.0/25", "192.168.0.1", "::ffff:10.1.2.3", "10.1.2.3/31",
]; // prettier-ignore
const FORWARDED = [
  "10.1.2.3", "10.1.2.2", "203.0.113.7", "203.0.113.200", "2001:db8::1", "2001:DB8:0::2", "::ffff:10.1.2.3", "10.9.9.9, 192.168.0.1",
  "127.0.0.1", "garbage", "10.1.2.3,", "::1",
]; // prettier-ignore
const SERVER_NAMES = ["", "a.example.com", "b.example.com", "outrigger.test"];
const AUDIENCES = ["web", "api", "https://api.test"];
const GROUPS = ["admins", "dev", "dev-ops", "ops"];

/** Where rules look for tokens, when they say it. */
const TOKEN_PLACES = {
  fromHeaders: [{ name: "Authorization", prefix: "Bearer " }],
  fromParams: ["access_token"],
  fromCookies: ["session"],
};
/** Two claims that go into one header. */
const CLAIM_HEADERS = [
  { header: "x-claim-sub", claim: "sub" },
  { header: "x-claim-sub", claim: "iss" },
];

/** Claims by path, and what they may be. */
const CLAIMS: readonly (readonly [path: string, values: readonly string[]])[] = [
  ["[iss]", ISSUERS],
  ["[sub]", SUBJECTS],
  ["[groups]", GROUPS],
  ["[scope]", ["read", "write", "read write"]],
  ["[permission]", ["read", "x"]],
  ["[tenant]", ["t1", "t2"]],
  ["[realm][roles]", GROUPS],
  ["[realm][name]", ["main"]],
  ["[a.b]", ["dotted"]],
  ["[a][b]", ["deep"]],
  ["[count]", ["7"]],
  ["[absent]", ["x"]],
];

export function generateCase(random: Random, options: GenerateOptions): Case {
  return new Generator(random, options).make();
}

class Generator {
  readonly #random: Random;
  readonly #options: GenerateOptions;

  constructor(random: Random, options: GenerateOptions) {
    this.#random = random;
    this.#options = options;
  }

  make(): Case {
    const random = this.#random;
    const set = this.#set();
    const rules = set.policies.flatMap(({ spec }) => spec.rules ?? []);
    const callers = random.some(3, 5, () => this.#caller(rules));
    const requests = random.some(this.#options.requests, this.#options.requests, () =>
      this.#request(rules, callers),
    );
    return { set, callers, requests };
  }

  // ---- Policies ----

  #set(): PolicySet {
    const random = this.#random;
    // In one policy with one clause every slip shows; among many, what decides is mostly another one.
    const narrow = random.chance(0.7);
    const policies = narrow ? [this.#narrowPolicy()] : random.some(1, 5, () => this.#policy());
    const asksForToken =
      narrow && /request\.auth|equestPrincipals|x-claim|authorization/.test(JSON.stringify(policies));
    return {
      trustDomain: random.pick(["cluster.local", "td1"]),
      trustDomainAliases: random.pick([[], ["old-td"], ["old-td", "example.org"]]),
      policies: policies.map((policy, at) => ({ ...policy, name: `policy-${at}` })),
      ...(random.chance(asksForToken ? 0.95 : 0.5)
        ? {
            requestAuthentication: { jwtRules: this.#jwtRules(JSON.stringify(policies).includes("x-claim")) },
          }
        : {}),
    };
  }

  #narrowPolicy(): Policy {
    const random = this.#random;
    const rule = random.pick<() => Rule>([
      () => ({ from: [{ source: this.#source(1) }] }),
      () => ({ to: [{ operation: this.#operation(1) }] }),
      () => ({ when: [this.#condition()] }),
      // Who calls is what most policies ask.
      () => {
        const field = random.pick(["principals", "notPrincipals"] as const);
        return { from: [{ source: { [field]: this.#values(() => this.#principal()) } }] };
      },
    ])();
    const spec = { action: random.pick(["ALLOW", "DENY"] as const), rules: [rule] };
    const annotations = random.chance(0.05) ? { annotations: { [DRY_RUN]: "true" } } : {};
    return { name: "", namespace: random.pick(NAMESPACES), ...annotations, spec };
  }

  /** `asksForHeader`: a policy looks at the header that they write. */
  #jwtRules(asksForHeader: boolean): object[] {
    const random = this.#random;
    const places = random.chance(0.3) ? TOKEN_PLACES : {};
    const issuers = random.chance(0.7) ? [ISSUERS[0]!] : [ISSUERS[0]!, ISSUERS[1]!];
    return issuers.map((issuer) => ({
      issuer,
      jwks: this.#options.jwks,
      ...(random.chance(0.3) ? { forwardOriginalToken: true } : {}),
      ...places,
      ...(random.chance(asksForHeader ? 0.9 : 0.2)
        ? { outputClaimToHeaders: CLAIM_HEADERS.slice(0, random.between(1, 2)) }
        : {}),
      ...(random.chance(0.2) ? { spaceDelimitedClaims: ["tenant"] } : {}),
    }));
  }

  #policy(): Policy {
    const random = this.#random;
    const action = random.pick(["ALLOW", "ALLOW", "ALLOW", "DENY", "DENY", "AUDIT", undefined] as const);
    // A DENY policy without rules is refused.
    const rules = random.some(action === "DENY" ? 1 : 0, 3, () => this.#rule());
    return {
      name: "",
      namespace: random.pick(NAMESPACES),
      ...(action !== "AUDIT" && random.chance(0.15)
        ? { annotations: { [DRY_RUN]: random.pick(["true", "true", "false", "T", "0"]) } }
        : {}),
      spec: {
        ...(action === undefined ? {} : { action }),
        ...(rules.length > 0 || random.chance(0.5) ? { rules } : {}),
      },
    };
  }

  #rule(): Rule {
    const random = this.#random;
    if (random.chance(0.04)) return {};
    const rule: Rule = {};
    if (random.chance(0.5))
      rule.from = random.some(1, 2, () => ({ source: this.#source(random.pick([1, 1, 2, 3])) }));
    if (random.chance(0.6))
      rule.to = random.some(1, 2, () => ({ operation: this.#operation(random.pick([1, 1, 2, 3])) }));
    if (random.chance(0.4)) rule.when = random.some(1, 2, () => this.#condition());
    return rule;
  }

  /** Up to so many of these fields, each with values. */
  #fields<T extends object>(most: number, makers: Readonly<Record<string, () => string>>): T {
    const random = this.#random;
    const names = random.some(1, most, () => random.pick(Object.keys(makers)));
    return Object.fromEntries(names.map((name) => [name, this.#values(makers[name]!)])) as T;
  }

  #values(make: () => string): string[] {
    return this.#random.some(1, this.#random.pick([1, 1, 2, 4]), make);
  }

  #source(most: number): Source {
    const principal = (): string => this.#principal();
    const requestPrincipal = (): string => this.#requestPrincipal();
    const namespace = (): string => this.#pattern(this.#random.pick(NAMESPACES));
    const block = (): string => this.#random.pick(BLOCKS);
    const domain = (): string => this.#domainPattern();
    const source = this.#fields<Source>(most, {
      principals: principal,
      notPrincipals: principal,
      requestPrincipals: requestPrincipal,
      notRequestPrincipals: requestPrincipal,
      namespaces: namespace,
      notNamespaces: namespace,
      ipBlocks: block,
      notIpBlocks: block,
      remoteIpBlocks: block,
      notRemoteIpBlocks: block,
      trustDomains: domain,
      notTrustDomains: domain,
    });
    if (!this.#random.chance(0.2)) return source;
    // Not beside these.
    const { principals, notPrincipals, namespaces, notNamespaces, ...others } = source;
    void [principals, notPrincipals, namespaces, notNamespaces];
    const rest = most > 1 ? others : {};
    const field = this.#random.pick(["serviceAccounts", "notServiceAccounts"] as const);
    return { ...rest, [field]: this.#values(() => this.#serviceAccount()) };
  }

  #operation(most: number): Operation {
    const host = (): string => this.#pattern(this.#random.pick(HOSTS));
    const port = (): string => this.#random.pick([PORT, PORT, "80", "65535", "0"]);
    const method = (): string => this.#pattern(this.#random.pick(METHODS));
    const path = (): string =>
      this.#random.chance(0.3)
        ? this.#random.pick(TEMPLATES)
        : this.#pattern(this.#random.pick(PATHS)).replace(/[{}]/g, "");
    return this.#fields<Operation>(most, {
      hosts: host,
      notHosts: host,
      ports: port,
      notPorts: port,
      methods: method,
      notMethods: method,
      paths: path,
      notPaths: path,
    });
  }

  #condition(): Condition {
    const random = this.#random;
    const [key, make] = this.#attribute();
    const condition: Condition = { key };
    const which = random.pick(["values", "values", "notValues", "both"]);
    if (which !== "notValues") condition.values = this.#values(make);
    if (which !== "values") condition.notValues = this.#values(make);
    return condition;
  }

  /** A key, and what makes values for it. */
  #attribute(): readonly [key: string, make: () => string] {
    const random = this.#random;
    const block = (): string => random.pick(BLOCKS);
    switch (random.between(0, 16)) {
      case 0:
      case 1: {
        const name = random.pick(HEADERS);
        return [`request.headers[${name}]`, () => this.#pattern(random.pick(HEADER_VALUES.slice(1)))];
      }
      case 2: {
        const name = random.pick(PSEUDO_HEADERS);
        const pool = { ":path": PATHS, ":method": METHODS, ":scheme": ["http", "https"] }[name] ?? HOSTS;
        return [`request.headers[${name}]`, () => this.#pattern(random.pick(pool))];
      }
      case 3:
        return random.pick([
          ["request.headers[x-forwarded-for]", () => this.#pattern(random.pick(FORWARDED))],
          ["request.headers[authorization]", () => random.pick(["*", "Bearer *", "Basic *"])],
        ] as const);
      case 4:
        return [random.pick(["source.ip", "remote.ip"]), block];
      case 5:
        return ["source.namespace", () => this.#pattern(random.pick(NAMESPACES))];
      case 6:
        return ["source.principal", () => this.#principal()];
      case 7:
        return ["source.serviceAccount", () => this.#serviceAccount()];
      case 8:
        return ["source.trustDomain", () => this.#domainPattern()];
      case 9:
        return ["request.auth.principal", () => this.#requestPrincipal()];
      case 10:
        return [
          random.pick(["request.auth.audiences", "request.auth.presenter"]),
          () => this.#pattern(random.pick(AUDIENCES)),
        ];
      case 11:
      case 13: {
        const [path, values] = random.pick(CLAIMS);
        return [`request.auth.claims${path}`, () => this.#pattern(random.pick(values))];
      }
      case 12:
        return random.pick([
          ["destination.ip", block],
          ["destination.port", () => random.pick([PORT, PORT, "80"])],
          ["connection.sni", () => this.#pattern(random.pick(SERVER_NAMES.slice(1)))],
        ] as const);
      case 14:
        return [
          "request.headers[x-claim-sub]",
          () => this.#pattern(random.pick([...SUBJECTS, ...SUBJECTS, ...ISSUERS])),
        ];
      default: {
        const name = random.pick(Object.keys(METADATA));
        return [
          `experimental.${METADATA_FILTER}[${name}]`,
          () => {
            const value = this.#pattern(random.pick(["red", "small", "large", "7"]));
            return random.chance(0.5) ? `[${value}]` : value;
          },
        ];
      }
    }
  }

  /** A text that matches this one, or nearly: exact, prefix, suffix, presence, a star where it means nothing, a slip. Never empty. */
  #pattern(text: string): string {
    const random = this.#random;
    const at = random.between(0, text.length);
    switch (random.between(0, 11)) {
      case 0:
      case 1:
        return `${text.slice(0, at)}*`;
      case 2:
      case 3:
        return `*${text.slice(at)}`;
      case 4:
        return "*";
      case 5:
        return random.pick([
          `${text}*`,
          `*${text}`,
          `*${text.slice(0, at)}*`,
          `${text.slice(0, at)}*${text.slice(at)}x`,
        ]);
      case 6:
        return (
          random.pick([`${text}x`, text.toUpperCase(), text.toLowerCase(), `${text}/`, text.slice(1)]) || "x"
        );
      default:
        return text || "*";
    }
  }

  #principal(): string {
    const random = this.#random;
    const account = `ns/${random.pick(NAMESPACES)}/sa/${random.pick(ACCOUNTS)}`;
    const domain = random.pick(["cluster.local", ...DOMAINS]);
    switch (random.between(0, 8)) {
      case 0:
        return this.#pattern(`${domain}/${account}`);
      case 4:
        return `${domain.slice(0, random.between(0, domain.length))}*/${account}`;
      case 1:
        return `*/${account}`;
      case 2:
        return `*${domain.slice(random.between(0, domain.length))}/${account}`;
      case 3:
        return random.pick([
          "*",
          account,
          `${domain}/ns/foo/*`,
          `${domain}/*`,
          "*/sa/sleep",
          `${domain}/${account}/extra`,
        ]);
      default:
        return `${domain}/${account}`;
    }
  }

  #requestPrincipal(): string {
    const random = this.#random;
    const issuer = random.pick(ISSUERS);
    const subject = random.pick(SUBJECTS);
    switch (random.between(0, 5)) {
      case 0:
        return random.pick([
          "*",
          "*/*",
          `${issuer}/*`,
          `*/${subject}`,
          `${issuer}*`,
          `*${subject}`,
          issuer,
          "*/",
        ]);
      case 1:
        return this.#pattern(`${issuer}/${subject}`);
      default:
        return `${issuer}/${subject}`;
    }
  }

  #serviceAccount(): string {
    const random = this.#random;
    const account = random.pick(ACCOUNTS);
    return random.chance(0.5) ? account : `${random.pick(NAMESPACES)}/${account}`;
  }

  /** With at most one star, at an end. */
  #domainPattern(): string {
    const random = this.#random;
    const domain = random.pick(DOMAINS);
    const at = random.between(0, domain.length);
    return random.pick([
      domain,
      domain,
      "*",
      `${domain.slice(0, at)}*`,
      `*${domain.slice(at)}`,
      `${domain}x`,
    ]);
  }

  // ---- Requests ----

  #caller(rules: readonly Rule[]): Caller {
    const random = this.#random;
    const wanted = this.#wantedIdentities(rules);
    const uri = (): string => {
      if (wanted.length > 0 && random.chance(0.65)) return random.pick(wanted)();
      const account = `ns/${random.pick(NAMESPACES)}/sa/${random.pick(ACCOUNTS)}`;
      return random.chance(0.8)
        ? `spiffe://${random.pick(DOMAINS)}/${account}`
        : random.pick([
            `spiffe://cluster.local/region/eu/${account}/pod/7`,
            "spiffe://cluster.local/ns/foo/zone/a/sa/sleep",
            `https://cluster.local/${account}`,
            "spiffe://cluster.local",
            "spiffe://cluster.local/",
            "spiffe://cluster.local/ns/foo/sa/sleepy",
            `SPIFFE://cluster.local/${account}`,
          ]);
    };
    const several = this.#options.severalNames && random.chance(0.4);
    const dnsNames = ["a.example.com", "x.test/ns/foo/x", "prod/ns/bar/sa/sleep"];
    const certificate = random.chance(0.12)
      ? null
      : {
          uris: random.chance(0.15) ? [] : [uri(), ...(several ? [uri()] : [])],
          dnsNames: several ? random.some(0, 2, () => random.pick(dnsNames)) : [],
        };
    const asked = conditions(rules, "connection.sni").map((pattern) =>
      this.#fulfil(pattern, "b.example.com"),
    );
    const serverName =
      asked.length > 0 && random.chance(0.7) ? random.pick(asked) : random.pick(SERVER_NAMES);
    return {
      certificate,
      // Only what a client would send.
      serverName: certificate === null || !/^[\w.-]*$/.test(serverName) ? "" : serverName,
      directAddress: random.pick(DIRECT),
    };
  }

  /** Makers of identities that these rules ask for, or nearly. */
  #wantedIdentities(rules: readonly Rule[]): (() => string)[] {
    const random = this.#random;
    const sources = rules.flatMap(({ from = [] }) => from).flatMap(({ source }) => source ?? []);
    const of = (...names: (keyof Source)[]): string[] =>
      sources.flatMap((source) => names.flatMap((name) => source[name] ?? []));
    const domain = (): string => random.pick(DOMAINS);
    const account = (): string => `ns/${random.pick(NAMESPACES)}/sa/${random.pick(ACCOUNTS)}`;
    const principals = [...of("principals", "notPrincipals"), ...conditions(rules, "source.principal")];
    const namespaces = [...of("namespaces", "notNamespaces"), ...conditions(rules, "source.namespace")];
    const accounts = [
      ...of("serviceAccounts", "notServiceAccounts"),
      ...conditions(rules, "source.serviceAccount"),
    ];
    const domains = [...of("trustDomains", "notTrustDomains"), ...conditions(rules, "source.trustDomain")];
    return [
      ...principals.map((pattern) => () => {
        const found = this.#fulfil(pattern, account());
        // In another trust domain, which may be an alias.
        return `spiffe://${random.chance(0.5) ? found : found.replace(/^[^/]*/, domain())}`;
      }),
      ...namespaces.map((pattern) => () => {
        const namespace = this.#fulfil(pattern, "foo/bar");
        return `spiffe://${domain()}/ns/${namespace}${random.pick(["/sa/sleep", "/sa/sleep", "/", ""])}`;
      }),
      ...accounts.map((text) => () => {
        const [first = "", second] = text.split("/");
        const [namespace, name] = second === undefined ? [random.pick(NAMESPACES), first] : [first, second];
        const [between, behind] = [
          random.pick(["/", "/", "/zone/a/", "/zonesa/"]),
          random.pick(["", "", "/pod/7", "x", "/"]),
        ];
        return `spiffe://${domain()}/ns/${namespace}${between}sa/${random.chance(0.1) ? name.replace(".", "x") : name}${behind}`;
      }),
      ...domains.map((pattern) => () => {
        const found = this.#fulfil(pattern, domain());
        return `spiffe://${random.chance(0.5) ? found : domain()}${random.pick(["/", "/", "", "x/"])}${account()}`;
      }),
    ];
  }

  #request(rules: readonly Rule[], callers: readonly Caller[]): GeneratedRequest {
    const random = this.#random;
    const rule = rules.length > 0 && random.chance(0.8) ? random.pick(rules) : {};
    const operation = random.pick(rule.to ?? [{}]).operation ?? {};
    const source = random.pick(rule.from ?? [{}]).source ?? {};
    const from = (list: readonly string[] | undefined, others: readonly string[], share = 0.8): string =>
      list !== undefined && list.length > 0 && random.chance(share)
        ? this.#fulfil(random.pick(list), random.pick(others))
        : random.pick(others);
    let method = from(operation.methods ?? (random.chance(0.2) ? operation.notMethods : undefined), METHODS);
    // Others are refused before any filter.
    if (!METHODS.includes(method)) method = random.pick(METHODS);
    let path = from(operation.paths ?? (random.chance(0.3) ? operation.notPaths : undefined), PATHS);
    if (random.chance(0.25)) path = this.#disturbed(path);
    // Only what a request line may have (RFC 9112 §3.2), so far as Envoy takes it.
    path = path.replace(/[^\x21-\x7e]/g, "x");
    if (!path.startsWith("/")) path = `/${path}`;
    const headers: Header[] = random.some(0, 2, () => [random.pick(HEADERS), this.#headerValue()]);
    const asked = [
      ...(source.requestPrincipals ?? []),
      ...(source.notRequestPrincipals ?? []),
      ...conditions([rule], "request.auth.principal"),
    ];
    const claims: Record<string, Json> = this.#claims(asked);
    let authority = from(operation.hosts ?? operation.notHosts, HOSTS);
    for (const { key, values = [], notValues = [] } of rule.when ?? []) {
      const list = values.length > 0 && random.chance(0.8) ? values : notValues;
      if (list.length === 0 || random.chance(0.15)) continue;
      const [, name = ""] = /\[(.*)\]$/.exec(key) ?? [];
      const value = this.#fulfil(random.pick(list), "x");
      if (key.startsWith("request.headers[")) {
        if (name.toLowerCase() === "host" || name === ":authority") authority = value;
        else if (name === ":path" && value.startsWith("/")) path = value;
        else if (name === ":method" && METHODS.includes(value)) method = value;
        else if (/^x-|^cookie$/i.test(name)) {
          const spelled = random.chance(0.5) ? name : name.toUpperCase();
          headers.splice(random.between(0, headers.length), 0, [spelled, value]);
          if (random.chance(0.2)) headers.push([name, this.#headerValue()]);
        }
        if (name === "x-claim-sub" && value !== "") claims.sub = value;
      } else if (key.startsWith("request.auth.claims[")) setClaim(claims, name, this.#claim(value));
      else if (key === "request.auth.audiences") claims.aud = random.pick<Json>([value, ["other", value]]);
      else if (key === "request.auth.presenter") claims.azp = random.pick<Json>([value, ["other", value]]);
    }
    if (random.chance(0.25)) authority = random.pick([authority.toUpperCase(), authority.toLowerCase()]);
    if (random.chance(0.6) && !headers.some(([name]) => name.toLowerCase() === "x-forwarded-for")) {
      const blocks = [
        ...(source.remoteIpBlocks ?? []),
        ...(source.notRemoteIpBlocks ?? []),
        ...conditions([rule], "remote.ip"),
      ];
      const inside = blocks.map((block) => block.split("/")[0]!);
      headers.push(["x-forwarded-for", random.pick([...FORWARDED, ...inside, ...inside])]);
    }
    if (method === "OPTIONS" && random.chance(0.3))
      headers.push(["origin", "https://other.test"], ["access-control-request-method", "GET"]);
    return {
      caller: random.between(0, callers.length - 1),
      method,
      path,
      authority: authority.replace(/[^\x21-\x7e]/g, "x"),
      headers: headers.map(([name, value]) => [name, Buffer.from(value).toString("latin1").trim()]),
      tokens: this.#tokens(claims, path),
    };
  }

  /** None, one, or two of the same issuer. */
  #tokens(claims: Record<string, Json>, path: string): GeneratedToken[] {
    const random = this.#random;
    // Of a query that has more, Envoy sorts and decodes the rest when it takes a token out.
    const places = (["cookie", "param", "header"] as const).filter(
      (place) => place !== "param" || !/[?#]/.test(path),
    );
    const count = random.pick([0, 1, 1, 2]);
    const first = random.chance(0.85) ? places.length - 1 : random.between(0, places.length - 1);
    const shown = places.filter((_, at) => at === first || (count === 2 && random.chance(0.6)));
    return shown.slice(0, count).map((place, at) => ({
      place,
      claims: at === 0 || random.chance(0.5) ? claims : { ...claims, sub: random.pick(SUBJECTS) },
      forged: random.chance(0.04),
    }));
  }

  #headerValue(): string {
    return this.#random.pick(HEADER_VALUES);
  }

  /** A claim with this text: by itself, in a list, or where it does not count. */
  #claim(text: string): Json {
    const number = Number(text);
    return this.#random.pick<Json>([
      text,
      text,
      [text],
      [7, "other", text],
      `${text}\nx`,
      [[text]],
      { text },
      ...(text !== "" && Number.isFinite(number) ? [number, number] : []),
    ]);
  }

  #claims(principals: readonly string[]): Record<string, Json> {
    const random = this.#random;
    const claims: Record<string, Json> = {
      iss: random.pick([ISSUERS[0]!, ISSUERS[0]!, ISSUERS[0]!, ISSUERS[1]!, "unknown"]),
      sub: random.pick(SUBJECTS),
    };
    if (principals.length > 0 && random.chance(0.8)) {
      const wanted = this.#fulfil(random.pick(principals), "alice");
      const issuer = ISSUERS.find((one) => wanted.startsWith(one) && random.chance(0.7));
      if (issuer !== undefined) claims.iss = issuer;
      const start =
        issuer !== undefined && random.chance(0.5) ? issuer.length + 1 : wanted.lastIndexOf("/") + 1;
      claims.sub = wanted.slice(start);
    }
    if (random.chance(0.1)) delete claims.sub;
    if (random.chance(0.5)) claims.aud = random.pick<Json>([...AUDIENCES, AUDIENCES, ["web"], []]);
    if (random.chance(0.3)) claims.azp = random.pick<Json>([...AUDIENCES, ["web", "api"]]);
    if (random.chance(0.5))
      claims.groups = random.pick<Json>([["admins", "dev"], "dev-ops", [], [7, "ops"], [["admins"]]]);
    if (random.chance(0.4))
      claims.scope = random.pick<Json>(["read write", "read", "", " ", ["read"], "write  x"]);
    if (random.chance(0.3)) claims.permission = random.pick<Json>(["read", "x read"]);
    if (random.chance(0.3)) claims.tenant = random.pick<Json>(["t1", "t2 t1", 7, null]);
    if (random.chance(0.3))
      claims.realm = random.pick<Json>([
        { roles: ["admins"], name: "main" },
        { roles: "ops" },
        "main",
        ["x"],
      ]);
    if (random.chance(0.2)) claims["a.b"] = "dotted";
    if (random.chance(0.2))
      claims.a = random.pick<Json>([
        { b: "deep" },
        { b: ["deep", 1] },
        { b: { c: "deep" } },
        { b: "line\nfeed" },
      ]);
    if (random.chance(0.2)) claims.count = 7;
    return claims;
  }

  /** A text that matches a pattern, mostly. */
  #fulfil(pattern: string, other: string): string {
    const random = this.#random;
    if (random.chance(0.08)) return other;
    if (pattern.includes("{*"))
      return pattern
        .replaceAll("{**}", () => random.pick(["", "a", "a/b", "a//b", "users/7", "=x", "%2e"]))
        .replaceAll("{*}", () =>
          random.pick(["a", "7", "bar", "users", "a.b~c", "x=y", "a/b", "", "*", ";x", '"']),
        );
    if (pattern === "*") return random.pick([other, "", "any"]);
    if (pattern.startsWith("*")) return `${random.pick(["", "x", other])}${pattern.slice(1)}`;
    if (pattern.endsWith("*")) return `${pattern.slice(0, -1)}${random.pick(["", "x", "/x", other])}`;
    return pattern;
  }

  /** What an attacker, or a careless client, makes of a path. */
  #disturbed(path: string): string {
    const random = this.#random;
    const at = random.between(0, path.length);
    switch (random.between(0, 8)) {
      case 0:
        return `${path}?q=/admin`;
      case 1:
        return `${path}?`;
      case 2:
        return `${path}/`;
      case 3:
        return path.replace("/", "//");
      case 4:
        return `/x/..${path}`;
      case 5:
        return `/.${path}`;
      case 6:
        return `${path.slice(0, at)}${random.pick(["%2f", "%41", ";p=1", "=", "\\", "%5c", "%zz"])}${path.slice(at)}`;
      case 7:
        return path.toUpperCase();
      default:
        return `${path}#fragment`;
    }
  }
}

/** All values of conditions on this key. */
function conditions(rules: readonly Rule[], wanted: string): string[] {
  return rules
    .flatMap(({ when = [] }) => when)
    .filter(({ key }) => key === wanted)
    .flatMap(({ values = [], notValues = [] }) => [...values, ...notValues]);
}

function setClaim(claims: Record<string, Json>, name: string, value: Json): void {
  // The issuer decides whether the token counts at all.
  if (name === "iss") return;
  // Nothing but a text: such a token is refused.
  if (name === "sub" && typeof value !== "string") return;
  const [first = "", second] = name.split("][");
  claims[first] = second === undefined ? value : { other: 1, [second]: value };
}

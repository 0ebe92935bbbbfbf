/** The rows of `authz`, beside Envoy's own RBAC filter with the same policies, and its `jwt_authn` with the same tokens. */
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { existsSync } from "node:fs";
import { root, type BenchModule } from "./build.ts";
import { jwtAuthnFilter, rbacFilter, wasmFilter, type Json, type RbacRule } from "./configuration.ts";
import { requireSameCalls } from "./host-calls.ts";
import type { LoadRequest } from "./load.ts";
import { headerCounts, hit, hitFields, oneUser, withCredentials, type HeaderCount } from "./requests.ts";
import { baseline, chain, COPIES, type Variant } from "./variants.ts";

export const authzNames = [
  "authz-10",
  "authz-20",
  "authz-same-calls",
  "rbac-20",
  "authz-200",
  "rbac-200",
  "authz-1000",
  "rbac-1000",
  "authz-jwt-cached",
  "jwt-authn-cached",
  "authz-jwt",
  "jwt-authn",
  "authz-api-key",
] as const;
export type AuthzName = (typeof authzNames)[number];

/** Our filter; `$AUTHZ_WASM` names another build of it, to compare two. */
const authzModule = process.env.AUTHZ_WASM ?? `${root}build/authz.wasm`;

/** Envoy's own counters by which a row is held to its work; of ours, its metrics. */
const counters = {
  ours: "outrigger_authz_decisions",
  sameCalls: "outrigger_bench_same_calls",
  rbac: "rbac\\.allowed$",
  jwt: "jwt_authn\\.allowed$",
};

/** Policies on method, path and a header, of which the last one lets the requests pass, and no other any. */
function rules(count: number): RbacRule[] {
  return Array.from({ length: count }, (_, number) => {
    const isLast = number === count - 1;
    return {
      name: `policy-${String(number).padStart(5, "0")}`,
      method: "GET",
      prefix: isLast ? "/reviews/" : `/service-${number}/`,
      header: "x-user",
      value: isLast ? oneUser : `user-${number}`,
    };
  });
}

/** The same as an AuthorizationPolicy. */
function policyOf({ name, method, prefix, header, value }: RbacRule): Json {
  return {
    name,
    action: "ALLOW",
    rules: [
      {
        to: [{ operation: { methods: [method], paths: [`${prefix}*`] } }],
        when: [{ key: `request.headers[${header}]`, values: [value] }],
      },
    ],
  };
}

const ISSUER = "https://issuer.example.test";
const API_KEY = "ork_0123456789abcdef0123456789abcdef";

/** So many tokens of RS256, of 800 bytes each, and the key set that they can be verified with. */
function tokens(count: number): { all: readonly [string, ...string[]]; jwks: string } {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const jwk = { ...publicKey.export({ format: "jwk" }), kid: "bench", alg: "RS256", use: "sig" };
  const header = base64url({ alg: "RS256", kid: "bench", typ: "JWT" });
  const token = (number: number): string => {
    const claims = {
      iss: ISSUER,
      sub: `user-${String(number).padStart(6, "0")}`,
      aud: ["bench"],
      exp: 4102444800,
      groups: ["admins", "editors"],
      realm: { roles: ["reader", "writer"] },
    };
    // Two dots, and a signature of 256 bytes.
    const room = ((TOKEN_BYTES - 2 - header.length - 342) * 3) / 4 - JSON.stringify(claims).length;
    const text = `${header}.${base64url({ ...claims, pad: "x".repeat(Math.floor(room) - 9) })}`;
    return `${text}.${sign("sha256", Buffer.from(text), privateKey).toString("base64url")}`;
  };
  const [first = token(0), ...more] = Array.from({ length: count }, (_, number) => token(number));
  return { all: [first, ...more], jwks: JSON.stringify({ keys: [jwk] }) };
}

const TOKEN_BYTES = 800;
/** More than any cache has. */
const MANY_TOKENS = 5000;

function base64url(value: Json): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** Lets pass whoever is known. */
const anyone = {
  name: "anyone",
  rules: [{ from: [{ source: { requestPrincipals: ["*"] } }] }],
};

/**
 * The rows asked for, in the order of the table, after the baseline; throws when the module is not built, and when the hand-written one does not do
 * what ours does.
 */
export async function authzVariants(
  built: Record<BenchModule, string>,
  only: ReadonlySet<string>,
  separateVms: boolean,
): Promise<Variant[]> {
  const row = (
    name: AuthzName,
    title: string,
    counter: string,
    filter: (copy: number) => Json,
    requests: (headers: HeaderCount, expected: string) => LoadRequest = hit,
  ): Variant => ({
    ...baseline,
    name,
    title,
    divisor: COPIES,
    check: { kind: "counted", counter, refuses: false },
    requests,
    spec: (port) => chain(port, COPIES, filter),
  });
  /** `apart`: copies have VMs of their own, since those of one remember a token for each of them. */
  const ours = (
    name: AuthzName,
    title: string,
    configuration: Json,
    requests?: Variant["requests"],
    apart: boolean = separateVms,
  ): Variant =>
    row(
      name,
      title,
      counters.ours,
      (copy) =>
        wasmFilter(
          `copy-${copy}`,
          authzModule,
          "",
          JSON.stringify(configuration),
          apart ? `copy-${copy}` : "",
        ),
      requests,
    );
  const rows = ([10, 20, 200, 1000] as const).flatMap((count): Variant[] => {
    const policies = rules(count);
    const title = `${count.toLocaleString("en")} policies`;
    const authz = ours(`authz-${count}`, `authz, ${title}`, { policies: policies.map(policyOf) });
    if (count === 10) return [authz];
    return [
      authz,
      ...(count === 20 ? [byHand()] : []),
      row(`rbac-${count}`, `Envoy RBAC, ${title}`, counters.rbac, (copy) =>
        rbacFilter(`copy-${copy}`, policies),
      ),
    ];
  });
  if (authzNames.slice(-5).some((name) => only.has(name))) rows.push(...credentialRows());
  const asked = rows.filter(({ name }) => only.has(name));
  if (asked.length > 0 && !existsSync(authzModule))
    throw new Error(`${authzModule} is missing: npm run build`);
  if (only.has("authz-same-calls")) {
    for (const headers of headerCounts) {
      await requireSameCalls(
        { module: authzModule, configuration: () => JSON.stringify({ policies: rules(20).map(policyOf) }) },
        { module: built.authzSameCalls, configuration: () => oneUser },
        hitFields(headers, oneUser),
        COPIES,
      );
    }
  }
  return [baseline, ...asked];

  /** Knows one of the twenty policies. */
  function byHand(): Variant {
    return row("authz-same-calls", "hand-written, same calls", counters.sameCalls, (copy) =>
      wasmFilter(`copy-${copy}`, built.authzSameCalls, "", oneUser, separateVms ? `copy-${copy}` : ""),
    );
  }

  /** Each copy verifies the token: it is forwarded. */
  function credentialRows(): Variant[] {
    const { all, jwks } = tokens(MANY_TOKENS);
    const bearer =
      (shown: readonly string[]): NonNullable<Variant["requests"]> =>
      (count, expected) =>
        withCredentials(
          count,
          expected,
          "authorization",
          shown.map((token) => `Bearer ${token}`),
        );
    const one = bearer(all.slice(0, 1));
    const many = bearer(all);
    const configuration = {
      jwtRules: [{ issuer: ISSUER, audiences: ["bench"], jwks, forwardOriginalToken: true }],
      policies: [anyone],
    };
    const native = (cached: boolean) => (copy: number) =>
      jwtAuthnFilter(`copy-${copy}`, ISSUER, "bench", jwks, cached ? 1000 : 0);
    const byKey = {
      apiKeys: {
        from: [{ header: "x-api-key" }],
        forward: true,
        keys: [{ name: "bench", sha256: createHash("sha256").update(API_KEY).digest("hex") }],
      },
      policies: [anyone],
    };
    const key: NonNullable<Variant["requests"]> = (count, expected) =>
      withCredentials(count, expected, "x-api-key", [API_KEY]);
    return [
      ours("authz-jwt-cached", "authz, a cached token", configuration, one, true),
      row("jwt-authn-cached", "Envoy jwt_authn, a cached token", counters.jwt, native(true), one),
      ours("authz-jwt", "authz, a new token", configuration, many, true),
      row("jwt-authn", "Envoy jwt_authn, without its cache", counters.jwt, native(false), many),
      ours("authz-api-key", "authz, an API key", byKey, key, true),
    ];
  }
}

/** The rows of `authz`, beside Envoy's own RBAC filter with the same policies. */
import { existsSync } from "node:fs";
import { root } from "./build.ts";
import { rbacFilter, wasmFilter, type Json, type RbacRule } from "./configuration.ts";
import { hit, oneUser } from "./requests.ts";
import { baseline, chain, COPIES, type Variant } from "./variants.ts";

export const authzNames = [
  "authz-10",
  "authz-20",
  "rbac-20",
  "authz-200",
  "rbac-200",
  "authz-1000",
  "rbac-1000",
] as const;
export type AuthzName = (typeof authzNames)[number];

/** Our filter; `$AUTHZ_WASM` names another build of it, to compare two. */
const authzModule = process.env.AUTHZ_WASM ?? `${root}build/authz.wasm`;

/** Envoy's own counters by which a row is held to its work; of ours, its metrics. */
const counters = { ours: "outrigger_authz_decisions", rbac: "rbac\\.allowed$" };

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

/** The rows asked for, in the order of the table, after the baseline; throws when the module is not built. */
export function authzVariants(only: ReadonlySet<string>, separateVms: boolean): Variant[] {
  const row = (name: AuthzName, title: string, counter: string, filter: (copy: number) => Json): Variant => ({
    ...baseline,
    name,
    title,
    divisor: COPIES,
    check: { kind: "counted", counter, refuses: false },
    requests: hit,
    spec: (port) => chain(port, COPIES, filter),
  });
  const ours = (name: AuthzName, title: string, configuration: Json): Variant =>
    row(name, title, counters.ours, (copy) =>
      wasmFilter(
        `copy-${copy}`,
        authzModule,
        "",
        JSON.stringify(configuration),
        separateVms ? `copy-${copy}` : "",
      ),
    );
  const rows = ([10, 20, 200, 1000] as const).flatMap((count): Variant[] => {
    const policies = rules(count);
    const title = `${count.toLocaleString("en")} policies`;
    const authz = ours(`authz-${count}`, `authz, ${title}`, { policies: policies.map(policyOf) });
    if (count === 10) return [authz];
    return [
      authz,
      row(`rbac-${count}`, `Envoy RBAC, ${title}`, counters.rbac, (copy) =>
        rbacFilter(`copy-${copy}`, policies),
      ),
    ];
  });
  const asked = rows.filter(({ name }) => only.has(name));
  if (asked.length > 0 && !existsSync(authzModule))
    throw new Error(`${authzModule} is missing: npm run build`);
  return [baseline, ...asked];
}

/**
 * Envoy's own RBAC filters for a policy, as istiod makes them (Istio `pilot/pkg/security/authz`: `builder.go`, `model/generator.go`,
 * `matcher/`), for the fields that a test of requests needs: what a request says of itself.
 */

/** An operation of a rule, as `AuthorizationPolicy` has it. */
export interface Operation {
  methods?: readonly string[];
  notMethods?: readonly string[];
  paths?: readonly string[];
  notPaths?: readonly string[];
  hosts?: readonly string[];
  notHosts?: readonly string[];
}

/** A condition on a header: `request.headers[name]`. */
export interface Condition {
  key: `request.headers[${string}]`;
  values?: readonly string[];
  notValues?: readonly string[];
}

export interface Policy {
  name: string;
  action: "ALLOW" | "DENY";
  rules: readonly { to?: readonly { operation: Operation }[]; when?: readonly Condition[] }[];
}

/** The namespace that istiod knows the policies by; it stands in the name of what matched. */
const NAMESPACE = "default";

/** What RBAC says of a request that no ALLOW policy matches. */
export const NATIVE_NO_ALLOW = "rbac_access_denied_matched_policy[none]";

/** The filters, in their order: DENY, then ALLOW. */
export function nativeFilters(policies: readonly Policy[]): object[] {
  return (["DENY", "ALLOW"] as const).flatMap((action) => {
    const chosen = policies.filter((policy) => policy.action === action);
    return chosen.length === 0 ? [] : [filter(action, chosen)];
  });
}

function filter(action: "ALLOW" | "DENY", policies: readonly Policy[]): object {
  const rules = policies.flatMap(({ name, rules: list }) =>
    list.map((rule, at) => [
      `ns[${NAMESPACE}]-policy[${name}]-rule[${at}]`,
      {
        permissions: (rule.to ?? [{ operation: {} }]).map(({ operation }) => permission(operation)),
        principals: [principal(rule.when ?? [])],
      },
    ]),
  );
  return {
    name: "envoy.filters.http.rbac",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
      rules: { action, policies: Object.fromEntries(rules) as object },
      shadow_rules_stat_prefix: "native_",
    },
  };
}

function permission({ methods, notMethods, paths, notPaths, hosts, notHosts }: Operation): object {
  const method = (value: string): object => ({ header: headerMatcher(":method", value, false) });
  const host = (value: string): object => ({ header: headerMatcher(":authority", value, true) });
  const rules = [
    ...some(hosts, host, "or_rules", "rules"),
    ...none(notHosts, host, "not_rule", "or_rules", "rules"),
    ...some(methods, method, "or_rules", "rules"),
    ...none(notMethods, method, "not_rule", "or_rules", "rules"),
    ...some(paths, path, "or_rules", "rules"),
    ...none(notPaths, path, "not_rule", "or_rules", "rules"),
  ];
  return { and_rules: { rules: rules.length > 0 ? rules : [{ any: true }] } };
}

function principal(when: readonly Condition[]): object {
  const ids = when.flatMap(({ key, values, notValues }) => {
    const name = key.slice("request.headers[".length, -1);
    const header = (value: string): object => ({ header: headerMatcher(name, value, false) });
    return [...some(values, header, "or_ids", "ids"), ...none(notValues, header, "not_id", "or_ids", "ids")];
  });
  return { and_ids: { ids: ids.length > 0 ? ids : [{ any: true }] } };
}

/** One of the values must match, where there are any. */
function some(
  values: readonly string[] = [],
  matcher: (value: string) => object,
  or: string,
  list: string,
): object[] {
  return values.length === 0 ? [] : [{ [or]: { [list]: values.map(matcher) } }];
}

function none(
  values: readonly string[] = [],
  matcher: (value: string) => object,
  not: string,
  or: string,
  list: string,
): object[] {
  return some(values, matcher, or, list).map((one) => ({ [not]: one }));
}

/** `matcher.HeaderMatcher` and `matcher.HostMatcher`: "*" is presence, an asterisk at an end is any text there. */
function headerMatcher(name: string, value: string, ignoreCase: boolean): object {
  if (value === "*") return { name, present_match: true };
  const match = (kind: "exact" | "prefix" | "suffix", text: string): object => ({
    name,
    string_match: { [kind]: text, ignore_case: ignoreCase },
  });
  if (value.startsWith("*")) return match("suffix", value.slice(1));
  return value.endsWith("*") ? match("prefix", value.slice(0, -1)) : match("exact", value);
}

/** `pathGenerator`: `{*}` and `{**}` make a template. "*" is any path but an empty one. */
function path(value: string): object {
  if (value.includes("{*}") || value.includes("{**}")) {
    return {
      uri_template: {
        name: "uri-template",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
          path_template: value.replaceAll("{*}", "*").replaceAll("{**}", "**"),
        },
      },
    };
  }
  const of = (match: object): object => ({ url_path: { path: match } });
  if (value === "*") return of({ safe_regex: { regex: ".+" } });
  if (value.startsWith("*")) return of({ suffix: value.slice(1) });
  return of(value.endsWith("*") ? { prefix: value.slice(0, -1) } : { exact: value });
}

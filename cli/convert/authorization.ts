/** `AuthorizationPolicy` and `RequestAuthentication` to `authz`: those of one target are one plugin. */
import { yamlConfiguration } from "../configuration.ts";
import type { Modules } from "../modules.ts";
import { refusalOf } from "../refusal.ts";
import type { ClaimReader } from "./claim-readers.ts";
import type { Field } from "./field.ts";
import { signOfGateways } from "./gateways.ts";
import { findKeyHosts } from "./key-hosts.ts";
import type { MeshConfig } from "./mesh-config.ts";
import { resourceName, ruleName } from "./names.ts";
import {
  labelsOf,
  overlap,
  referencesOf,
  targetKey,
  targetOf,
  type ConvertedPlugin,
  type Target,
  insteadOf,
} from "./plugin.ts";
import type { Resource } from "./resources.ts";

export interface AuthorizationOptions {
  modules: Modules;
  mesh: MeshConfig;
  /** Policies are for gateways, whatever their labels. */
  gateway: boolean;
  /** Of other kinds: what stays, and reads what Istio has verified. */
  readers: readonly ClaimReader[];
}

interface Policy {
  resource: Resource;
  action: string;
  shadow: boolean;
  /** Of a CUSTOM policy: whom it asks. */
  provider: string | null;
  config: object;
}

/** All that is for the same proxies. */
interface Group {
  namespace: string;
  target: Target;
  policies: Policy[];
  /** Policies that Istio goes on asking. */
  staying: Policy[];
  authentications: { resource: Resource; rules: unknown[] }[];
  /** What must be in the plugin, and cannot be: then nothing of the group is converted. */
  missing: Resource | null;
  members: Resource[];
  /** Members that something was told of. */
  left: Set<Resource>;
}

/** Annotation by which istiod only tries a policy; it takes what Go's `strconv.ParseBool` takes for true. */
const DRY_RUN = "istio.io/dry-run";
const TRUE = ["1", "t", "T", "TRUE", "true", "True"];

export function convertAuthorization(
  resources: readonly Resource[],
  options: AuthorizationOptions,
): ConvertedPlugin[] {
  const groups = new Map<string, Group>();
  const groupOf = (resource: Resource): Group => {
    const target = targetOf(resource);
    const key = targetKey(resource.namespace, target);
    const group: Group = groups.get(key) ?? {
      namespace: resource.namespace,
      target,
      policies: [],
      staying: [],
      authentications: [],
      missing: null,
      members: [],
      left: new Set(),
    };
    groups.set(key, group);
    group.members.push(resource);
    return group;
  };
  for (const resource of resources) {
    if (resource.group !== "security.istio.io") continue;
    if (resource.kind === "AuthorizationPolicy") readPolicy(resource, groupOf(resource), options);
    if (resource.kind === "RequestAuthentication") readAuthentication(resource, groupOf(resource));
  }
  const all = [...groups.values()];
  for (const group of all) if (group.missing === null) check(group, options);
  if (options.gateway) for (const group of all) leaveMeshWide(group, options.mesh.rootNamespace);
  leaveWhatMeets(all, options.mesh.rootNamespace);
  leaveReadTokens(all, options);
  for (const group of all) leaveRest(group);
  return all.flatMap((group) => (group.missing === null ? pluginsOf(group, resources, options) : []));
}

function readPolicy(resource: Resource, group: Group, { mesh }: AuthorizationOptions): void {
  const { spec, root } = resource;
  const before = spec.place.report.count;
  const action = spec.get("action")?.text() ?? "ALLOW";
  const provider = spec.get("provider")?.get("name")?.text() ?? null;
  spec.get("provider")?.finish();
  const rules = spec.get("rules");
  spec.finish();
  const annotation = root.find("metadata", "annotations", DRY_RUN)?.text() ?? "";
  const shadow = TRUE.includes(annotation);
  const config = {
    name: ruleName(resource.name, isReserved),
    ...(resource.namespace === "" ? {} : { namespace: resource.namespace }),
    ...(shadow ? { mode: "shadow" } : {}),
    ...(spec.has("action") ? { action } : {}),
    ...(provider === null ? {} : { provider: { name: provider } }),
    ...(rules === null ? {} : { rules: rules.value() }),
  };
  const policy = { resource, action, shadow, provider: action === "CUSTOM" ? provider : null, config };
  if (policy.provider !== null && !mesh.providers.has(policy.provider))
    spec
      .find("provider", "name")!
      .leave(
        `no extensionProvider "${policy.provider}" in the input: give the mesh's configuration too (an IstioOperator, or istiod's ConfigMap)`,
      );
  if (spec.place.report.count === before) group.policies.push(policy);
  else leavePolicy(policy, group);
}

function readAuthentication(resource: Resource, group: Group): void {
  const { spec, root } = resource;
  const before = spec.place.report.count;
  const rules = (spec.get("jwtRules")?.items() ?? []).map((rule) => rule.value());
  spec.finish();
  if (spec.place.report.count > before) leaveTokens(resource, group);
  else if (rules.length === 0) {
    group.left.add(resource);
    root.note("no jwtRules: it does nothing, and nothing was made of it");
  } else group.authentications.push({ resource, rules });
}

/** Lets the filter read all of a group, and leaves what it refuses. */
function check(group: Group, { modules, mesh }: AuthorizationOptions): void {
  for (;;) {
    const { policies, authentications } = group;
    const providers = providersOf(group);
    const configuration = configurationOf(group, mesh);
    const told = refusalOf(modules.runnerOf("authz"), "authz", JSON.stringify(configuration));
    if (told.length === 0) return;
    const refused = new Set<Policy>();
    for (const problem of told) {
      const [, list, number, rest] =
        /^(policies|jwtRules|extensionProviders)\[(\d+)\]\.?(.*)$/s.exec(problem) ?? [];
      const at = Number(number);
      if (list === "policies") {
        leaveAt(policies[at]!.resource.spec, rest!);
        refused.add(policies[at]!);
      } else if (list === "extensionProviders") {
        leaveAt(mesh.providers.get(providers[at]!)!, rest!);
        for (const policy of policies) if (policy.provider === providers[at]) refused.add(policy);
      } else if (list === "jwtRules") {
        let first = 0;
        for (const { resource, rules } of authentications) {
          if (at >= first && at < first + rules.length) {
            leaveAt(resource.spec, `jwtRules[${at - first}].${rest!}`);
            leaveTokens(resource, group);
          }
          first += rules.length;
        }
      } else {
        const { resource } = (policies[0] ?? authentications[0])!;
        resource.root.leave(`the filter refuses what was made of it: ${problem}`);
        group.missing = resource;
        group.left.add(resource);
      }
    }
    group.policies = policies.filter((policy) => !refused.has(policy));
    for (const policy of refused) leavePolicy(policy, group);
    if (group.missing !== null) return;
  }
}

/** Istio asks its providers before any plugin, and AUDIT and dry runs decide nothing: these may stay where they are. */
function leavePolicy(policy: Policy, group: Group): void {
  const { resource, action, shadow } = policy;
  const { spec, title } = resource;
  group.left.add(resource);
  if (action === "CUSTOM" || action === "AUDIT" || shadow) {
    group.staying.push(policy);
    return spec.note(`${title} stays with Istio, which asks it before the plugin: keep it applied`);
  }
  spec.leave(`${title} decides with the others of its target, so none of these is converted`);
  group.missing ??= resource;
}

function leaveTokens(resource: Resource, group: Group): void {
  const { spec, title } = resource;
  spec.leave(`${title} decides with the policies of its target, so none of these is converted`);
  group.left.add(resource);
  group.missing ??= resource;
}

/** Names all that is not converted because something else is not. */
function leaveRest({ missing, members, left }: Group): void {
  if (missing === null) return;
  for (const resource of members)
    if (!left.has(resource))
      resource.spec.leave(
        `${resource.title} stays with Istio, as does ${missing.title}, which decides with it`,
      );
}

/** Gateways and sidecars both have listeners of a client: without labels, a plugin for gateways is asked about what sidecars send, too. */
function leaveMeshWide(group: Group, rootNamespace: string): void {
  const { namespace, target, members, left } = group;
  if (namespace !== rootNamespace || !hasNoLabels(target)) return;
  group.missing ??= members[0]!;
  for (const resource of members) {
    left.add(resource);
    resource.spec.leave(
      `for all proxies of the mesh: with --gateway its sidecars would ask the plugin about the requests that they send, too. Give it a selector with the gateways' labels`,
    );
  }
}

function hasNoLabels(target: Target): boolean {
  return target.targetRefs === undefined && Object.keys(labelsOf(target)).length === 0;
}

/** A problem that the filter tells of a configuration which is this part of the source. */
function leaveAt(at: Field, told: string): void {
  const { source, document, report } = at.place;
  const { path, message, ...position } = yamlConfiguration(source, document, at.node).locate(told);
  const whole = path === "" ? at.path : `${at.path}.${path}`;
  report.left.push({ file: source.file, ...position, path: whole, message });
}

/**
 * Istio joins the policies of all targets that a proxy has: the leave of one ALLOW policy is enough, and two plugins ask for the leave
 * of both. So where targets meet, only one may have ALLOW policies.
 */
function leaveWhatMeets(groups: readonly Group[], rootNamespace: string): void {
  const meets = (one: Group): Group[] =>
    groups.filter((other) => other !== one && overlap(one, other, rootNamespace));
  const allowing = (group: Group): Policy[] =>
    group.policies.filter(({ action, shadow }) => action === "ALLOW" && !shadow);
  const rivals = groups.filter((one) => {
    if (allowing(one).length === 0) return false;
    const rival = meets(one).find((other) => allowing(other).length > 0);
    for (const { resource } of rival === undefined ? [] : allowing(one)) {
      one.left.add(resource);
      resource.spec.leave(
        `an ALLOW policy, and so is ${allowing(rival!)[0]!.resource.title}, whose target has proxies in common with this one: Istio asks for the leave of one of them, two plugins would ask for that of both. Give both the same namespace and selector, or targets that exclude each other`,
      );
    }
    return rival !== undefined;
  });
  for (const rival of rivals) rival.missing ??= allowing(rival)[0]!.resource;
  // What only denies, and asks for no token, goes with anything that stays with Istio.
  const depends = (one: Group): boolean =>
    one.missing === null &&
    (allowing(one).length > 0 || looksAtTokens(one)) &&
    meets(one).some(({ missing }) => missing !== null);
  for (let one = groups.find(depends); one !== undefined; one = groups.find(depends))
    one.missing = meets(one).find(({ missing }) => missing !== null)!.missing;
}

/** Tokens that something else looks at, in a proxy of theirs, are Istio's to verify: its filter takes them out of the request, and all read what it found. */
function leaveReadTokens(groups: readonly Group[], { mesh, readers }: AuthorizationOptions): void {
  // All before any is changed: what stays with Istio is looked at by that, too.
  const looking = groups.filter((one) => one.missing === null && looksAtTokens(one));
  const staying = looking.flatMap((one) => {
    if (one.authentications.length === 0) return [];
    const meets = (other: Group): boolean => overlap(one, other, mesh.rootNamespace);
    const rival = looking.find((other) => other !== one && meets(other));
    if (rival !== undefined) {
      const { title } = (rival.authentications[0] ?? rival.policies.find(asksForToken))!.resource;
      return [
        {
          one,
          why: `${title} looks at the same tokens for another target, and one plugin does not know what another has verified`,
        },
      ];
    }
    const policy = groups
      .filter(meets)
      .flatMap((other) => other.staying)
      .find(asksForToken);
    const title = policy?.resource.title ?? readers.find((reader) => reader.meets(one))?.title;
    return title === undefined ? [] : [{ one, why: `${title} stays, and reads what Istio has verified` }];
  });
  for (const { one, why } of staying) {
    for (const { resource } of one.authentications)
      resource.spec.leave(
        `stays with Istio: ${why}. Keep it applied; the plugins read what Istio's own filter has verified`,
      );
    one.authentications = [];
  }
}

function looksAtTokens(group: Group): boolean {
  return group.authentications.length > 0 || group.policies.some(asksForToken);
}

function asksForToken({ config }: Policy): boolean {
  return /"(?:not)?requestPrincipals"|"request\.auth\./i.test(JSON.stringify(config));
}

function pluginsOf(
  group: Group,
  resources: readonly Resource[],
  { mesh, gateway }: AuthorizationOptions,
): ConvertedPlugin[] {
  const { namespace, target, policies, authentications } = group;
  const from = [...authentications, ...policies].map(({ resource }) => resource);
  if (from.length === 0) return [];
  const rules = authentications.flatMap((one) => one.rules);
  const pluginConfig = configurationOf(group, mesh);
  const first = from[0]!.root;
  const sign = gateway ? "--gateway" : signOfGateways(target, resources);
  const comments = [
    insteadOf(from, whereFrom(sign, policies.length > 0)),
    "The order CUSTOM, tokens, DENY, ALLOW is the filter's own.",
  ];
  const remark = (text: string): void => {
    comments.push(text);
    first.note(text);
  };
  if (policies.length > 0)
    remark(
      "It sees HTTP requests. Istio enforces an AuthorizationPolicy for TCP connections too, and in ambient mode by ztunnel. Keep the policies, with their RequestAuthentications, where their proxies have TCP ports, and in ambient mode where no waypoint loads this.",
    );
  if (
    mesh.trustDomain === null &&
    /"(?:principals|notPrincipals|trustDomains|notTrustDomains)"|"source\.(?:principal|trustDomain)"/.test(
      JSON.stringify(policies.map(({ config }) => config)),
    )
  )
    remark("The mesh's trust domain is not in the input; cluster.local is taken for it.");
  if (namespace === mesh.rootNamespace)
    remark(
      `In the root namespace (${namespace}): it reaches the proxies of all namespaces, beside the plugins of their own. DENY policies add up so; ALLOW policies of both would not.`,
    );
  for (const { resource, action, config } of policies) {
    const { name } = config as { name: string };
    if (name !== resource.name)
      remark(`${resource.title} is named ${name}: reasons and metrics take no other.`);
    if (action === "CUSTOM")
      remark(
        `${resource.title}: a check may take 2s, where Istio's default is 600s; \`timeout\` of the provider changes it.`,
      );
  }
  if (authentications.length > 0)
    remark(
      `Where ${authentications.map(({ resource }) => resource.title).join(", ")} is kept, take jwtRules out of this plugin: Istio's filter takes the tokens that it has verified out of requests, and the plugin reads what it found. Keep it while anything outside the input reads its claims: a policy, a VirtualService, an EnvoyFilter, an access log.`,
    );
  for (const text of findKeyHosts(rules, resources)) remark(text);
  remark(sideOf(sign, target));
  return [
    {
      filter: "authz",
      name: resourceName("authz", from.length > 1 ? targetName(target) : from[0]!.name),
      namespace,
      target,
      mode: sign === null ? "SERVER" : "CLIENT_AND_SERVER",
      phase: "AUTHZ",
      failStrategy: "FAIL_RELOAD",
      asksForPeer: asksForPeer(policies),
      pluginConfig,
      comments,
      from,
    },
  ];
}

/** Whose sources may go. A policy without `targetRefs` is for gateways too that its labels select, or all of its namespace. */
function whereFrom(sign: string | null, hasPolicies: boolean): string {
  if (sign !== null) return hasPolicies ? ", where its proxies serve HTTP alone" : "";
  return `, if its proxies are all sidecars${hasPolicies ? " that serve HTTP alone" : ""}`;
}

/** Which side of which proxies it is for: a wrong guess lets requests of a gateway pass, or asks about what a sidecar sends. */
function sideOf(sign: string | null, target: Target): string {
  if (sign === null)
    return "For the inbound side of sidecars (mode SERVER). Gateways have the other side and do not load it: keep what it was made of where it is for gateways too. For those a plugin comes of a selector with a gateway's labels, which a Gateway of the input or --gateway says; waypoints need targetRefs.";
  if (target.targetRefs !== undefined)
    return "For gateways and waypoints, which targetRefs name (mode CLIENT_AND_SERVER).";
  return `For gateways, as ${sign} says (mode CLIENT_AND_SERVER): ${hasNoLabels(target) ? "the sidecars of its namespace" : "sidecars with these labels"} would ask it about the requests that they send, too, so there must be none.`;
}

function configurationOf(group: Group, { trustDomain, trustDomainAliases, providers }: MeshConfig): object {
  const rules = group.authentications.flatMap((one) => one.rules);
  const asked = providersOf(group).map((name) => providers.get(name)!.value());
  return {
    ...(trustDomain === null ? {} : { trustDomain }),
    ...(trustDomainAliases.length === 0 ? {} : { trustDomainAliases }),
    ...(rules.length === 0 ? {} : { jwtRules: rules }),
    ...(asked.length === 0 ? {} : { extensionProviders: asked }),
    ...(group.policies.length === 0 ? {} : { policies: group.policies.map(({ config }) => config) }),
  };
}

function providersOf({ policies }: Group): string[] {
  return [...new Set(policies.flatMap(({ provider }) => provider ?? []))];
}

/** A word for the target: its labels' values, or what it refers to. */
function targetName(target: Target): string {
  const labels = Object.entries(labelsOf(target)).sort(([a], [b]) => (a < b ? -1 : 1));
  if (labels.length > 0) return labels.map(([, value]) => value).join("-");
  const names = referencesOf(target).flatMap((one) => (one as { name?: string } | null)?.name ?? []);
  return names.length === 0 ? "all" : names.join("-");
}

function asksForPeer(policies: readonly Policy[]): boolean {
  return policies.some(({ config }) =>
    /"(?:ipBlocks|notIpBlocks)":|"key":"source\.ip"/.test(JSON.stringify(config)),
  );
}

/** Reasons of the filter's own. */
function isReserved(name: string): boolean {
  return /^(?:error|allowed|no-allow|api-key|basic)$|^(?:jwt|custom)-/.test(name);
}

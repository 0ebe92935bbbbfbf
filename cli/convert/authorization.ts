/** `AuthorizationPolicy` and `RequestAuthentication` to `authz`: those of one target are one plugin. */
import { isOwnReason } from "../authz-reasons.ts";
import { yamlConfiguration } from "../configuration.ts";
import type { Modules } from "../modules.ts";
import { refusalOf } from "../refusal.ts";
import { pluginsOf } from "./authz-plugin.ts";
import type { ClaimReader } from "./claim-readers.ts";
import type { Field } from "./field.ts";
import {
  leaveMeshWide,
  leaveReadTokens,
  leaveRest,
  leaveWhatAllowsNothing,
  leaveWhatMeets,
} from "./meeting-targets.ts";
import type { MeshConfig } from "./mesh-config.ts";
import { ruleName } from "./names.ts";
import { targetKey, targetOf, type ConvertedPlugin } from "./plugin.ts";
import { configurationOf, providersOf, type Group, type Policy } from "./policy-group.ts";
import type { Resource } from "./resources.ts";

export interface AuthorizationOptions {
  modules: Modules;
  mesh: MeshConfig;
  /** Policies are for gateways, whatever their labels. */
  gateway: boolean;
  /** Of other kinds: what stays, and reads what Istio has verified. */
  readers: readonly ClaimReader[];
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
      beside: null,
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
  leaveWhatAllowsNothing(all, options.mesh.rootNamespace);
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
    name: ruleName(resource.name, isOwnReason),
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

/** A problem that the filter tells of a configuration which is this part of the source. */
function leaveAt(at: Field, told: string): void {
  const { source, document, report } = at.place;
  const { path, message, ...position } = yamlConfiguration(source, document, at.node).locate(told);
  const whole = path === "" ? at.path : `${at.path}.${path}`;
  report.left.push({ file: source.file, ...position, path: whole, message });
}

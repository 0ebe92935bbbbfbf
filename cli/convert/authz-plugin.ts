/** The `authz` plugin of a target, and what is to be known before it is applied. */
import { signOfGateways } from "./gateways.ts";
import { findKeyHosts } from "./key-hosts.ts";
import type { MeshConfig } from "./mesh-config.ts";
import { resourceName } from "./names.ts";
import { insteadOf, labelsOf, referencesOf, type ConvertedPlugin, type Target } from "./plugin.ts";
import { allowing, configurationOf, hasNoLabels, type Group, type Policy } from "./policy-group.ts";
import type { Resource } from "./resources.ts";

/** None where the group has nothing. `gateway`: it is for gateways, whatever its labels. */
export function pluginsOf(
  group: Group,
  resources: readonly Resource[],
  { mesh, gateway }: { mesh: MeshConfig; gateway: boolean },
): ConvertedPlugin[] {
  const { namespace, target, policies, authentications } = group;
  const from = [...authentications, ...policies].map(({ resource }) => resource);
  if (from.length === 0) return [];
  const rules = authentications.flatMap((one) => one.rules);
  const pluginConfig = configurationOf(group, mesh);
  const first = from[0]!.root;
  const sign = gateway ? "--gateway" : signOfGateways(target, resources);
  const staying = group.beside === null ? [] : allowing(group).map(({ resource }) => resource);
  const going = from.filter((resource) => !staying.includes(resource));
  const comments = [
    ...(going.length === 0 ? [] : [insteadOf(going, whereFrom(sign, policies.length > 0))]),
    ...(group.beside === null ? [] : [besideOf(staying, group.beside)]),
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
  for (const text of findKeyHosts(rules, target, resources)) remark(text);
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

/** What stays applied with the plugin, as a comment. */
function besideOf(from: readonly Resource[], { title }: Resource): string {
  const stay = from.length === 1 ? "stays" : "stay";
  return `Beside ${from.map((one) => one.title).join(", ")}, which ${stay} applied: ${title} stays with Istio, and lets pass only what Istio's own ALLOW policies do.`;
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

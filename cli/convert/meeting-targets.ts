/** Targets that have proxies in common: what plugins of both would decide otherwise than Istio does, which joins the policies of all, stays with it. */
import type { ClaimReader } from "./claim-readers.ts";
import type { MeshConfig } from "./mesh-config.ts";
import { overlap } from "./plugin.ts";
import {
  allowing,
  asksForToken,
  hasNoLabels,
  looksAtTokens,
  type Group,
  type Policy,
} from "./policy-group.ts";

/**
 * Istio joins the policies of all targets that a proxy has: the leave of one ALLOW policy is enough, and two plugins ask for the leave
 * of both. So where targets meet, only one may have ALLOW policies.
 */
export function leaveWhatMeets(groups: readonly Group[], rootNamespace: string): void {
  const meets = meetingOf(groups, rootNamespace);
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

/**
 * A policy that allows nothing makes other ALLOW policies needed, and no plugin is for proxies that have none: a selector cannot say that. So it
 * stays, and where others allow, both Istio and the plugin ask, and get the same answer. To be called before a target is left for what it is: without
 * this policy it is none that others meet.
 */
export function leaveWhatAllowsNothing(groups: readonly Group[], rootNamespace: string): void {
  const meets = meetingOf(groups, rootNamespace);
  const allows = (group: Group): boolean => allowing(group).some((policy) => !allowsNothing(policy));
  for (const one of groups) {
    const nothing = one.missing !== null || allows(one) ? [] : allowing(one);
    const others = nothing.length === 0 ? [] : meets(one).filter(allows);
    if (others.length === 0) continue;
    const titles = others.flatMap(allowing).map(({ resource }) => resource.title);
    for (const { resource } of nothing) {
      one.left.add(resource);
      resource.spec.leave(
        `allows nothing: it stays with Istio, which no selector can tell to leave out the proxies of ${titles.join(", ")}`,
      );
    }
    one.policies = one.policies.filter((policy) => !nothing.includes(policy));
    const { resource } = nothing[0]!;
    for (const other of others) other.beside = resource;
  }
}

/** The others that a group has proxies in common with. */
function meetingOf(groups: readonly Group[], rootNamespace: string): (one: Group) => Group[] {
  return (one) => groups.filter((other) => other !== one && overlap(one, other, rootNamespace));
}

function allowsNothing({ config }: Policy): boolean {
  const { rules } = config as { rules?: unknown[] };
  return !Array.isArray(rules) || rules.length === 0;
}

/** Tokens that something else looks at, in a proxy of theirs, are Istio's to verify: its filter takes them out of the request, and all read what it found. */
export function leaveReadTokens(
  groups: readonly Group[],
  { mesh: { rootNamespace }, readers }: { mesh: MeshConfig; readers: readonly ClaimReader[] },
): void {
  const looking = groups.filter((one) => one.missing === null && looksAtTokens(one));
  const whyStaying = (one: Group): string | null => {
    if (one.beside !== null && allowing(one).some(asksForToken))
      return `${one.beside.title} does, and needs Istio's own ALLOW policies beside the plugin, which look at these tokens`;
    const meeting = (all: readonly Group[]): Group[] =>
      all.filter((other) => overlap(one, other, rootNamespace));
    const rival = meeting(looking).find((other) => other !== one);
    if (rival !== undefined) {
      const { title } = (rival.authentications[0] ?? rival.policies.find(asksForToken))!.resource;
      return `${title} looks at the same tokens for another target, and one plugin does not know what another has verified`;
    }
    const policy = meeting(groups)
      .flatMap(({ staying }) => staying)
      .find(asksForToken);
    const title = policy?.resource.title ?? readers.find((reader) => reader.meets(one))?.title;
    return title === undefined ? null : `${title} stays, and reads what Istio has verified`;
  };
  // Of all before any is changed: tokens that stay with Istio are looked at there.
  for (const { one, why } of looking.map((one) => ({ one, why: whyStaying(one) }))) {
    if (why === null) continue;
    for (const { resource } of one.authentications)
      resource.spec.leave(
        `stays with Istio: ${why}. Keep it applied; the plugins read what Istio's own filter has verified`,
      );
    one.authentications = [];
  }
}

/** Gateways and sidecars both have listeners of a client: without labels, a plugin for gateways is asked about what sidecars send, too. */
export function leaveMeshWide(group: Group, rootNamespace: string): void {
  const { namespace, target, members, left } = group;
  if (namespace !== rootNamespace || !hasNoLabels(target)) return;
  const others = members.filter((resource) => !left.has(resource));
  if (others.length === 0) return;
  group.missing ??= others[0]!;
  for (const resource of others) {
    left.add(resource);
    resource.spec.leave(
      "for all proxies of the mesh: with --gateway its sidecars would ask the plugin about the requests that they send, too. Give it a selector with the gateways' labels",
    );
  }
}

/** Names all that is not converted because something else is not. */
export function leaveRest({ missing, members, left }: Group): void {
  if (missing === null) return;
  for (const resource of members)
    if (!left.has(resource))
      resource.spec.leave(
        `${resource.title} stays with Istio, as does ${missing.title}, which decides with it`,
      );
}

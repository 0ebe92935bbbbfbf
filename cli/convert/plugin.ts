/** What comes out: a plugin of ours, and the Istio resource for it. */
import type { Field } from "./field.ts";
import type { Resource } from "./resources.ts";

/** Which proxies: members of `spec`, as the source has them. */
export interface Target {
  selector?: unknown;
  targetRefs?: unknown;
}

/** Where a resource counts: the root namespace's in all. */
export interface Place {
  namespace: string;
  target: Target;
}

export interface ConvertedPlugin {
  filter: string;
  name: string;
  namespace: string;
  target: Target;
  /** On which side of a proxy: istiod takes a gateway's listeners for those of a client (`workloadModeForListenerClass`). */
  mode: "CLIENT" | "SERVER" | "CLIENT_AND_SERVER";
  ports?: readonly number[];
  phase?: "AUTHN" | "AUTHZ";
  priority?: number;
  /** What requests get while the module cannot run. */
  failStrategy: "FAIL_OPEN" | "FAIL_RELOAD";
  network?: boolean;
  /** It looks at the address of the connection's peer, which {@link companionOf} it hands on. */
  asksForPeer?: boolean;
  pluginConfig: object;
  comments: string[];
  /** What it stands for, and what problems are told of. */
  from: readonly Resource[];
}

/** Another resource that goes with the plugins: what is left of a source. */
export interface ConvertedResource {
  manifest: object;
  comments: string[];
}

export interface PluginOptions {
  kind: "WasmPlugin" | "TrafficExtension";
  /** With `{filter}` where the filter's name goes. */
  url: string;
  /** Digests by filter; under `*` that of all. */
  sha256: ReadonlyMap<string, string>;
}

export function manifestOf(plugin: ConvertedPlugin, { kind, url, sha256 }: PluginOptions): object {
  const { filter, name, namespace, target, mode, ports, phase, priority, failStrategy } = plugin;
  const digest = sha256.get(filter) ?? sha256.get("*");
  const order = {
    ...(phase === undefined ? {} : { phase }),
    ...(priority === undefined ? {} : { priority }),
    match: [{ mode, ...(ports === undefined ? {} : { ports: ports.map((number) => ({ number })) }) }],
  };
  const wasm = {
    url: url.replaceAll("{filter}", filter),
    ...(digest === undefined ? {} : { sha256: digest }),
    ...(plugin.network === true ? { type: "NETWORK" } : {}),
    failStrategy,
    pluginName: filter,
    pluginConfig: plugin.pluginConfig,
  };
  return {
    apiVersion: "extensions.istio.io/v1alpha1",
    kind,
    metadata: { name, ...(namespace === "" ? {} : { namespace }) },
    spec: kind === "WasmPlugin" ? { ...target, ...order, ...wasm } : { ...target, ...order, wasm },
  };
}

/** The network filter beside an `authz` that asks for the connection's peer; null for other plugins. */
export function companionOf(plugin: ConvertedPlugin): ConvertedPlugin | null {
  if (plugin.asksForPeer !== true) return null;
  return {
    ...plugin,
    name: `${plugin.name}-peer`,
    network: true,
    asksForPeer: false,
    pluginConfig: { mode: "enforce" },
    comments: [
      `Hands the address of the connection's peer to ${plugin.name}, which has policies with ipBlocks or source.ip: apply both.`,
    ],
  };
}

/**
 * The members of a spec that say which proxies; read so that they count as asked for. A `targetRef` is a list of one, as istiod has it
 * (`GetTargetRefs` of `policyattachment.go`): a TrafficExtension has no other.
 */
export function targetOf({ spec }: Resource): Target {
  const [selector, single] = ["selector", "targetRef"].map((name) => spec.get(name));
  const targetRefs = targetRefsOf(spec) ?? (single == null ? undefined : [single.value()]);
  return {
    ...(selector == null ? {} : { selector: selector.value() }),
    ...(targetRefs === undefined ? {} : { targetRefs }),
  };
}

/** An empty list is none, as istiod has it. */
export function targetRefsOf(spec: Field): unknown {
  const references = spec.get("targetRefs")?.value();
  return Array.isArray(references) && references.length === 0 ? undefined : references;
}

/** Targets that are the same one have the same text, whatever the order of their labels. */
export function targetKey(namespace: string, target: Target): string {
  const labels = Object.entries(labelsOf(target)).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([namespace, labels, referencesOf(target)]);
}

export function labelsOf({ selector }: Target): Record<string, string> {
  const { matchLabels } = (selector ?? {}) as { matchLabels?: Record<string, string> };
  return matchLabels ?? {};
}

/** Whether they are of different Gateways by reference: a proxy is of one. That of a Service may be of many. */
function areApart(one: Target, other: Target): boolean {
  const [names, others] = [one, other].map((target) =>
    referencesOf(target).map((each) => {
      const { kind, name } = (each ?? {}) as { kind?: string; name?: string };
      return kind === "Gateway" ? name : undefined;
    }),
  ) as [unknown[], unknown[]];
  if (names.length === 0 || others.length === 0 || [...names, ...others].includes(undefined)) return false;
  return !names.some((name) => others.includes(name));
}

/** Whether a proxy may have the labels of both; by reference and by labels, none is known to be the same, so they are taken for it. */
function labelsMeet(one: Target, other: Target): boolean {
  const labels = labelsOf(other);
  return Object.entries(labelsOf(one)).every(
    ([name, value]) => labels[name] === undefined || labels[name] === value,
  );
}

/** Whether a proxy may be of both; a resource that says no namespace may come into any. */
export function overlap(one: Place, other: Place, rootNamespace: string): boolean {
  const { namespace } = one;
  const isApart =
    namespace !== other.namespace &&
    ![namespace, other.namespace].some((of) => of === rootNamespace || of === "");
  return !isApart && !areApart(one.target, other.target) && labelsMeet(one.target, other.target);
}

export function referencesOf({ targetRefs }: Target): unknown[] {
  return Array.isArray(targetRefs) ? (targetRefs as unknown[]) : [];
}

/** What may go when the plugin is there, and where, as a comment. */
export function insteadOf(from: readonly Resource[], where = ""): string {
  return `Instead of ${from.map(({ title }) => title).join(", ")}, which may go once this is loaded${where}.`;
}

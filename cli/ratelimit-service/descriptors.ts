/** What a configuration says, and which of its limits a request's descriptor finds (ratelimit's `config_impl.go`). */
import type { RateLimitDescriptor } from "./messages.ts";

export interface Configuration {
  domains: ReadonlyMap<string, DescriptorNode>;
}

/** One level of nested descriptors; a domain is the topmost. */
export interface DescriptorNode {
  /** By `key`, or by `key_value` where the descriptor has a value. */
  readonly children: Map<string, DescriptorNode>;
  /** Those of `children` that end with `*`, in the order of the configuration: the first that fits wins. */
  readonly wildcards: string[];
  readonly limit: Limit | null;
  /** All values that a wildcard fits are counted together. */
  readonly shareThreshold: boolean;
}

export interface Limit {
  requestsPerUnit: number;
  /** One of `Unit`; of an unlimited one, `Unit.Unknown`. */
  unit: number;
  unlimited: boolean;
  /** Empty when it has none. */
  name: string;
  /** Names of the limits that do not count where this one is found by the same request. */
  replaces: readonly string[];
  /** What is over the limit is answered as OK, with nothing remaining. */
  shadowMode: boolean;
  /** Likewise, but without the time until reset. */
  quotaMode: boolean;
}

export interface FoundLimit extends Limit {
  /** In place of the value of the entry with this index: the wildcard that shares a counter. */
  sharedValues: ReadonlyMap<number, string>;
}

/** Null where no limit is set for exactly these entries. */
export function findLimit(
  { domains }: Configuration,
  domain: string,
  descriptor: RateLimitDescriptor,
): FoundLimit | null {
  const root = domains.get(domain);
  if (root === undefined) return null;
  // A limit that comes with the request needs a known domain all the same, and takes nothing from the configuration.
  if (descriptor.limit !== null) return { ...descriptor.limit, ...OVERRIDE };
  const sharedValues = new Map<number, string>();
  let level = root;
  for (const [index, { key, value }] of descriptor.entries.entries()) {
    const full = `${key}_${value}`;
    const wildcard = level.children.has(full)
      ? undefined
      : level.wildcards.find((pattern) => full.startsWith(pattern.slice(0, -1)));
    const next = level.children.get(wildcard ?? full) ?? level.children.get(key);
    if (next === undefined) return null;
    if (wildcard !== undefined && next.shareThreshold) {
      const shared = wildcard.startsWith(`${key}_`) ? wildcard.slice(key.length + 1) : wildcard;
      sharedValues.set(index, shared);
    }
    if (index === descriptor.entries.length - 1)
      return next.limit === null ? null : { ...next.limit, sharedValues };
    if (next.children.size === 0) return null;
    level = next;
  }
  return null;
}

const OVERRIDE = {
  unlimited: false,
  name: "",
  replaces: [],
  shadowMode: false,
  quotaMode: false,
  sharedValues: new Map<number, string>(),
} as const;

/** Label and field selectors of list and watch calls, as far as istiod's clients use them: conditions on single values. */
import type { KubeObject } from "./kube-resources.ts";

export type Selector = (object: KubeObject) => boolean;

/** A selector that is none, or one of a kind that is not served here. */
export class SelectorRefused extends Error {}

/**
 * `metadata.name=istio`, `type!=helm.sh/release.v1`: conditions that all must hold, on fields of the object; an absent field is empty.
 * Throws {@link SelectorRefused}.
 */
export function fieldSelector(text: string): Selector {
  return all(text, (object, path) => {
    let value: unknown = object;
    for (const part of path.split(".")) value = (value as Record<string, unknown> | undefined)?.[part];
    return typeof value === "string" ? value : "";
  });
}

/** `app=reviews`, `version!=v1`: the same on labels. Throws {@link SelectorRefused}. */
export function labelSelector(text: string): Selector {
  return all(text, (object, name) => object.metadata.labels?.[name]);
}

function all(text: string, read: (object: KubeObject, name: string) => string | undefined): Selector {
  const conditions = text
    .split(",")
    .filter((part) => part !== "")
    .map((part) => {
      const [, name, operator, wanted] = /^([\w./-]+)(!=|==?)([\w./-]*)$/.exec(part) ?? [];
      if (name === undefined)
        throw new SelectorRefused(`selector: expected NAME=VALUE or NAME!=VALUE, got ${part}`);
      return (object: KubeObject) => (read(object, name) === wanted) === (operator !== "!=");
    });
  return (object) => conditions.every((holds) => holds(object));
}

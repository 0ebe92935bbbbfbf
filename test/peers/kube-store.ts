/** The resources of a cluster and each change of them, in order: what list and watch calls are answered from. */
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { BUILT_IN, definedType, type KubeObject, type ResourceType } from "./kube-resources.ts";

/** A change of one object. */
export interface Change {
  type: ResourceType;
  /** The resource version that it made; they rise by one over the whole store. */
  version: number;
  /** Absent where it was created. */
  before?: KubeObject;
  /** Absent where it was deleted. */
  after?: KubeObject;
}

/** What a resource is called by. */
export interface Reference {
  kind: string;
  name: string;
  namespace?: string;
}

/** The store does not take a resource. */
export class ResourceRefused extends Error {}

export class KubeStore {
  readonly types: ResourceType[] = [...BUILT_IN];
  /** All changes since the beginning, so that a watch from any version can be answered. */
  readonly #changes: Change[] = [];
  readonly #objects = new Map<ResourceType, Map<string, KubeObject>>();
  readonly #watchers = new Set<(change: Change) => void>();

  /** That of the last change. */
  get version(): number {
    return this.#changes.length;
  }

  /**
   * Creates or replaces it, and answers it as it is now. What is equal to what is there changes nothing. A definition makes its type known.
   * Throws {@link ResourceRefused}.
   */
  apply(object: KubeObject): KubeObject {
    const type = this.#typeOf(object);
    const name = object.metadata?.name as string | undefined;
    if (typeof name !== "string" || name === "")
      throw new ResourceRefused(`${object.kind}: metadata.name: required`);
    const namespace = type.namespaced ? (object.metadata.namespace ?? "default") : undefined;
    const before = this.get(type, name, namespace);
    const metadata = { ...object.metadata, ...(namespace === undefined ? {} : { namespace }) };
    const version = this.version + 1;
    const after: KubeObject = {
      ...object,
      metadata: {
        ...metadata,
        uid: before?.metadata.uid ?? randomUUID(),
        creationTimestamp: before?.metadata.creationTimestamp ?? timestamp(),
        generation:
          (before?.metadata.generation ?? 0) + (isDeepStrictEqual(before?.spec, object.spec) ? 0 : 1),
        resourceVersion: String(version),
      },
    };
    if (before !== undefined && isDeepStrictEqual(content(before), content(after))) return before;
    if (type.kind === "CustomResourceDefinition") this.#define(after);
    this.#record({ type, version, after, ...(before === undefined ? {} : { before }) }, key(name, namespace));
    return after;
  }

  /** Deletes it. False where it is not there. Throws {@link ResourceRefused} for a kind that is not known. */
  delete({ kind, name, namespace }: Reference): boolean {
    const type = this.types.find((one) => one.kind === kind);
    if (type === undefined) throw new ResourceRefused(`${kind}: no such kind`);
    const home = type.namespaced ? (namespace ?? "default") : undefined;
    const before = this.get(type, name, home);
    if (before === undefined) return false;
    this.#record({ type, version: this.version + 1, before }, key(name, home));
    return true;
  }

  get(type: ResourceType, name: string, namespace?: string): KubeObject | undefined {
    return this.#objects.get(type)?.get(key(name, namespace));
  }

  list(type: ResourceType): KubeObject[] {
    return [...(this.#objects.get(type)?.values() ?? [])];
  }

  /** Tells each change after `version` in order, those that were and then those that come, until the answer is called. */
  watch(version: number, tell: (change: Change) => void): () => void {
    for (const change of this.#changes.slice(version)) tell(change);
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }

  #record(change: Change, at: string): void {
    let objects = this.#objects.get(change.type);
    if (objects === undefined) this.#objects.set(change.type, (objects = new Map<string, KubeObject>()));
    if (change.after === undefined) objects.delete(at);
    else objects.set(at, change.after);
    this.#changes.push(change);
    for (const tell of this.#watchers) tell(change);
  }

  #define(definition: KubeObject): void {
    const type = definedType(definition);
    if (!this.types.some(({ group, plural }) => group === type.group && plural === type.plural))
      this.types.push(type);
  }

  #typeOf({ apiVersion, kind }: KubeObject): ResourceType {
    const [version, group = ""] = String(apiVersion).split("/").reverse();
    const type = this.types.find((one) => one.group === group && one.kind === kind);
    if (type === undefined) throw new ResourceRefused(`${apiVersion} ${kind}: no such kind is defined`);
    if (!type.versions.includes(version!))
      throw new ResourceRefused(`${apiVersion} ${kind}: expected version ${type.versions.join(" or ")}`);
    return type;
  }
}

function key(name: string, namespace = ""): string {
  return `${namespace}/${name}`;
}

/** Without what the store writes itself. */
function content(object: KubeObject): object {
  return { ...object, metadata: { ...object.metadata, resourceVersion: undefined, generation: undefined } };
}

/** RFC 3339 in whole seconds, as the API has it. */
function timestamp(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`;
}

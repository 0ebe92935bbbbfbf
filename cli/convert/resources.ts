/** The Kubernetes resources of files, and what else a file may hold that a conversion looks at. */
import { isMap, isScalar, type Node } from "yaml";
import { positionOf } from "../configuration.ts";
import { parseSource, type Position, type Source, type YamlDocument } from "../source.ts";
import { itemsOf, reach, resolved, textOf } from "../yaml-tree.ts";
import { Field } from "./field.ts";
import type { Report } from "./report.ts";

export interface Resource {
  kind: string;
  /** `security.istio.io`; empty for the core group. */
  group: string;
  name: string;
  /** Empty where the document says none. */
  namespace: string;
  /** `AuthorizationPolicy my-app/reviews`. */
  title: string;
  root: Field;
  spec: Field;
}

/** All resources of these files in their order, those of lists too; documents without a kind have an empty one. */
export function readResources(sources: readonly Source[], report: Report): Resource[] {
  const found: Resource[] = [];
  for (const source of sources) {
    for (const document of source.documents) {
      const [error] = document.errors;
      if (error !== undefined) {
        const position = source.positionAt(error.pos[0]);
        report.left.push({ file: source.file, ...position, path: "", message: `not YAML: ${error.message}` });
        continue;
      }
      const fieldOf = (node: Node): Field =>
        new Field({ source, document, report, stays: { count: 0 } }, node, "");
      add(resolved(document.contents, document), fieldOf, document, found);
    }
  }
  const titles = new Map<string, Resource>();
  return found.filter((resource) => {
    const key = `${resource.group}/${resource.title}`;
    if (resource.kind !== "" && titles.has(key)) {
      resource.root.leave(`${resource.title} for the second time; the first one counts`);
      return false;
    }
    titles.set(key, resource);
    return true;
  });
}

function add(
  node: Node | null,
  fieldOf: (node: Node) => Field,
  document: YamlDocument,
  found: Resource[],
): void {
  if (node === null || (isScalar(node) && node.value === null)) return;
  const root = fieldOf(node);
  if (!isMap(node)) return root.leave("expected a Kubernetes resource");
  const text = (...steps: string[]): string => textOf(reach(node, document, ...steps)) ?? "";
  const kind = text("kind");
  if (kind.endsWith("List") && reach(node, document, "items") !== null) {
    for (const item of itemsOf(reach(node, document, "items"), document)) add(item, fieldOf, document, found);
    return;
  }
  const apiVersion = text("apiVersion");
  const before = root.place.report.count;
  // An unquoted `n` is no text, but the boolean false.
  const name = root.find("metadata", "name")?.text() ?? "";
  const namespace = root.find("metadata", "namespace")?.text() ?? "";
  const spec = root.get("spec") ?? new Field(root.place, null, "spec", node);
  const title = `${kind} ${namespace === "" ? "" : `${namespace}/`}${name === "" ? "(no name)" : name}`;
  const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
  if (group.endsWith(".istio.io")) readLabels(new Field(root.place, spec.node, "spec"));
  // The API server takes none that has a number or a boolean there: it is in no mesh, and a plugin for it would be for other proxies.
  if (root.place.report.count === before) found.push({ kind, group, name, namespace, title, root, spec });
}

/** Names labels that are no texts, wherever a kind has those of its proxies: `selector.matchLabels`, `workloadSelector.labels`, a Gateway's `selector`. */
function readLabels(spec: Field): void {
  if (!isMap(spec.node)) return;
  const selector = spec.get("selector");
  const labels = [selector?.get("matchLabels") ?? selector, spec.find("workloadSelector", "labels")];
  for (const { field } of labels.flatMap((one) => one?.members() ?? [])) if (!isMap(field.node)) field.text();
}

/** The YAML in a text of a document, such as a member of a ConfigMap's `data`. Remarks point at the line, as far as a literal block has it. */
export function fieldOfText(field: Field, text: string): Field | null {
  const { source, report, stays } = field.place;
  const start = positionOf(source, field.node);
  const inner = parseSource(source.file, text);
  const document = inner.documents[0];
  const positionAt = (offset: number): Position => {
    const { line } = inner.positionAt(offset);
    return { line: start.line + line, column: 1 };
  };
  if (document === undefined || document.errors.length > 0) {
    field.leave("expected YAML in the text");
    return null;
  }
  const place = { source: { ...inner, positionAt }, document, report, stays };
  return new Field(place, resolved(document.contents, document), "");
}

import { readFile } from "node:fs/promises";
import { basename, dirname, join, normalize } from "node:path";

/** A JSON Schema, or a part of one. */
export type Schema = Record<string, unknown>;

/**
 * Makes the schema in `file` self-contained, as editors want it: what it refers to in other files (by relative path) is put
 * into its `$defs`. A whole file there goes by its folder's name, in camel case.
 */
export async function bundleSchema(file: string): Promise<Schema> {
  const documents = new Map<string, Schema>();
  const load = async (path: string): Promise<Schema> => {
    const known = documents.get(path) ?? (JSON.parse(await readFile(path, "utf8")) as Schema);
    documents.set(path, known);
    return known;
  };
  const definitions: Schema = {};
  /** Where each definition came from. */
  const origins = new Map<string, string>();

  /** The reference in the bundle to what `ref` means in `from`, which is put there. */
  async function place(ref: string, from: string): Promise<string> {
    const [path = "", pointer = ""] = ref.split("#");
    const target = path === "" ? from : normalize(join(dirname(from), path));
    const name =
      pointer === "" ? camelCase(basename(dirname(target))) : /^\/\$defs\/(\w+)$/.exec(pointer)?.[1];
    if (name === undefined) throw new Error(`${from}: ${ref} is neither a file nor one of its $defs`);
    const origin = `${target}#${pointer}`;
    const other = origins.get(name);
    if (other !== undefined && other !== origin) throw new Error(`both ${other} and ${origin} are ${name}`);
    if (other === undefined) {
      origins.set(name, origin);
      const document = await load(target);
      const part = pointer === "" ? body(document) : (document.$defs as Schema | undefined)?.[name];
      if (part === undefined) throw new Error(`${from}: ${ref} leads nowhere`);
      // Its place first: definitions may refer to themselves.
      definitions[name] = {};
      definitions[name] = await rewrite(part, target);
    }
    return `#/$defs/${name}`;
  }

  async function rewrite(part: unknown, from: string): Promise<unknown> {
    if (Array.isArray(part)) return Promise.all(part.map((item) => rewrite(item, from)));
    if (typeof part !== "object" || part === null) return part;
    const copy: Schema = {};
    for (const [key, value] of Object.entries(part)) {
      copy[key] =
        key === "$ref" && typeof value === "string" ? await place(value, from) : await rewrite(value, from);
    }
    return copy;
  }

  const root = await load(file);
  const rewritten = (await rewrite(body(root), file)) as Schema;
  return { $schema: root.$schema, ...rewritten, $defs: definitions };
}

/** A schema without what makes it a document. */
function body(document: Schema): Schema {
  return Object.fromEntries(
    Object.entries(document).filter(([key]) => !["$schema", "$id", "$defs"].includes(key)),
  );
}

/** `dark-launch` as `darkLaunch`. */
function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

/**
 * Reads the configuration files of envoyproxy/ratelimit, as strictly as it does itself (`src/config/config_impl.go`), but tells
 * all that is wrong and not the first of it.
 */
import type { Configuration, DescriptorNode, Limit } from "./descriptors.ts";
import { Unit, UNIT_NAMES, unitNamed } from "./units.ts";
import { readYaml, YamlError, type Place, type YamlValue } from "./yaml-value.ts";

export interface ConfigurationFile {
  /** As problems name it. */
  file: string;
  text: string;
}

export interface Problem extends Place {
  file: string;
  /** `descriptors[0].rate_limit.unit`; empty for the file as a whole. */
  path: string;
  message: string;
}

export interface ReadConfiguration {
  /** Usable only when there is no problem. */
  configuration: Configuration;
  problems: readonly Problem[];
  /** What ratelimit takes and does nothing with, though whoever wrote it expects something. */
  warnings: readonly Problem[];
}

/** Reads all files of one service: a domain has one file. */
export function readConfiguration(files: readonly ConfigurationFile[]): ReadConfiguration {
  const domains = new Map<string, DescriptorNode>();
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  for (const { file, text } of files) {
    const reader = new FileReader(file, problems, warnings);
    try {
      reader.read(readYaml(text), domains);
    } catch (error) {
      if (!(error instanceof YamlError)) throw error;
      problems.push({ file, path: "", message: error.message, ...error.place });
    }
  }
  return { configuration: { domains }, problems, warnings };
}

/** Any of these is taken anywhere: where it means nothing it is passed over (`validKeys` there). */
const KNOWN_KEYS: ReadonlySet<string> = new Set([
  "domain",
  "key",
  "value",
  "descriptors",
  "rate_limit",
  "unit",
  "requests_per_unit",
  "unlimited",
  "shadow_mode",
  "quota_mode",
  "name",
  "replaces",
  "detailed_metric",
  "value_to_metric",
  "share_threshold",
]);
const ROOT_KEYS = ["domain", "descriptors"];
const DESCRIPTOR_KEYS = [
  "key",
  "value",
  "rate_limit",
  "descriptors",
  "shadow_mode",
  "quota_mode",
  "detailed_metric",
  "value_to_metric",
  "share_threshold",
];
const LIMIT_KEYS = ["requests_per_unit", "unit", "unlimited", "name", "replaces"];

interface Field {
  path: string;
  value: YamlValue;
}

/** A map's fields by their names, with where the map itself is. */
interface Fields {
  self: Field;
  fields: ReadonlyMap<string, Field>;
}

class FileReader {
  constructor(
    private readonly file: string,
    private readonly problems: Problem[],
    private readonly warnings: Problem[],
  ) {}

  read(value: YamlValue, domains: Map<string, DescriptorNode>): void {
    // Nothing at all is a file without a domain.
    const root = this.map(
      { path: "", value: value.kind === "null" ? { ...value, kind: "map", entries: [] } : value },
      ROOT_KEYS,
    );
    if (root === null) return;
    const domain = this.text(root, "domain");
    if (domain === "") this.problem(at(root, "domain"), "expected a domain that is not empty");
    const node = this.level(root, `${domain}.`, null, false);
    if (domains.has(domain))
      this.problem(at(root, "domain"), `domain "${domain}" is already in another file`);
    else if (domain !== "") domains.set(domain, node);
  }

  private level(
    fields: Fields,
    parent: string,
    limit: Limit | null,
    shareThreshold: boolean,
  ): DescriptorNode {
    const node: DescriptorNode = { children: new Map(), wildcards: [], limit, shareThreshold };
    for (const item of this.list(fields, "descriptors")) this.descriptor(item, parent, node);
    return node;
  }

  private descriptor(item: Field, parent: string, into: DescriptorNode): void {
    const fields = this.map(item, DESCRIPTOR_KEYS);
    if (fields === null) return;
    const key = this.text(fields, "key");
    if (key === "") this.problem(at(fields, "key"), "expected a key that is not empty");
    const value = this.text(fields, "value");
    const name = value === "" ? key : `${key}_${value}`;
    if (key !== "" && into.children.has(name))
      this.problem(item, `duplicate descriptor "${parent}${name}" (keys and values are joined by _)`);
    const modes = {
      shadowMode: this.boolean(fields, "shadow_mode"),
      quotaMode: this.boolean(fields, "quota_mode"),
    };
    // These two change metrics alone, which the embedded service does not have.
    this.boolean(fields, "detailed_metric");
    this.boolean(fields, "value_to_metric");
    const shareThreshold = this.boolean(fields, "share_threshold");
    if (shareThreshold && !name.endsWith("*"))
      this.problem(at(fields, "share_threshold"), `only for a value that ends with *, and this is "${name}"`);
    const limit = this.limit(fields, modes);
    const node = this.level(fields, `${parent}${name}.`, limit, shareThreshold);
    if (key === "") return;
    if (name.endsWith("*")) into.wildcards.push(name);
    into.children.set(name, node);
  }

  private limit(parent: Fields, modes: Pick<Limit, "shadowMode" | "quotaMode">): Limit | null {
    const field = parent.fields.get("rate_limit");
    if (field === undefined || field.value.kind === "null") return null;
    const fields = this.map(field, LIMIT_KEYS);
    if (fields === null) return null;
    const unlimited = this.boolean(fields, "unlimited");
    const unitName = this.text(fields, "unit");
    const unit = unitNamed(unitName);
    if (unlimited && unit !== Unit.Unknown)
      this.problem(at(fields, "unit"), "expected no unit where unlimited is true");
    if (!unlimited && unit === Unit.Unknown) {
      const names = `${UNIT_NAMES.slice(0, -1).join(", ")} or ${UNIT_NAMES.at(-1)}`;
      this.problem(
        at(fields, "unit"),
        `expected ${names}, got ${unitName === "" ? "none" : `"${unitName}"`}`,
      );
    }
    const name = this.text(fields, "name");
    return {
      requestsPerUnit: this.count(fields, "requests_per_unit"),
      unit,
      unlimited,
      name,
      replaces: this.list(fields, "replaces").flatMap((item) => this.replaced(item, name)),
      ...modes,
    };
  }

  private replaced(item: Field, own: string): string[] {
    const fields = this.map(item, ["name"]);
    if (fields === null) return [];
    const name = this.text(fields, "name");
    if (name === "") this.problem(at(fields, "name"), "expected the name of another limit");
    else if (name === own) this.problem(at(fields, "name"), "a limit cannot replace itself");
    return [name];
  }

  private text(parent: Fields, name: string): string {
    const field = parent.fields.get(name);
    if (field === undefined) return "";
    switch (field.value.kind) {
      case "null":
        return "";
      case "text":
      case "boolean":
      case "integer":
        return field.value.text;
      case "number":
        this.problem(field, `expected text, got the number ${field.value.text} (write it in quotes)`);
        return "";
      default:
        this.problem(field, `expected text, got a ${field.value.kind}`);
        return "";
    }
  }

  private boolean(parent: Fields, name: string): boolean {
    const field = parent.fields.get(name);
    if (field === undefined || field.value.kind === "null") return false;
    if (field.value.kind === "boolean") return field.value.value;
    this.problem(field, `expected true or false, got ${shown(field.value)}`);
    return false;
  }

  private count(parent: Fields, name: string): number {
    const field = parent.fields.get(name);
    if (field === undefined || field.value.kind === "null") return 0;
    if (field.value.kind === "integer" && 0n <= field.value.value && field.value.value < 2n ** 32n)
      return Number(field.value.value);
    this.problem(field, `expected a whole number from 0 to 4294967295, got ${shown(field.value)}`);
    return 0;
  }

  private list(parent: Fields, name: string): Field[] {
    const field = parent.fields.get(name);
    if (field === undefined || field.value.kind === "null") return [];
    if (field.value.kind === "list")
      return field.value.items.map((value, index) => ({ path: `${field.path}[${index}]`, value }));
    this.problem(field, `expected a list, got ${shown(field.value)}`);
    return [];
  }

  private map(self: Field, meant: readonly string[]): Fields | null {
    const { path, value } = self;
    if (value.kind !== "map") {
      this.problem(self, `expected a map, got ${shown(value)}`);
      return null;
    }
    const fields = new Map<string, Field>();
    for (const entry of value.entries) {
      if (entry.key.kind !== "text") {
        this.problem({ path, value: entry.key }, `expected the name of a field, got ${shown(entry.key)}`);
        continue;
      }
      const name = entry.key.text;
      const field = { path: path === "" ? name : `${path}.${name}`, value: entry.value };
      if (!KNOWN_KEYS.has(name)) {
        this.problem({ ...field, value: entry.key }, `unknown field; expected ${meant.join(", ")}`);
        continue;
      }
      if (!meant.includes(name)) {
        this.warning({ ...field, value: entry.key }, `means nothing here; expected ${meant.join(", ")}`);
        this.unmeant(field);
      }
      fields.set(name, field);
    }
    return { self, fields };
  }

  /** What means nothing must still be of known fields and of kinds that ratelimit knows. */
  private unmeant(field: Field): void {
    const { path, value } = field;
    if (value.kind === "number") this.problem(field, `expected no such number, got ${value.text}`);
    if (value.kind === "map") this.map(field, [...KNOWN_KEYS]);
    if (value.kind === "list")
      for (const [index, item] of value.items.entries())
        this.map({ path: `${path}[${index}]`, value: item }, [...KNOWN_KEYS]);
  }

  private problem({ path, value: { line, column } }: Field, message: string): void {
    this.problems.push({ file: this.file, path, message, line, column });
  }

  private warning({ path, value: { line, column } }: Field, message: string): void {
    this.warnings.push({ file: this.file, path, message, line, column });
  }
}

/** The field, or where it should be. */
function at({ self, fields }: Fields, name: string): Field {
  return fields.get(name) ?? { path: self.path === "" ? name : `${self.path}.${name}`, value: self.value };
}

function shown(value: YamlValue): string {
  switch (value.kind) {
    case "null":
      return "nothing";
    case "text":
      return JSON.stringify(value.text);
    case "list":
    case "map":
      return `a ${value.kind}`;
    default:
      return value.text;
  }
}

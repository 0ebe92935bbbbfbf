/** A place in a document that is read member by member, so that what nobody has asked for can be named. */
import { isMap, isScalar, isSeq, type Node } from "yaml";
import { positionOf } from "../configuration.ts";
import type { Source, YamlDocument } from "../source.ts";
import { itemsOf, membersOf, type Member } from "../yaml-tree.ts";
import type { Report } from "./report.ts";

export interface Place {
  source: Source;
  document: YamlDocument;
  report: Report;
  /** How much of the resource stays as it is: what is left, and what the output relies on. */
  stays: { count: number };
}

export class Field {
  private readonly asked = new Set<string>();
  private list: readonly Member[] | null = null;
  private entries: readonly Field[] | null = null;
  /** One object for each member, since each knows what it was asked for. */
  private readonly children = new Map<Member, Field>();

  constructor(
    readonly place: Place,
    readonly node: Node | null,
    readonly path: string,
    /** What remarks point at. */
    private readonly at: Node | null = node,
  ) {}

  /** A member by its name in camel case, or in snake case, as protobuf's JSON has both; null where it is not there, or null. */
  get(name: string): Field | null {
    const names = [name, snakeCase(name)];
    for (const one of names) this.asked.add(one);
    const member = this.membersOfMap().find((one) => names.includes(one.name));
    if (member === undefined || isNothing(member.value)) return null;
    return this.child(member);
  }

  /** The value at the end of a chain of members, of which none is read otherwise. */
  find(...names: string[]): Field | null {
    const [first, ...others] = names as [string, ...string[]];
    return others.reduce<Field | null>((at, name) => at?.get(name) ?? null, this.get(first));
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  /** All members, in the document's order. */
  members(): { name: string; field: Field }[] {
    return this.membersOfMap().map((member) => {
      this.asked.add(member.name);
      return { name: member.name, field: this.child(member) };
    });
  }

  items(): readonly Field[] {
    if (this.entries !== null) return this.entries;
    if (this.node !== null && !isSeq(this.node)) this.leave("expected a list");
    this.entries = itemsOf(this.node, this.place.document).map(
      (item, at) => new Field(this.place, item, `${this.path}[${at}]`, item ?? this.at),
    );
    return this.entries;
  }

  /** A text; numbers and booleans are refused, as the API server refuses them. */
  text(): string | null {
    const value = this.scalar();
    if (typeof value === "string") return value;
    this.leave("expected a text");
    return null;
  }

  /** A number; protobuf's JSON takes a text with one, too. */
  number(): number | null {
    const value = this.scalar();
    const number =
      typeof value === "number" ? value : typeof value === "string" && value !== "" ? Number(value) : NaN;
    if (Number.isFinite(number)) return number;
    this.leave("expected a number");
    return null;
  }

  boolean(): boolean {
    const value = this.scalar();
    if (typeof value !== "boolean") this.leave("expected true or false");
    return value === true;
  }

  /** All that stands here, as JSON has it. */
  value(): unknown {
    return this.node === null ? null : (this.node.toJS(this.place.document) as unknown);
  }

  /** These are known and say nothing of a request. */
  pass(...names: string[]): void {
    for (const name of names) this.get(name);
  }

  /** These are known, and the output has nothing of them: each that is there is noted. */
  drop(why: string, ...names: string[]): void {
    for (const name of names) this.get(name)?.note(why);
  }

  /** Names each member that nobody has asked for. */
  finish(why = "not known to this command"): void {
    for (const member of this.membersOfMap()) {
      if (!this.asked.has(member.name) && !isNothing(member.value)) this.child(member).leave(why);
    }
  }

  /** This is not converted. */
  leave(message: string): void {
    this.place.stays.count++;
    this.place.report.left.push(this.remark(message));
  }

  /** The output relies on this, so it stays as it is. */
  keep(message: string): void {
    this.place.stays.count++;
    this.note(message);
  }

  note(message: string): void {
    this.place.report.notes.push(this.remark(message));
  }

  private remark(message: string) {
    const { source } = this.place;
    return { file: source.file, ...positionOf(source, this.at), path: this.path, message };
  }

  private scalar(): unknown {
    return isScalar(this.node) ? this.node.value : undefined;
  }

  private membersOfMap(): readonly Member[] {
    if (this.list === null) {
      if (this.node !== null && !isMap(this.node) && !isNothing(this.node)) this.leave("expected an object");
      this.list = membersOf(this.node, this.place.document);
    }
    return this.list;
  }

  private child(member: Member): Field {
    const known = this.children.get(member);
    if (known !== undefined) return known;
    const { name, key, value } = member;
    const step = /^[\w-]+$/.test(name) ? `${this.path === "" ? "" : "."}${name}` : `["${name}"]`;
    const child = new Field(this.place, value, `${this.path}${step}`, key);
    this.children.set(member, child);
    return child;
  }
}

function isNothing(node: Node | null): boolean {
  return node === null || (isScalar(node) && node.value === null);
}

/** `descriptor_key` of `descriptorKey`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

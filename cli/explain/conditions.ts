/**
 * The conditions of a `RequestMatch`, each asked of the module by itself. What holds is always the module's answer; what the request has
 * is read here, for the reader's eye, where it is plain.
 */
import type { Facts } from "./facts.ts";

type Json = Record<string, unknown>;
/** A `RequestMatch` as the configuration has it, sound since the module has taken it. */
export type RequestMatch = Json;

export interface Condition {
  /** `headers.x-beta-user`. */
  path: string;
  holds: boolean;
  /** What is asked for, for a person. */
  expected: string;
  /** What the request has; null for nothing. Left out where it is not plain. */
  actual?: string | null;
  /** What else is to be known, for a person: where the request stands. */
  detail?: string;
  /** Of `anyOf`: a group for each match; of `not`: the one that must not hold. */
  groups?: Condition[][];
}

/** Collects what is to be asked, so that the module answers all of it at once. */
export class Questions {
  private readonly asked: { match: RequestMatch; answered: (holds: boolean) => void }[] = [];

  ask(match: RequestMatch, answered: (holds: boolean) => void): void {
    this.asked.push({ match, answered });
  }

  /** Lets `ask` answer everything that was asked until now. What is asked meanwhile waits for the next time. */
  answer(ask: (matches: readonly RequestMatch[]) => readonly boolean[]): void {
    const asked = this.asked.splice(0);
    const answers = ask(asked.map(({ match }) => match));
    for (const [at, { answered }] of asked.entries()) answered(answers[at]!);
  }
}

/** All conditions of a match. Their `holds` is set when the questions are answered. */
export function conditionsOf(match: RequestMatch, facts: Facts, questions: Questions): Condition[] {
  return new Reader(facts, questions).match(match, false);
}

/** That the parts of a key are there. */
export function keyConditions(key: unknown, path: string, facts: Facts, questions: Questions): Condition[] {
  return new Reader(facts, questions).key(key, path, false);
}

class Reader {
  constructor(
    private readonly facts: Facts,
    private readonly questions: Questions,
  ) {}

  /** `negated`: under an odd number of `not`, where an expression that cannot be evaluated counts as the opposite. */
  match(match: RequestMatch, negated: boolean): Condition[] {
    return Object.entries(match).flatMap(([field, value]) => this.field(field, value, negated));
  }

  key(key: unknown, path: string, negated: boolean): Condition[] {
    return (key as Json[]).map((part, at) => {
      const match = { percentage: { value: 100, by: [part] } };
      const condition = this.condition(match, `${path}[${at}]`, `a ${describeKeyPart(part)}`, negated);
      return withActual(condition, this.facts.keyPart(part));
    });
  }

  private field(field: string, value: unknown, negated: boolean): Condition[] {
    const { facts } = this;
    switch (field) {
      case "methods": {
        const condition = this.condition({ methods: value }, field, describeSet(value as string[]), negated);
        return [withActual(condition, facts.method)];
      }
      case "path":
      case "host": {
        const condition = this.condition({ [field]: value }, field, describeStringMatch(value), negated);
        return [withActual(condition, facts[field])];
      }
      case "headers":
      case "queryParams":
      case "cookies":
      case "baggage":
      case "claims":
        return Object.entries(value as Json).map(([name, one]) => {
          const match = { [field]: { [name]: one } };
          const condition = this.condition(match, pathOf(field, name), describeStringMatch(one), negated);
          return withActual(condition, facts.named(field, name));
        });
      case "source":
        return Object.entries(value as Json).map(([name, list]) =>
          this.condition(
            { source: { [name]: list } },
            `source.${name}`,
            describeSet(list as string[]),
            negated,
          ),
        );
      case "percentage":
        return [this.percentage(value as Json, negated)];
      case "anyOf": {
        const condition = this.condition({ anyOf: value }, field, "one of these to hold", negated);
        condition.groups = (value as RequestMatch[]).map((one) => this.match(one, negated));
        return [condition];
      }
      case "not": {
        const condition = this.condition({ not: value }, field, "this not to hold", negated);
        condition.groups = [this.match(value as RequestMatch, !negated)];
        return [condition];
      }
      default:
        return [this.condition({ [field]: value }, field, describeValue(value), negated)];
    }
  }

  /** Where the key is within all keys is found by asking for one percentage after the other. */
  private percentage(value: Json, negated: boolean): Condition {
    const { value: percent, by } = value as { value: number; by: Json[] };
    const expected = `the first ${percent} % by ${by.map(describeKeyPart).join(", ")}`;
    const condition = this.condition({ percentage: value }, "percentage", expected, negated);
    const holdsAt = (share: number, answered: (holds: boolean) => void): void =>
      this.questions.ask({ percentage: { ...value, value: share } }, answered);
    holdsAt(100, (hasKey) => {
      if (!hasKey) {
        condition.detail = "the request has no such key";
        return;
      }
      leastOf(range(1, 100, 1), holdsAt, (whole) => {
        leastOf(range(whole - 0.9, whole, 0.1), holdsAt, (tenth) => {
          condition.detail = `this key is in from ${tenth.toFixed(1)} % on`;
        });
      });
    });
    return condition;
  }

  private condition(match: RequestMatch, path: string, expected: string, negated: boolean): Condition {
    const condition: Condition = { path, holds: false, expected };
    this.questions.ask(negated ? { not: match } : match, (answer) => (condition.holds = answer !== negated));
    return condition;
  }
}

/** Finds the least of the shares for which a question holds. The last one is known to. */
function leastOf(
  shares: readonly number[],
  holdsAt: (share: number, answered: (holds: boolean) => void) => void,
  found: (share: number) => void,
): void {
  let least = shares.at(-1)!;
  for (const [at, share] of shares.entries()) {
    holdsAt(share, (holds) => {
      if (holds) least = Math.min(least, share);
      if (at === shares.length - 1) found(least);
    });
  }
}

function range(from: number, to: number, step: number): number[] {
  const count = Math.round((to - from) / step) + 1;
  return Array.from({ length: count }, (_, at) => Number((from + at * step).toFixed(1)));
}

function withActual(condition: Condition, actual: string | null | undefined): Condition {
  if (actual !== undefined) condition.actual = actual;
  return condition;
}

function pathOf(field: string, name: string): string {
  return /^[A-Za-z0-9_:-]{1,63}$/.test(name) ? `${field}.${name}` : `${field}["${name}"]`;
}

/** How many of a list are told. */
const TOLD = 5;

function describeSet(values: readonly string[]): string {
  if (values.length === 1) return quoted(values[0]!);
  const told = values.slice(0, TOLD).map(quoted).join(", ");
  return `one of ${told}${values.length > TOLD ? ` and ${values.length - TOLD} more` : ""}`;
}

const COMPARISONS: Readonly<Record<string, (operand: unknown) => string>> = {
  exact: (text) => quoted(String(text)),
  prefix: (text) => `what begins with ${quoted(String(text))}`,
  suffix: (text) => `what ends with ${quoted(String(text))}`,
  contains: (text) => `what contains ${quoted(String(text))}`,
  regex: (text) => `a match of the regex ${quoted(String(text))}`,
  in: (values) => describeSet(values as string[]),
  present: () => "any value",
};

function describeStringMatch(match: unknown): string {
  if (typeof match === "string") return quoted(match);
  const { not, ignoreCase, ...comparison } = match as Json;
  const [[kind, operand]] = Object.entries(comparison) as [[string, unknown]];
  const text = COMPARISONS[kind]?.(operand) ?? describeValue(comparison);
  if (not === true && kind === "present") return "no value";
  return `${not === true ? "anything but " : ""}${text}${ignoreCase === true ? ", in any case" : ""}`;
}

/** `header x-user-id`, `method`, `path {"segments":2}`. */
export function describeKeyPart(part: Json): string {
  const [[kind, value]] = Object.entries(part) as [[string, unknown]];
  if (typeof value === "string")
    return kind === "constant" ? `constant ${quoted(value)}` : `${words(kind)} ${value}`;
  const text = JSON.stringify(value);
  return text === "{}" ? words(kind) : `${words(kind)} ${text}`;
}

/** `queryParam` as `query param`. */
function words(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function describeValue(value: unknown): string {
  const text = typeof value === "string" ? quoted(value) : JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}

export function quoted(text: string): string {
  return `"${text.length > 200 ? `${text.slice(0, 200)}...` : text}"`;
}

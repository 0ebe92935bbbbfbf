/**
 * What the trace formats say, written down as plainly as can be from their specifications alone: reading of a request's headers, and
 * writing of a context. The tests hold the built filter against it. Values of headers are byte strings, white space around them gone.
 *
 * Sources: W3C Trace Context (level 2), B3 (openzipkin/b3-propagation), Jaeger's "Propagation Format" (client libraries, 1.21), Datadog
 * (what dd-trace-go and DataDog/system-tests do), AWS X-Ray (concepts: tracing header; load balancers: request tracing).
 */
import type { Header } from "../driver.ts";

export const FORMATS = ["w3c", "b3", "b3single", "jaeger", "datadog", "xray"] as const;
export type Format = (typeof FORMATS)[number];

/** The headers of each format. */
export const HEADERS: Readonly<Record<Format, readonly string[]>> = {
  w3c: ["traceparent", "tracestate"],
  b3: ["x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags"],
  b3single: ["b3"],
  jaeger: ["uber-trace-id"],
  datadog: [
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-tags",
    "x-datadog-origin",
  ],
  xray: ["x-amzn-trace-id"],
};

/** Whether the trace is to be recorded; forced: somebody asked for just that, and no sampler has a say. */
export interface Sampling {
  decision: "undecided" | "drop" | "keep";
  forced: boolean;
}

export interface TraceContext extends Sampling {
  /** 128 bits, never 0. */
  trace: bigint;
  /** 64 bits; 0 where only the trace is known. */
  span: bigint;
  /** 64 bits; 0 where it is not known, or there is none. */
  parent: bigint;
  /** The trace's right 56 bits are random (level 2 of W3C's). */
  random: boolean;
  /** Members of `tracestate`, but our own. */
  state: readonly string[];
}

/** What a format's headers say: a context, or no more than a decision. */
type Read = TraceContext | Sampling | "absent" | "malformed";

export type Kind = "syntax" | "duplicate" | "oversized";

export interface Extracted {
  context: TraceContext | null;
  /** What a new trace takes over where there is no context; undecided where nobody said anything. */
  sampling: Sampling;
  /**
   * The formats whose headers came and were not in order; and of the format that won, headers without which it is a context too. Each with
   * what is wrong.
   */
  malformed: { what: string; kind: Kind }[];
  /** Formats with a context of another span than that of the format that won. */
  conflicts: number;
}

const UNDECIDED: Sampling = { decision: "undecided", forced: false };
const NO_MORE = { parent: 0n, random: false, state: [] };

/** The first format in this order whose headers have a context; of those before, which have none, the first decision. */
export function extract(headers: readonly Header[], order: readonly Format[]): Extracted {
  const reads = order.map((format) => {
    const ignored: string[] = [];
    return { format, read: READERS[format](new Fields(headers), ignored), ignored };
  });
  const contexts = reads.flatMap(({ read }) => (typeof read === "object" && "trace" in read ? [read] : []));
  const context = contexts[0] ?? null;
  const decision = reads.map(({ read }) => read).find((read): read is Sampling => typeof read === "object");
  return {
    context,
    sampling: context === null && decision !== undefined ? decision : UNDECIDED,
    malformed: [
      ...reads
        .filter(({ read }) => read === "malformed")
        .map(({ format }) => ({ what: format, kind: kindOf(format, new Fields(headers)) })),
      ...(reads.find(({ read }) => read === context)?.ignored ?? []).map((what) => ({
        what,
        kind: "syntax" as const,
      })),
    ],
    conflicts: contexts.filter(({ trace, span }) => trace !== context?.trace || span !== context.span).length,
  };
}

/**
 * The headers in which these formats say the context. It has a span. What Datadog's headers `arrived` with beside the context goes on
 * where it is of the same trace.
 */
export function inject(
  context: TraceContext,
  formats: readonly Format[],
  arrived: readonly Header[] = [],
): Header[] {
  return formats.flatMap((format) => WRITERS[format](context, new Fields(arrived)));
}

/** A request's headers by name. */
class Fields {
  private readonly headers: readonly Header[];

  constructor(headers: readonly Header[]) {
    this.headers = headers;
  }

  values(name: string): string[] {
    return this.headers.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value);
  }

  /** Several headers of a name are one list (RFC 9110 §5.3), which no id is. */
  value(name: string): string | undefined {
    const values = this.values(name);
    return values.length === 0 ? undefined : values.join(",");
  }

  has(format: Format): boolean {
    return HEADERS[format].some((name) => this.values(name).length > 0);
  }
}

/** What is wrong with the first header of ids, or of a decision, that there can be one of. */
function kindOf(format: Format, fields: Fields): Kind {
  const lists = ["tracestate", "x-datadog-tags", "x-datadog-origin"];
  for (const name of HEADERS[format].filter((one) => !lists.includes(one))) {
    const value = fields.value(name) ?? "";
    if (value.length > 512) return "oversized";
    if (value.includes(",")) return "duplicate";
  }
  return "syntax";
}

/** Each answers what the headers of a format say, and names those that it ignores because they are malformed. */
const READERS: Readonly<Record<Format, (fields: Fields, ignored: string[]) => Read>> = {
  w3c: readW3c,
  b3: readB3,
  b3single: readB3Single,
  jaeger: readJaeger,
  datadog: readDatadog,
  xray: readXray,
};

/** An id of so many digits, all of lower case; null where it is none, or is zero. */
function lowerHex(text: string | undefined, ...digits: number[]): bigint | null {
  if (text === undefined || !digits.includes(text.length) || !/^[0-9a-f]+$/.test(text)) return null;
  return BigInt(`0x${text}`) || null;
}

// W3C Trace Context.

/**
 * `version "-" trace-id "-" parent-id "-" trace-flags`; of higher versions more may follow, after a dash. A comma is between two headers,
 * of which there may be only one.
 */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[^,]*)?$/;
const SAMPLED = 1;
const RANDOM = 2;

function readW3c(fields: Fields, ignored: string[]): Read {
  const header = fields.value("traceparent");
  // "If the vendor failed to parse traceparent, it MUST NOT attempt to parse tracestate."
  if (header === undefined) return "absent";
  const [, version, traceDigits, spanDigits, flagDigits, more] = TRACEPARENT.exec(header) ?? [];
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined))
    return "malformed";
  const trace = lowerHex(traceDigits, 32);
  const span = lowerHex(spanDigits, 16);
  if (trace === null || span === null) return "malformed";
  const flags = Number.parseInt(flagDigits!, 16);
  const state = readState(fields.value("tracestate") ?? "");
  if (state === null) ignored.push("tracestate");
  return {
    trace,
    span,
    parent: 0n,
    decision: (flags & SAMPLED) === 0 ? "drop" : "keep",
    forced: state?.forced ?? false,
    random: (flags & RANDOM) !== 0,
    state: state?.members ?? [],
  };
}

const MEMBER =
  /^([a-z0-9][a-z0-9_\-*/@]{0,255})=([\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e])$/;
const MOST_MEMBERS = 32;
/** Our own member, which stands for `forced` where W3C's flags cannot say it. */
const OWN = "outrigger";

/** The members of a list, our own apart; null where it is none. */
function readState(header: string): { forced: boolean; members: string[] } | null {
  const members = header
    .split(",")
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ""))
    .filter((member) => member !== "");
  if (members.length > MOST_MEMBERS) return null;
  const byKey = new Map<string, string>();
  for (const member of members) {
    const key = MEMBER.exec(member)?.[1];
    if (key === undefined) return null;
    if (!byKey.has(key)) byKey.set(key, member);
  }
  const forced = byKey.get(OWN) === `${OWN}=f`;
  byKey.delete(OWN);
  return { forced, members: [...byKey.values()] };
}

function writeW3c({ trace, span, decision, forced, random, state }: TraceContext): Header[] {
  const flags = (decision === "keep" ? SAMPLED : 0) | (random ? RANDOM : 0);
  const headers: Header[] = [["traceparent", `00-${hex(trace, 32)}-${hex(span, 16)}-0${flags}`]];
  const members = truncated([...(forced ? [`${OWN}=f`] : []), ...state].slice(0, MOST_MEMBERS));
  if (members.length > 0) headers.push(["tracestate", members.join(",")]);
  return headers;
}

/** "Entries larger than 128 characters long SHOULD be removed first. Then entries SHOULD be removed starting from the end." */
function truncated(members: string[]): string[] {
  const rest = [...members];
  while (rest.join(",").length > 512) {
    const large = rest.findLastIndex((member) => member.length > 128);
    rest.splice(large < 0 ? rest.length - 1 : large, 1);
  }
  return rest;
}

// B3.

function readB3(fields: Fields): Read {
  if (!fields.has("b3")) return "absent";
  const flags = fields.value("x-b3-flags");
  // Of the flags only 1 says something, but they are not there twice.
  if (flags?.includes(",")) return "malformed";
  const debug = flags === "1";
  const sampled = fields.value("x-b3-sampled");
  const decided = sampled === undefined ? UNDECIDED : B3_SAMPLED[sampled];
  if (decided === undefined) return "malformed";
  // "Debug implies an accept decision, so don't also send the X-B3-Sampled header."
  const sampling: Sampling = debug ? { decision: "keep", forced: true } : decided;
  const parentDigits = fields.value("x-b3-parentspanid");
  if (
    ["x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid"].every((name) => fields.value(name) === undefined)
  ) {
    return sampling.decision === "undecided" ? "absent" : sampling;
  }
  const trace = lowerHex(fields.value("x-b3-traceid"), 16, 32);
  const span = lowerHex(fields.value("x-b3-spanid"), 16);
  const parent = parentDigits === undefined ? 0n : parentOf(parentDigits);
  if (trace === null || span === null || parent === null) return "malformed";
  return { ...NO_MORE, trace, span, parent, ...sampling };
}

/** A parent id in B3; zeros are as good as none. */
function parentOf(digits: string): bigint | null {
  return digits === "0".repeat(16) ? 0n : lowerHex(digits, 16);
}

const B3_SAMPLED: Readonly<Record<string, Sampling>> = {
  "0": { decision: "drop", forced: false },
  "1": { decision: "keep", forced: false },
  // "Before this specification was written, some tracers propagated X-B3-Sampled as true or false."
  false: { decision: "drop", forced: false },
  true: { decision: "keep", forced: false },
};

function writeB3({ trace, span, parent, decision, forced }: TraceContext): Header[] {
  const headers: Header[] = [
    ["x-b3-traceid", shortTrace(trace)],
    ["x-b3-spanid", hex(span, 16)],
  ];
  if (parent !== 0n) headers.push(["x-b3-parentspanid", hex(parent, 16)]);
  if (decision === "keep" && forced) headers.push(["x-b3-flags", "1"]);
  else if (decision !== "undecided") headers.push(["x-b3-sampled", decision === "keep" ? "1" : "0"]);
  return headers;
}

const B3_STATES: Readonly<Record<string, Sampling>> = {
  "0": { decision: "drop", forced: false },
  "1": { decision: "keep", forced: false },
  d: { decision: "keep", forced: true },
};

/** `{TraceId}-{SpanId}-{SamplingState}-{ParentSpanId}`, "where the last two fields are optional", or the state alone. */
function readB3Single(fields: Fields): Read {
  const header = fields.value("b3");
  if (header === undefined) return "absent";
  const parts = header.split("-");
  if (parts.length === 1) return B3_STATES[header] ?? "malformed";
  const [traceDigits, spanDigits, ...rest] = parts;
  const state = rest[0] === undefined ? undefined : B3_STATES[rest[0]];
  if (state !== undefined) rest.shift();
  const trace = lowerHex(traceDigits, 16, 32);
  const span = lowerHex(spanDigits, 16);
  const parent = rest[0] === undefined ? 0n : parentOf(rest[0]);
  if (rest.length > 1 || trace === null || span === null || parent === null) return "malformed";
  return { ...NO_MORE, trace, span, parent, ...(state ?? UNDECIDED) };
}

function writeB3Single({ trace, span, parent, decision, forced }: TraceContext): Header[] {
  const fields = [shortTrace(trace), hex(span, 16)];
  if (decision !== "undecided") fields.push(decision === "drop" ? "0" : forced ? "d" : "1");
  if (parent !== 0n) fields.push(hex(parent, 16));
  return [["b3", fields.join("-")]];
}

// Jaeger.

const UBER_TRACE_ID = /^([0-9a-f]{1,32}):([0-9a-f]{1,16}):([0-9a-f]{1,16}):([0-9a-f]{1,2})$/i;
const DEBUG = 2;

function readJaeger(fields: Fields): Read {
  const header = fields.value("uber-trace-id");
  if (header === undefined) return "absent";
  const [, traceDigits, spanDigits, parentDigits, flagDigits] =
    UBER_TRACE_ID.exec(percentDecoded(header)) ?? [];
  if (flagDigits === undefined) return "malformed";
  const [trace, span, parent] = [traceDigits, spanDigits, parentDigits].map((digits) =>
    BigInt(`0x${digits}`),
  );
  if (trace === 0n || span === 0n) return "malformed";
  const flags = Number.parseInt(flagDigits, 16);
  const forced = (flags & DEBUG) !== 0;
  const decision = forced || (flags & SAMPLED) !== 0 ? "keep" : "drop";
  return { ...NO_MORE, trace: trace!, span: span!, parent: parent!, decision, forced };
}

/** "Receivers" of HTTP headers find values URL-encoded, most often the colons alone. */
function percentDecoded(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}

function writeJaeger({ trace, span, parent, decision, forced }: TraceContext): Header[] {
  const flags = decision === "keep" ? SAMPLED | (forced ? DEBUG : 0) : 0;
  const ids = [shortTrace(trace), hex(span, 16), parent === 0n ? "0" : hex(parent, 16)];
  return [["uber-trace-id", [...ids, flags].join(":")]];
}

// Datadog.

const PRIORITIES: Readonly<Record<string, Sampling>> = {
  "-1": { decision: "drop", forced: true },
  "0": { decision: "drop", forced: false },
  "1": { decision: "keep", forced: false },
  "2": { decision: "keep", forced: true },
};

function readDatadog(fields: Fields, ignored: string[]): Read {
  if (fields.value("x-datadog-trace-id") === undefined && fields.value("x-datadog-parent-id") === undefined) {
    return "absent";
  }
  const low = decimal(fields.value("x-datadog-trace-id"));
  const span = decimal(fields.value("x-datadog-parent-id"));
  if (low === null || !span) return "malformed";
  const sampling = PRIORITIES[fields.value("x-datadog-sampling-priority") ?? ""] ?? UNDECIDED;
  // Where the upper half is malformed, the trace has 64 bits.
  const upper = upperHalf(fields.value("x-datadog-tags"));
  if (upper === null) ignored.push("x-datadog-tags");
  const trace = ((upper ?? 0n) << 64n) | low;
  return trace === 0n ? "malformed" : { ...NO_MORE, trace, span, ...sampling };
}

/** An unsigned number of 64 bits, of as many digits as the greatest has at most; null where it is none. */
function decimal(text: string | undefined): bigint | null {
  if (text === undefined || !/^[0-9]{1,20}$/.test(text)) return null;
  const value = BigInt(text);
  return value < 1n << 64n ? value : null;
}

const TID = "_dd.p.tid=";

/** `_dd.p.tid` of the tags; null where it is malformed. */
function upperHalf(tags: string | undefined): bigint | null {
  const tag = tags?.split(",").find((one) => one.startsWith(TID));
  return tag === undefined ? 0n : parentOf(tag.slice(TID.length));
}

function writeDatadog({ trace, span, decision, forced }: TraceContext, arrived: Fields): Header[] {
  const headers: Header[] = [
    ["x-datadog-trace-id", String(lowerHalfOf(trace))],
    ["x-datadog-parent-id", String(span)],
  ];
  if (decision !== "undecided") {
    const priority = decision === "keep" ? (forced ? 2 : 1) : forced ? -1 : 0;
    headers.push(["x-datadog-sampling-priority", String(priority)]);
  }
  const low = decimal(arrived.value("x-datadog-trace-id"));
  if (low === lowerHalfOf(trace) && upperHalf(arrived.value("x-datadog-tags")) === upperHalfOf(trace)) {
    for (const name of ["x-datadog-tags", "x-datadog-origin"]) {
      headers.push(...arrived.values(name).map((value): Header => [name, value]));
    }
  } else if (upperHalfOf(trace) !== 0n)
    headers.push(["x-datadog-tags", `${TID}${hex(upperHalfOf(trace), 16)}`]);
  return headers;
}

// AWS X-Ray.

const ROOT = /^1-([0-9a-f]{8})-([0-9a-f]{24})$/;
const XRAY_SAMPLED: Readonly<Record<string, Sampling>> = {
  "0": { decision: "drop", forced: false },
  "1": { decision: "keep", forced: false },
  "?": UNDECIDED,
};

function readXray(fields: Fields): Read {
  const header = fields.value("x-amzn-trace-id");
  if (header === undefined) return "absent";
  // A comma is between two headers, whose fields are not to be mixed.
  if (header.includes(",")) return "malformed";
  const known = new Map<string, string>();
  for (const field of header.split(";")) {
    const at = field.indexOf("=");
    if (at < 0 && field.trim() !== "") return "malformed";
    const name = field.slice(0, Math.max(at, 0)).trim();
    if (!["Root", "Parent", "Sampled"].includes(name)) continue;
    if (known.has(name)) return "malformed";
    known.set(name, field.slice(at + 1).trim());
  }
  const root = ROOT.exec(known.get("Root") ?? "");
  const sampled = known.get("Sampled");
  const sampling = sampled === undefined ? UNDECIDED : XRAY_SAMPLED[sampled];
  const trace = root === null ? null : lowerHex(root[1]! + root[2]!, 32);
  // A load balancer begins traces in which it has no span of its own.
  const span = known.has("Parent") ? lowerHex(known.get("Parent"), 16) : 0n;
  if (sampling === undefined || trace === null || span === null) return "malformed";
  return { ...NO_MORE, trace, span, ...sampling };
}

function writeXray({ trace, span, decision }: TraceContext): Header[] {
  const digits = hex(trace, 32);
  const fields = [`Root=1-${digits.slice(0, 8)}-${digits.slice(8)}`, `Parent=${hex(span, 16)}`];
  if (decision !== "undecided") fields.push(`Sampled=${decision === "keep" ? 1 : 0}`);
  return [["x-amzn-trace-id", fields.join(";")]];
}

const WRITERS: Readonly<Record<Format, (context: TraceContext, arrived: Fields) => Header[]>> = {
  w3c: writeW3c,
  b3: writeB3,
  b3single: writeB3Single,
  jaeger: writeJaeger,
  datadog: writeDatadog,
  xray: writeXray,
};

export function hex(id: bigint, digits: number): string {
  return id.toString(16).padStart(digits, "0");
}

/** 16 digits where that is enough, as systems with ids of 64 bits expect, else 32. */
function shortTrace(trace: bigint): string {
  return hex(trace, upperHalfOf(trace) === 0n ? 16 : 32);
}

function upperHalfOf(trace: bigint): bigint {
  return trace >> 64n;
}

function lowerHalfOf(trace: bigint): bigint {
  return trace & ((1n << 64n) - 1n);
}

// W3C Baggage.

export interface BaggageRules {
  allow: readonly string[];
  /** Of the whole list. */
  maxBytes: number;
}

/** `token OWS "=" OWS value`, and properties, of which only the characters are looked at. */
const BAGGAGE_MEMBER =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*=[ \t]*[!#-+\--:<-[\]-~]*[ \t]*(;[\t -!#-[\]-~]*)?$/;

/** The list that goes on, undefined where nothing of it does; and how many members of it are not members, or have no room. */
export function baggage(
  headers: readonly Header[],
  { allow, maxBytes }: BaggageRules,
): { list: string | undefined; malformed: number; oversized: number } {
  const members = (new Fields(headers).value("baggage") ?? "")
    .split(",")
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ""))
    .filter((member) => member !== "");
  const kept: string[] = [];
  const seen = new Set<string>();
  let [malformed, oversized] = [0, 0];
  for (const member of members) {
    // "Because baggage entry keys are not specified here": names are compared as they stand, and of doubles the first goes on.
    const name = BAGGAGE_MEMBER.exec(member)?.[1];
    if (name === undefined || seen.has(name)) malformed++;
    else if (allow.includes(name)) {
      seen.add(name);
      if ([...kept, member].join(",").length > maxBytes) oversized++;
      else kept.push(member);
    }
  }
  return { list: kept.length === 0 ? undefined : kept.join(","), malformed, oversized };
}

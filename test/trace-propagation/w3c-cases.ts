/**
 * Every case of the W3C's test harness for Trace Context (github.com/w3c/trace-context, `test/test.py` as of
 * 2026-06-29, with `STRICT_LEVEL` and `SPEC_LEVEL` 2) and of the processing model, for a service that calls
 * others. Sections are those of Trace Context Level 2 (w3.org/TR/trace-context-2). Where Level 1 says
 * otherwise, Level 2 counts, and the harness goes with it.
 */
import { expect, test } from "vitest";
import type { Header } from "../driver.ts";

/** The plugin's configuration, on both sides of the service. */
export const CONFIGURATION = { inject: ["w3c"], correlate: {}, sampling: { default: 100 } };

/** A service behind the plugin, whose calls pass the plugin too. */
export interface Subject {
  /** Calls the service, which makes so many calls. */
  call(headers: readonly Header[], calls: number): Promise<Observed>;
}

export interface Observed {
  /** The headers that reached the service. */
  service: readonly Header[];
  /** The headers of each call of the service's, as they reached who was called. */
  calls: readonly (readonly Header[])[];
}

export interface W3cCase {
  /** What is sent, and what comes of it. */
  name: string;
  /** Where the specification says so, and the harness's method if there is one. */
  source: string;
  headers: readonly Header[];
  /** Calls that the service makes; default 1. */
  calls?: number;
  /** The trace that was sent goes on, or a new one begins. */
  trace: "continued" | "new";
  /**
   * Flags that are right; default: in a trace that goes on the two that Level 2 knows, as they were sent;
   * in a new one anything with `sampled`, since all new traces are.
   */
  flags?: readonly number[];
  /** Lists of members that are right, in their order; default: none is sent. */
  tracestate?: readonly (readonly string[])[];
}

const SAMPLED = 0x01;
const RANDOM = 0x02;

// The specification's example (§3.2.3).
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";

/** Trace, parent and flags of a traceparent of version 00 (§3.2.2). */
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

function traceparent({ version = "00", trace = TRACE, parent = PARENT, flags = "01", more = "" }): string {
  return `${version}-${trace}-${parent}-${flags}${more}`;
}

const VALID: Header = ["traceparent", traceparent({})];
const NOT_SAMPLED: Header = ["traceparent", traceparent({ flags: "00" })];

// ---- traceparent ----

const NONE: readonly W3cCase[] = [
  {
    name: "both traceparent and tracestate missing: a new trace",
    source: "§4.2; test_both_traceparent_and_tracestate_missing",
    headers: [],
    trace: "new",
  },
  {
    name: "a new trace whose trace-id is random has the random-trace-id flag",
    source: "§3.2.2.3, §3.2.2.5.2, both SHOULD",
    headers: [],
    trace: "new",
    flags: [SAMPLED | RANDOM],
  },
  ...["foo=1", "foo=1,bar=2"].map((state): W3cCase => ({
    name: `tracestate ${state} included, traceparent missing: tracestate is discarded`,
    source: "§4.2; test_tracestate_included_traceparent_missing",
    headers: [["tracestate", state]],
    trace: "new",
  })),
  ...["trace-parent", "trace.parent", "trace_parent", "xtraceparent", "traceparent1"].map(
    (name): W3cCase => ({
      name: `header name ${name} is not traceparent`,
      source: "§3.2.1; test_traceparent_header_name",
      headers: [
        [name, traceparent({})],
        ["tracestate", "foo=1"],
      ],
      trace: "new",
    }),
  ),
];

const GOES_ON: readonly W3cCase[] = [
  {
    name: "traceparent included, tracestate missing: same trace-id, another parent-id",
    source: "§4.3; test_traceparent_included_tracestate_missing",
    headers: [VALID],
    trace: "continued",
  },
  ...["TraceParent", "TrAcEpArEnT", "TRACEPARENT"].map((name): W3cCase => ({
    name: `header name in any case: ${name}`,
    source: "§3.2.1; test_traceparent_header_name_valid_casing",
    headers: [[name, traceparent({})]],
    trace: "continued",
  })),
  ...[
    [" ", ""],
    ["\t", ""],
    ["", " "],
    ["", "\t"],
    ["\t ", " \t"],
  ].map(([before, after]): W3cCase => ({
    name: `optional white space ${JSON.stringify(before)} before and ${JSON.stringify(after)} after`,
    source: "RFC 9110 §5.5; test_traceparent_ows_handling",
    headers: [["traceparent", before + traceparent({}) + after]],
    trace: "continued",
  })),
  ...["00", "01", "02", "03"].map((flags): W3cCase => ({
    name: `trace-flags ${flags}: sampled and random-trace-id stay as they were sent`,
    source: "§3.2.2.5.1, §3.2.2.5.2; TraceContext2Test.test_propagates_random_flag",
    headers: [["traceparent", traceparent({ flags })]],
    trace: "continued",
    flags: [parseInt(flags, 16)],
  })),
  ...[
    ["ff", 0x03],
    ["09", 0x01],
    ["fc", 0x00],
    ["0e", 0x02],
    ["a1", 0x01],
  ].map(([flags, kept]): W3cCase => ({
    name: `trace-flags ${flags}: flags that are not defined are set to zero`,
    source: "§3.2.2.5.3, §4.3",
    headers: [["traceparent", traceparent({ flags: String(flags) })]],
    trace: "continued",
    flags: [Number(kept)],
  })),
  ...["cc", "01", "fe", "0a"].map((version): W3cCase => ({
    name: `version ${version}, which is higher: read as 00, and sent as 00`,
    source: "§3.2.4; test_traceparent_version_0xcc",
    headers: [["traceparent", traceparent({ version })]],
    trace: "continued",
  })),
  ...["-what-comes-later", "-", "-01", "--"].map((more): W3cCase => ({
    name: `version cc with ${more} after trace-flags: what follows a dash is nobody's business`,
    source: "§3.2.4; test_traceparent_version_0xcc",
    headers: [["traceparent", traceparent({ version: "cc", more })]],
    trace: "continued",
  })),
  {
    name: "version cc, flags ff: only flags that are known are read",
    source: "§3.2.4 (sampled), §4.3 (those of this version)",
    headers: [["traceparent", traceparent({ version: "cc", flags: "ff" })]],
    trace: "continued",
    flags: [SAMPLED, SAMPLED | RANDOM],
  },
];

/** A traceparent that is none: a new trace begins, and tracestate is not even read (§3.3, §4.3). */
function invalid(name: string, source: string, ...values: readonly string[]): W3cCase {
  return {
    name,
    source,
    headers: [...values.map((value): Header => ["traceparent", value]), ["tracestate", "foo=1"]],
    trace: "new",
  };
}

/** Bytes beside the ranges of lowercase hexadecimal digits, and others that count as digits elsewhere. */
const ILLEGAL = [".", "g", "G", "A", "F", "/", ":", "@", "`", " ", "\t", "+", "\xe9"];

/** A value with one character replaced. */
function replaced(value: string, at: number, character: string): string {
  return value.slice(0, at) + character + value.slice(at + 1);
}

const REFUSED: readonly W3cCase[] = [
  invalid(
    "traceparent duplicated, with two traces",
    "§3.2 (one field); test_traceparent_duplicated",
    traceparent({ trace: "12345678901234567890123456789011" }),
    traceparent({ trace: "12345678901234567890123456789012" }),
  ),
  invalid(
    "traceparent duplicated, of a higher version with more after trace-flags",
    "§3.2 (one field), §3.2.4",
    traceparent({ version: "cc", more: "-what-comes-later" }),
    traceparent({ version: "cc", trace: "12345678901234567890123456789012" }),
  ),
  invalid(
    "two traceparents in one field",
    "§3.2.2.2",
    `${traceparent({})},${traceparent({ trace: "12345678901234567890123456789012" })}`,
  ),
  invalid(
    "version ff is forbidden",
    "§3.2.2.1; test_traceparent_version_0xff",
    traceparent({ version: "ff" }),
  ),
  invalid("version ff with more", "§3.2.2.1", traceparent({ version: "ff", more: "-01" })),
  ...[".", "-what-comes-later", "-", "-01", "0"].map((more) =>
    invalid(
      `version 00 with ${more} after trace-flags`,
      "§3.2.2.2; test_traceparent_version_0x00",
      traceparent({ more }),
    ),
  ),
  ...[".what-comes-later", "0", "x-", "_"].map((more) =>
    invalid(
      `version cc with ${more} after trace-flags, which is no dash`,
      "§3.2.4; test_traceparent_version_0xcc",
      traceparent({ version: "cc", more }),
    ),
  ),
  ...[".0", "0.", "0g", "CC", "0X", "0 "].map((version) =>
    invalid(
      `illegal characters in version ${JSON.stringify(version)}`,
      "§3.2.2.1, §3.2.4; test_traceparent_version_illegal_characters",
      traceparent({ version }),
    ),
  ),
  ...["000", "0000", "00cc"].map((version) =>
    invalid(
      `version too long: ${version}`,
      "§3.2.2.1; test_traceparent_version_too_long",
      traceparent({ version }),
    ),
  ),
  ...["0", "c", ""].map((version) =>
    invalid(
      `version too short: ${JSON.stringify(version)}`,
      "§3.2.2.1; test_traceparent_version_too_short",
      traceparent({ version }),
    ),
  ),
  ...["00", "cc"].flatMap((version) => [
    invalid(
      `all-zero trace-id, version ${version}`,
      "§3.2.2.3; test_traceparent_trace_id_all_zero",
      traceparent({ version, trace: "0".repeat(32) }),
    ),
    invalid(
      `all-zero parent-id, version ${version}`,
      "§3.2.2.4; test_traceparent_parent_id_all_zero",
      traceparent({ version, parent: "0".repeat(16) }),
    ),
    invalid(
      `upper case in trace-id, version ${version}`,
      "§3.2.2.2 (HEXDIGLC)",
      traceparent({ version, trace: TRACE.toUpperCase() }),
    ),
    invalid(
      `upper case in parent-id, version ${version}`,
      "§3.2.2.4 (lowercase hex), §3.2.2.2",
      traceparent({ version, parent: PARENT.toUpperCase() }),
    ),
    ...[`${TRACE}1`, `1${TRACE}`].map((trace) =>
      invalid(
        `trace-id too long, version ${version}: ${trace}`,
        "§3.2.2.3; test_traceparent_trace_id_too_long",
        traceparent({ version, trace }),
      ),
    ),
    ...[TRACE.slice(1), TRACE.slice(0, 16), ""].map((trace) =>
      invalid(
        `trace-id too short, version ${version}: ${trace.length} characters`,
        "§3.2.2.3; test_traceparent_trace_id_too_short",
        traceparent({ version, trace }),
      ),
    ),
    ...[`${PARENT}1`, `1${PARENT}`].map((parent) =>
      invalid(
        `parent-id too long, version ${version}: ${parent}`,
        "§3.2.2.4; test_traceparent_parent_id_too_long",
        traceparent({ version, parent }),
      ),
    ),
    ...[PARENT.slice(1), ""].map((parent) =>
      invalid(
        `parent-id too short, version ${version}: ${parent.length} characters`,
        "§3.2.2.4; test_traceparent_parent_id_too_short",
        traceparent({ version, parent }),
      ),
    ),
    ...["001", "0101"].map((flags) =>
      invalid(
        `trace-flags too long, version ${version}: ${flags}`,
        "§3.2.2.5; test_traceparent_trace_flags_too_long",
        traceparent({ version, flags }),
      ),
    ),
    ...["1", ""].map((flags) =>
      invalid(
        `trace-flags too short, version ${version}: ${JSON.stringify(flags)}`,
        "§3.2.2.5; test_traceparent_trace_flags_too_short",
        traceparent({ version, flags }),
      ),
    ),
    ...[".0", "0.", "0g", "0A", " 1"].map((flags) =>
      invalid(
        `illegal characters in trace-flags, version ${version}: ${JSON.stringify(flags)}`,
        "§3.2.2.5; test_traceparent_trace_flags_illegal_characters",
        traceparent({ version, flags }),
      ),
    ),
  ]),
  ...ILLEGAL.flatMap((character) => [
    ...[0, 15, 31].map((at) =>
      invalid(
        `illegal character ${JSON.stringify(character)} at ${at} in trace-id`,
        "§3.2.2.3; test_traceparent_trace_id_illegal_characters",
        traceparent({ trace: replaced(TRACE, at, character) }),
      ),
    ),
    ...[0, 15].map((at) =>
      invalid(
        `illegal character ${JSON.stringify(character)} at ${at} in parent-id`,
        "§3.2.2.4; test_traceparent_parent_id_illegal_characters",
        traceparent({ parent: replaced(PARENT, at, character) }),
      ),
    ),
  ]),
  ...[2, 35, 52].map((at) => invalid(`no dash but _ at ${at}`, "§3.2.2", replaced(traceparent({}), at, "_"))),
  invalid("version cc shorter than 55 characters", "§3.2.4", `cc-${TRACE}-${PARENT}-`),
  invalid("nothing but a version", "§3.2.2", "00"),
  invalid("nothing but dashes", "§3.2.2", "---"),
  invalid("an empty value", "§3.2.2", ""),
];

// ---- tracestate ----

/** Fields of tracestate beside a valid traceparent. `right`: lists that may be sent on, in their order. */
function state(
  name: string,
  source: string,
  fields: readonly string[],
  ...right: readonly (readonly string[])[]
): W3cCase {
  const headers: Header[] = [NOT_SAMPLED, ...fields.map((field): Header => ["tracestate", field])];
  return { name, source, headers, trace: "continued", tracestate: right };
}

/** The characters from one to another. */
function range(from: number, to: number): string {
  return String.fromCharCode(...Array.from({ length: to - from + 1 }, (_, i) => from + i));
}

const KEY_CHARACTERS = `${range(0x61, 0x7a)}0123456789_-*/`;
const VALUE_CHARACTERS = range(0x20, 0x2b) + range(0x2d, 0x3c) + range(0x3e, 0x7e);

/** So many members with keys of their own, each of so many characters. */
function members(count: number, length = 5): string[] {
  return Array.from({ length: count }, (_, i) => `m${String(i).padStart(2, "0")}=`.padEnd(length, "v"));
}

/**
 * What may be left of a list: all, or what the removal of whole entries leaves (§3.3.3.1). Those longer than
 * 128 characters go first and then those at the end, as long as there are more than the 512 characters that
 * have to be propagated.
 */
function truncations(list: readonly string[]): string[][] {
  const right = [[...list]];
  for (;;) {
    const rest = [...right.at(-1)!];
    if (rest.join(",").length <= 512) return right;
    const large = rest.findLastIndex((member) => member.length > 128);
    rest.splice(large < 0 ? rest.length - 1 : large, 1);
    right.push(rest);
  }
}

const KEPT: readonly W3cCase[] = [
  state(
    "tracestate included, traceparent included",
    "§3.5; test_tracestate_included_traceparent_included",
    ["foo=1,bar=2"],
    ["foo=1", "bar=2"],
  ),
  ...["TraceState", "TrAcEsTaTe", "TRACESTATE"].map((name): W3cCase => ({
    name: `header name in any case: ${name}`,
    source: "§3.3.1; test_tracestate_header_name_valid_casing",
    headers: [NOT_SAMPLED, [name, "foo=1"]],
    trace: "continued",
    tracestate: [["foo=1"]],
  })),
  ...["trace-state", "trace.state"].map((name): W3cCase => ({
    name: `header name ${name} is not tracestate`,
    source: "§3.3.1; test_tracestate_header_name",
    headers: [NOT_SAMPLED, [name, "foo=1"]],
    trace: "continued",
  })),
  ...["cc", "01"].map((version): W3cCase => ({
    name: `version ${version}, which is higher: tracestate is read as well`,
    source: "§3.3.5",
    headers: [
      ["traceparent", traceparent({ version })],
      ["tracestate", "foo=1,bar=2"],
    ],
    trace: "continued",
    tracestate: [["foo=1", "bar=2"]],
  })),
  ...(
    [
      ["an empty field", [""]],
      ["several empty fields", ["", ""]],
      ["nothing but white space", [" \t "]],
      ["nothing but empty members", [", ,\t,"]],
    ] as const
  ).map(([name, fields]) =>
    state(
      `${name}: not sent on`,
      "§3.3.2 (accepted, SHOULD NOT be sent); test_tracestate_empty_header",
      fields,
      [],
    ),
  ),
  ...(
    [
      ["an empty field after", ["foo=1", ""]],
      ["an empty field before", ["", "foo=1"]],
      ["empty fields around", ["", "foo=1", " "]],
      ["empty members around", [",foo=1,"]],
      ["members of white space around", [" ,foo=1,\t "]],
    ] as const
  ).map(([name, fields]) => state(name, "§3.3.2; test_tracestate_empty_header", fields, ["foo=1"])),
  state("empty members between", "§3.3.2", ["foo=1,,bar=2, \t,baz=3"], ["foo=1", "bar=2", "baz=3"]),
  state(
    "several fields: one list in their order",
    "§3.3.2, RFC 9110 §5.3; test_tracestate_multiple_headers_different_keys",
    ["foo=1,bar=2", "rojo=1,congo=2", "baz=3"],
    ["foo=1", "bar=2", "rojo=1", "congo=2", "baz=3"],
  ),
  state("the order of members stays", "§3.5", ["c=3,a=1,b=2"], ["c=3", "a=1", "b=2"]),
  ...([["foo=1,foo=1"], ["foo=1,foo=2"], ["foo=1", "foo=1"], ["foo=1", "foo=2"]] as const).map((fields) => {
    const both = fields.join(",").split(",");
    return state(
      `duplicate keys ${fields.join(" and ")}: all kept, or one of them`,
      "§3.5 (others' duplicates MAY be discarded); test_tracestate_duplicated_keys",
      fields,
      both,
      ...both.map((one) => [one]),
    );
  }),
  ...(
    [["foo=1,bar=2,foo=3", ["foo=1", "bar=2", "foo=3"], ["foo=1", "bar=2"], ["bar=2", "foo=3"]]] as const
  ).map(([field, ...right]) => state(`duplicate keys ${field}: the others stay`, "§3.5", [field], ...right)),
  ...[KEY_CHARACTERS, `${KEY_CHARACTERS}@a-z0-9_-*/`].map((key) =>
    state(
      `all allowed characters, key ${key}`,
      "§3.3.2.2; test_tracestate_all_allowed_characters",
      [`${key}=${VALUE_CHARACTERS}`],
      [`${key}=${VALUE_CHARACTERS}`],
    ),
  ),
  ...["foo=1 \t , \t bar=2, \t baz=3", "foo=1\t \t,\t \tbar=2,\t \tbaz=3"].map((field) =>
    state(
      `optional white space around members ${JSON.stringify(field)}`,
      "§3.3.2; test_tracestate_ows_handling",
      [field],
      ["foo=1", "bar=2", "baz=3"],
    ),
  ),
  ...[" foo=1", "\tfoo=1", "foo=1 ", "foo=1\t", "\t foo=1 \t"].map((field) =>
    state(
      `optional white space around the field ${JSON.stringify(field)}`,
      "§3.3.2; test_tracestate_ows_handling",
      [field],
      ["foo=1"],
    ),
  ),
  state(
    "leading spaces belong to a value, trailing ones do not",
    "§3.3.2.2.2",
    ["foo=  1  ,bar= a b "],
    ["foo=  1", "bar= a b"],
  ),
  state(
    "32 members",
    "§3.3.2; test_tracestate_member_count_limit",
    [members(10).join(","), members(20).slice(10).join(","), members(30).slice(20).join(","), "m30=v,m31=v"],
    members(32),
  ),
  state(
    "a key of 256 characters",
    "§3.3.2.2.1; test_tracestate_key_length_limit",
    ["foo=1", `${"z".repeat(256)}=1`],
    ["foo=1", `${"z".repeat(256)}=1`],
  ),
  state(
    "a tenant of 241 characters and a system of 14",
    "§3.3.2.2.1; test_tracestate_key_length_limit",
    ["foo=1", `${"t".repeat(241)}@${"v".repeat(14)}=1`],
    ["foo=1", `${"t".repeat(241)}@${"v".repeat(14)}=1`],
  ),
  ...[`${"t".repeat(242)}@v`, `t@${"v".repeat(15)}`].map((key) =>
    state(
      `a key of ${key.indexOf("@")} characters, @ and ${key.length - key.indexOf("@") - 1}: a key in Level 2`,
      "§3.3.2.2.1 (Level 1 §3.3.1.3.1: not a key); test_tracestate_key_length_limit",
      ["foo=1", `${key}=1`],
      ["foo=1", `${key}=1`],
    ),
  ),
  ...["foo@", "foo@@bar", "foo@bar@baz"].map((key) =>
    state(
      `key ${key}: @ is a character like others, in Level 2`,
      "§3.3.2.2.1 (Level 1 §3.3.1.3.1: not a key); test_tracestate_key_illegal_vendor_format",
      [`${key}=1,bar=2`],
      [`${key}=1`, "bar=2"],
    ),
  ),
  ...["1", "1foo", "0_", "9@"].map((key) =>
    state(
      `key ${key}: begins with a digit, in Level 2`,
      "§3.3.2.2.1 (Level 1 §3.3.1.3.1: a lowercase letter)",
      [`${key}=1,bar=2`],
      [`${key}=1`, "bar=2"],
    ),
  ),
  ...["a", "z", "a0", "fw529a3039@dt", "1a-2f@foo"].map((key) =>
    state(`key ${key}`, "§3.3.2.2.1", [`${key}=1,bar=2`], [`${key}=1`, "bar=2"]),
  ),
  state(
    "a value of 256 characters",
    "§3.3.2.2.2",
    ["foo=1", `bar=${"v".repeat(256)}`],
    ["foo=1", `bar=${"v".repeat(256)}`],
  ),
  state(
    "512 characters",
    "§3.3.3.1 (SHOULD)",
    [members(16, 31).join(",") + "v"],
    [...members(15, 31), members(16, 31).at(-1) + "v"],
  ),
  state(
    "512 characters in entries of more than 128",
    "§3.3.3.1 (SHOULD)",
    [`foo=${"v".repeat(251)}`, `bar=${"v".repeat(252)}`],
    [`foo=${"v".repeat(251)}`, `bar=${"v".repeat(252)}`],
  ),
  state(
    "513 characters: at most entries at the end go, and whole",
    "§3.3.3.1",
    [members(16, 31).join(",") + "vv"],
    ...truncations([...members(15, 31), members(16, 31).at(-1) + "vv"]),
  ),
  state(
    "1,200 characters: at most those longer than 128 go first, then those at the end",
    "§3.3.3.1",
    [["foo=1", `large=${"v".repeat(200)}`, ...members(25, 39)].join(",")],
    ...truncations(["foo=1", `large=${"v".repeat(200)}`, ...members(25, 39)]),
  ),
  state(
    "an entry as large as there may be beside a small one",
    "§3.3.3.1",
    [`${"k".repeat(256)}=${"v".repeat(256)},foo=1`],
    ...truncations([`${"k".repeat(256)}=${"v".repeat(256)}`, "foo=1"]),
  ),
];

/** The whole of it is discarded, as the harness wants it at its stricter level (§4.3: MAY). */
function discarded(name: string, source: string, ...fields: readonly string[]): W3cCase {
  return state(`${name}: discarded`, source, fields, []);
}

/** What the harness does not ask: all is discarded, or the wrong entry (§4.3). `foo=1` stands beside it. */
function unusable(name: string, source: string, entry: string): W3cCase {
  return state(`${name}: it or all is discarded`, source, [`foo=1,${entry}`], [], ["foo=1"]);
}

const DISCARDED: readonly W3cCase[] = [
  ...["foo =1", "FOO=1", "foo.bar=1"].map((field) =>
    discarded(
      `illegal characters in key ${JSON.stringify(field)}`,
      "§3.3.2.2.1; test_tracestate_key_illegal_characters",
      field,
    ),
  ),
  discarded(
    "key @foo begins with @",
    "§3.3.2.2.1; test_tracestate_key_illegal_vendor_format",
    "@foo=1,bar=2",
  ),
  discarded(
    "33 members",
    "§3.3.2; test_tracestate_member_count_limit",
    members(10).join(","),
    members(20).slice(10).join(","),
    members(30).slice(20).join(","),
    "m30=v,m31=v,m32=v",
  ),
  discarded(
    "a key of 257 characters",
    "§3.3.2.2.1; test_tracestate_key_length_limit",
    "foo=1",
    `${"z".repeat(257)}=1`,
  ),
  discarded("a value with =", "§3.3.2.2.2; test_tracestate_value_illegal_characters", "foo=bar=baz"),
  discarded("an empty value", "§3.3.2.2.2; test_tracestate_value_illegal_characters", "foo=,bar=3"),
  ...["_a", "-a", "*a", "/a", "A", "aB", "a b", "a\tb", "a\t", "a;b", "a~", "a\xe9", "a{", "a`"].map((key) =>
    unusable(`key ${JSON.stringify(key)}`, "§3.3.2.2.1", `${key}=1`),
  ),
  ...["bar", "=1", "=", "bar=", "bar= ", "bar==", "bar=a=b"].map((entry) =>
    unusable(`entry ${JSON.stringify(entry)}`, "§3.3.2.1", entry),
  ),
  ...["a\tb", "\ta", "a\xe9", "a\x80", "a\xff", "a\xa0"].map((value) =>
    unusable(`value ${JSON.stringify(value)}`, "§3.3.2.2.2", `bar=${value}`),
  ),
  unusable("a value of 257 characters", "§3.3.2.2.2", `bar=${"v".repeat(257)}`),
];

// ---- Several calls ----

const SEVERAL: readonly W3cCase[] = [
  {
    name: "with a valid traceparent: same trace-id, distinct parent-ids",
    source: "§4.3; AdvancedTest.test_multiple_requests_with_valid_traceparent",
    headers: [VALID],
    calls: 3,
    trace: "continued",
  },
  {
    name: "with tracestate: each call gets it",
    source: "§3.5",
    headers: [VALID, ["tracestate", "foo=1,bar=2"]],
    calls: 3,
    trace: "continued",
    tracestate: [["foo=1", "bar=2"]],
  },
  {
    name: "without a traceparent: distinct parent-ids",
    source: "§4.2; AdvancedTest.test_multiple_requests_without_traceparent",
    headers: [],
    calls: 3,
    trace: "new",
  },
  {
    name: "with an illegal traceparent: a new trace, distinct parent-ids",
    source: "§4.3; AdvancedTest.test_multiple_requests_with_illegal_traceparent",
    headers: [["traceparent", traceparent({ trace: "0".repeat(32) })]],
    calls: 3,
    trace: "new",
  },
];

export const CASES: Readonly<Record<string, readonly W3cCase[]>> = {
  "no traceparent received": NONE,
  "a traceparent that is valid": GOES_ON,
  "a traceparent that is invalid": REFUSED,
  "tracestate that is kept": KEPT,
  "tracestate that is discarded": DISCARDED,
  "several calls": SEVERAL,
};

/** Tests each case on a subject. */
export function w3cTraceContext(cases: readonly W3cCase[], subject: () => Subject): void {
  for (const one of cases) {
    test(`${one.name} (${one.source})`, async () => {
      check(one, await subject().call(one.headers, one.calls ?? 1));
    });
  }
}

function check(one: W3cCase, { service, calls }: Observed): void {
  expect(calls.length).toBe(one.calls ?? 1);
  const sent = one.headers.filter(([name]) => name.toLowerCase() === "traceparent").map(([, value]) => value);
  const seen = [service, ...calls].map(contextOf);
  for (const context of seen) {
    expect(context.version00, "traceparent is one of version 00").toBe(true);
    if (one.trace === "continued") expect(context.trace).toBe(TRACE);
    else for (const value of sent) expect(value.toLowerCase()).not.toContain(context.trace);
    expect(rightFlags(one, sent)).toContain(context.flags);
    expect(one.tracestate ?? [[]], "tracestate is one of these").toContainEqual(context.tracestate);
    expect(context.empty, "empty tracestate fields").toBe(0);
  }
  expect(new Set(seen.map(({ trace }) => trace)).size, "the service and its calls are of one trace").toBe(1);
  const parents = seen.slice(1).map(({ parent }) => parent);
  expect(new Set([seen[0]!.parent, PARENT, ...parents]).size, "each call's parent-id is its own").toBe(
    new Set([seen[0]!.parent, PARENT]).size + calls.length,
  );
}

/** Flags that are right in this case. */
function rightFlags({ trace, flags }: W3cCase, sent: readonly string[]): readonly number[] {
  if (flags !== undefined) return flags;
  if (trace === "new") return [SAMPLED, SAMPLED | RANDOM];
  return [parseInt(sent[0]!.trim().slice(53, 55), 16) & (SAMPLED | RANDOM)];
}

export interface Context {
  version00: boolean;
  trace: string;
  parent: string;
  flags: number;
  /** The members of all fields, without white space around them and without empty ones. */
  tracestate: string[];
  /** Fields of tracestate without a member. */
  empty: number;
}

/** What these headers say of a trace. */
export function contextOf(headers: readonly Header[]): Context {
  const fields = (wanted: string): string[] =>
    headers.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
  const parents = fields("traceparent");
  expect(parents.length, `fields of traceparent: ${JSON.stringify(parents)}`).toBe(1);
  const [whole, trace = "", parent = "", flags = ""] = TRACEPARENT.exec(parents[0]!) ?? [];
  const lists = fields("tracestate").map((field) =>
    field.split(",").flatMap((member) => member.replace(/^[ \t]+|[ \t]+$/g, "") || []),
  );
  return {
    version00: whole !== undefined && /[^0]/.test(trace) && /[^0]/.test(parent),
    trace,
    parent,
    flags: parseInt(flags, 16),
    tracestate: lists.flat(),
    empty: lists.filter((list) => list.length === 0).length,
  };
}

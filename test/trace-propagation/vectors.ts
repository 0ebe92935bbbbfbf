/** Headers that the specifications of the trace formats and their official tests print, and what they say of them. Facts, with their sources. */
import type { Header } from "../driver.ts";
import type { Format, Sampling } from "./model.ts";

export interface Vector {
  format: Format;
  source: string;
  headers: readonly Header[];
  /** Digits of the ids, and the decision; "malformed" or "absent" where there is none. */
  says: Said | Sampling | "malformed" | "absent";
}

export interface Said extends Partial<Sampling> {
  trace: string;
  span: string;
  parent?: string;
  random?: boolean;
  tracestate?: string;
}

const keep = { decision: "keep" } as const;
const drop = { decision: "drop" } as const;
const forced = { decision: "keep", forced: true } as const;

function vectorsOf(format: Format, source: string, name: string) {
  return (value: string, says: Vector["says"]): Vector => ({
    format,
    source,
    headers: [[name, value]],
    says,
  });
}

// W3C.

const T = "12345678901234567890123456789012";
const P = "1234567890123456";
const parent = vectorsOf("w3c", "w3c/trace-context test/test.py", "traceparent");
const said = { trace: T, span: P, ...keep };
const tracestate = (...values: string[]) => ({
  is: (state: string | undefined, source = "w3c/trace-context test/test.py"): Vector => ({
    format: "w3c",
    source,
    headers: [["traceparent", `00-${T}-${P}-00`], ...values.map((value): Header => ["tracestate", value])],
    says: { trace: T, span: P, ...drop, ...(state === undefined ? {} : { tracestate: state }) },
  }),
});
const LEVEL_2 = "w3c/trace-context spec/20-http_request_header_format.md, key (level 2)";
const TENS = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, at) => String(from + at).padStart(2, "0"))
    .map((number) => `bar${number}=${number}`)
    .join(",");
const KEY = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
const ALL_CHARACTERS = Array.from({ length: 0x7f - 0x20 }, (_, at) => String.fromCharCode(0x20 + at))
  .filter((character) => character !== "," && character !== "=")
  .join("");

const W3C: Vector[] = [
  ...(["00", "01"] as const).map((flags) =>
    vectorsOf(
      "w3c",
      "w3c/trace-context, Examples of HTTP traceparent Headers",
      "traceparent",
    )(`00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-${flags}`, {
      trace: "4bf92f3577b34da6a3ce929d0e0e4736",
      span: "00f067aa0ba902b7",
      ...(flags === "01" ? keep : drop),
    }),
  ),
  vectorsOf("w3c", "w3c/trace-context, trace-flags: mask them", "traceparent")(`00-${T}-${P}-09`, said),
  vectorsOf(
    "w3c",
    "w3c/trace-context, trace-flags: all 8 set",
    "traceparent",
  )(`00-${T}-${P}-ff`, {
    ...said,
    random: true,
  }),
  vectorsOf(
    "w3c",
    "w3c/trace-context level 2, Random Trace ID Flag",
    "traceparent",
  )(`00-${T}-${P}-02`, {
    ...said,
    ...drop,
    random: true,
  }),
  parent(`00-${T}-${P}-01`, said),
  parent(` 00-${T}-${P}-01`, said),
  parent(`\t 00-${T}-${P}-01 \t`, said),
  parent(`cc-${T}-${P}-01`, said),
  parent(`cc-${T}-${P}-01-what-the-future-will-be-like`, said),
  parent(`cc-${T}-${P}-01.what-the-future-will-be-like`, "malformed"),
  ...[
    `00-${T}-${P}-01.`,
    `00-${T}-${P}-01-what-the-future-will-be-like`,
    `ff-${T}-${P}-01`,
    `.0-${T}-${P}-01`,
    `0.-${T}-${P}-01`,
    `000-${T}-${P}-01`,
    `0000-${T}-${P}-01`,
    `0-${T}-${P}-01`,
    `00-00000000000000000000000000000000-${P}-01`,
    `00-.2345678901234567890123456789012-${P}-01`,
    `00-1234567890123456789012345678901.-${P}-01`,
    `00-123456789012345678901234567890123-${P}-01`,
    `00-1234567890123456789012345678901-${P}-01`,
    `00-${T}-0000000000000000-01`,
    `00-${T}-.234567890123456-01`,
    `00-${T}-123456789012345.-01`,
    `00-${T}-12345678901234567-01`,
    `00-${T}-123456789012345-01`,
    `00-${T}-${P}-.0`,
    `00-${T}-${P}-0.`,
    `00-${T}-${P}-001`,
    `00-${T}-${P}-1`,
  ].map((value) => parent(value, "malformed")),
  {
    format: "w3c",
    source: "w3c/trace-context test/test.py, test_traceparent_duplicated",
    headers: [
      ["traceparent", `00-12345678901234567890123456789011-${P}-01`],
      ["traceparent", `00-${T}-${P}-01`],
    ],
    says: "malformed",
  },
  {
    format: "w3c",
    source: "w3c/trace-context test/test.py, test_traceparent_header_name",
    headers: [["trace-parent", `00-${T}-${P}-01`]],
    says: "absent",
  },
  {
    format: "w3c",
    source: "w3c/trace-context test/test.py, test_traceparent_header_name_valid_casing",
    headers: [["TrAcEpArEnT", `00-${T}-${P}-01`]],
    says: said,
  },
  {
    format: "w3c",
    source: "w3c/trace-context test/test.py, test_tracestate_included_traceparent_missing",
    headers: [["tracestate", "foo=1,bar=2"]],
    says: "absent",
  },
  tracestate("congo=t61rcWkgMzE").is(
    "congo=t61rcWkgMzE",
    "w3c/trace-context, Relationship Between the Headers",
  ),
  tracestate("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE").is("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
  tracestate("foo=1,bar=2").is("foo=1,bar=2"),
  tracestate("").is(undefined),
  tracestate("foo=1", "").is("foo=1"),
  tracestate("", "foo=1").is("foo=1"),
  tracestate("foo=1,bar=2", "rojo=1,congo=2", "baz=3").is("foo=1,bar=2,rojo=1,congo=2,baz=3"),
  tracestate("foo=1 \t , \t bar=2, \t baz=3").is("foo=1,bar=2,baz=3"),
  tracestate("foo=1\t \t,\t \tbar=2,\t \tbaz=3").is("foo=1,bar=2,baz=3"),
  tracestate("\t foo=1 \t").is("foo=1"),
  // Of doubles, one may be discarded: we keep the first.
  tracestate("foo=1,foo=1").is("foo=1"),
  tracestate("foo=1,foo=2").is("foo=1"),
  tracestate("foo=1", "foo=2").is("foo=1"),
  tracestate(`${KEY}=${ALL_CHARACTERS}`).is(`${KEY}=${ALL_CHARACTERS}`),
  tracestate(`${KEY}@a-z0-9_-*/=${ALL_CHARACTERS}`).is(`${KEY}@a-z0-9_-*/=${ALL_CHARACTERS}`),
  tracestate(TENS(1, 10), TENS(11, 20), TENS(21, 30), TENS(31, 32)).is(TENS(1, 32)),
  tracestate(TENS(1, 10), TENS(11, 20), TENS(21, 30), TENS(31, 33)).is(undefined),
  tracestate("foo=1", `${"z".repeat(256)}=1`).is(`foo=1,${"z".repeat(256)}=1`),
  tracestate("foo=1", `${"z".repeat(257)}=1`).is(undefined),
  tracestate("foo=1", `${"t".repeat(241)}@${"v".repeat(14)}=1`).is(
    `foo=1,${"t".repeat(241)}@${"v".repeat(14)}=1`,
  ),
  ...["foo =1", "FOO=1", "foo.bar=1", "@foo=1,bar=2", "foo=bar=baz", "foo=,bar=3", "foobarbaz"].map((value) =>
    tracestate(value).is(undefined),
  ),
  // Level 1 had these discarded; level 2 knows no tenants.
  ...["foo@=1,bar=2", "foo@@bar=1,bar=2", "foo@bar@baz=1,bar=2", "1special=abracadabra"].map((value) =>
    tracestate(value).is(value, LEVEL_2),
  ),
  tracestate("foo= 1").is("foo= 1", "w3c/trace-context, value: leading spaces are part of it"),
];

// B3.

const README = "openzipkin/b3-propagation README";
const BRAVE = "openzipkin/brave B3SingleFormatTest";
const single = vectorsOf("b3single", README, "b3");
const brave = vectorsOf("b3single", BRAVE, "b3");
const javadoc = vectorsOf("b3single", "openzipkin/brave B3SingleFormat", "b3");
const README_TRACE = "80f198ee56343ba864fe8b2a57d3eff7";
const BRAVE_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const [ONE, TWO, THREE] = ["0000000000000001", "0000000000000002", "0000000000000003"] as const;
const ids = { trace: ONE, span: THREE };

const B3_SINGLE: Vector[] = [
  single(`${README_TRACE}-05e3ac9a4f6e3b90-1-e457b5a2e4d86bd1`, {
    trace: README_TRACE,
    span: "05e3ac9a4f6e3b90",
    parent: "e457b5a2e4d86bd1",
    ...keep,
  }),
  single(`${README_TRACE}-05e3ac9a4f6e3b90-1`, { trace: README_TRACE, span: "05e3ac9a4f6e3b90", ...keep }),
  single(`${README_TRACE}-05e3ac9a4f6e3b90-d`, { trace: README_TRACE, span: "05e3ac9a4f6e3b90", ...forced }),
  single("0", { ...drop, forced: false }),
  javadoc(`${BRAVE_TRACE}-00f067aa0ba902b7-1`, { trace: BRAVE_TRACE, span: "00f067aa0ba902b7", ...keep }),
  javadoc(`${BRAVE_TRACE}-00f067aa0ba902b7`, { trace: BRAVE_TRACE, span: "00f067aa0ba902b7" }),
  javadoc(`${BRAVE_TRACE}-00f067aa0ba902b7-d-5b4185666d50f68b`, {
    trace: BRAVE_TRACE,
    span: "00f067aa0ba902b7",
    parent: "5b4185666d50f68b",
    ...forced,
  }),
  javadoc("1", { ...keep, forced: false }),
  javadoc("d", { ...forced }),
  brave(`${ONE}-${THREE}`, ids),
  brave(`${ONE}${ONE}-${THREE}`, { trace: `${ONE}${ONE}`, span: THREE }),
  brave(`${ONE}-${THREE}-0`, { ...ids, ...drop }),
  brave(`${ONE}-${THREE}-0-${TWO}`, { ...ids, ...drop, parent: TWO }),
  brave(`${ONE}-${THREE}-${TWO}`, { ...ids, parent: TWO }),
  vectorsOf(
    "b3single",
    "DataDog/system-tests test_128_bit_traceids.py",
    "b3",
  )("640cfd8d00000000abcdefab12345678-000000003ade68b1-1", {
    trace: "640cfd8d00000000abcdefab12345678",
    span: "000000003ade68b1",
    ...keep,
  }),
  vectorsOf(
    "b3single",
    "DataDog/system-tests test_128_bit_traceids.py",
    "b3",
  )("abcdefab12345678-000000003ade68b1-1", { trace: "abcdefab12345678", span: "000000003ade68b1", ...keep }),
  ...[
    "",
    "-",
    "-1",
    "1-",
    ONE.slice(1),
    ONE,
    `${ONE}-`,
    `${ONE.slice(1)}-${THREE}`,
    `${ONE}-${THREE.slice(1)}`,
    `${ONE}-${THREE}-`,
    `${ONE}-${THREE}-1-`,
    `${ONE}-${THREE}-1-${TWO.slice(1)}`,
    `${ONE}-${THREE}-0-?`,
    `${ONE.slice(0, 15)}?-${THREE}`,
    `${ONE}-${THREE.slice(0, 15)}?`,
    `${ONE}-${THREE}-${TWO.slice(0, 15)}?`,
    "1-?",
    "not-a-tumor",
    "b970dafd-0d95-40aa-95d8-1d8725aebe40",
    `${ONE}-${THREE}-${ONE}${ONE}`,
    `${ONE}${ONE}${ONE}-${THREE}-${ONE}`,
  ].map((value) => brave(value, "malformed")),
];

function b3(
  trace: string | null,
  span: string | null,
  rest: Readonly<Record<string, string>>,
  says: Vector["says"],
  source = README,
): Vector {
  const headers: Header[] = [];
  if (trace !== null) headers.push(["X-B3-TraceId", trace]);
  if (span !== null) headers.push(["X-B3-SpanId", span]);
  for (const [name, value] of Object.entries(rest)) headers.push([`X-B3-${name}`, value]);
  return { format: "b3", source, headers, says };
}
const OTEL_B3 = "open-telemetry/opentelemetry-java B3PropagatorTest";
const OTEL_TRACE = "ff000000000000000000000000000041";
const OTEL_SPAN = "ff00000000000041";
const B3_MULTI: Vector[] = [
  b3(
    README_TRACE,
    "e457b5a2e4d86bd1",
    { ParentSpanId: "05e3ac9a4f6e3b90", Sampled: "1" },
    { trace: README_TRACE, span: "e457b5a2e4d86bd1", parent: "05e3ac9a4f6e3b90", ...keep },
  ),
  b3(
    "463ac35c9f6413ad48485a3953bb6124",
    "a2fb4a1d1a96d312",
    { ParentSpanId: "0020000000000001" },
    { trace: "463ac35c9f6413ad48485a3953bb6124", span: "a2fb4a1d1a96d312", parent: "0020000000000001" },
  ),
  b3(
    "463ac35c9f6413ad48485a3953bb6124",
    "a2fb4a1d1a96d312",
    { Flags: "1" },
    {
      trace: "463ac35c9f6413ad48485a3953bb6124",
      span: "a2fb4a1d1a96d312",
      ...forced,
    },
  ),
  b3(null, null, { Sampled: "0" }, { ...drop, forced: false }),
  b3(null, null, { Sampled: "1" }, { ...keep, forced: false }),
  b3(
    null,
    null,
    { Flags: "1" },
    { ...forced },
    "openzipkin/brave B3Propagation, ok without ids if debug is set",
  ),
  b3(OTEL_TRACE, OTEL_SPAN, { Sampled: "true" }, { trace: OTEL_TRACE, span: OTEL_SPAN, ...keep }, OTEL_B3),
  b3(OTEL_TRACE, OTEL_SPAN, { Sampled: "false" }, { trace: OTEL_TRACE, span: OTEL_SPAN, ...drop }, README),
  b3(OTEL_TRACE, OTEL_SPAN, { Sampled: "0" }, { trace: OTEL_TRACE, span: OTEL_SPAN, ...drop }, OTEL_B3),
  b3(
    "ff00000000000000",
    OTEL_SPAN,
    { Sampled: "1" },
    { trace: "ff00000000000000", span: OTEL_SPAN, ...keep },
    OTEL_B3,
  ),
  b3(
    OTEL_TRACE,
    OTEL_SPAN,
    { Flags: "1", Sampled: "0" },
    { trace: OTEL_TRACE, span: OTEL_SPAN, ...forced },
    "open-telemetry/opentelemetry-go-contrib b3_data_test.go, debug flag set and sampling state is deny",
  ),
  b3(
    OTEL_TRACE,
    OTEL_SPAN,
    { Flags: "0", Sampled: "1" },
    { trace: OTEL_TRACE, span: OTEL_SPAN, ...keep },
    "openzipkin/brave B3Propagation: the only flag it acts upon is 1",
  ),
  ...(
    [
      [`g${OTEL_TRACE.slice(1)}`, OTEL_SPAN],
      [OTEL_TRACE.slice(2), OTEL_SPAN],
      [`${OTEL_TRACE}00`, OTEL_SPAN],
      ["0".repeat(32), OTEL_SPAN],
      [OTEL_TRACE, `g${OTEL_SPAN.slice(1)}`],
      [OTEL_TRACE, OTEL_SPAN.slice(2)],
      [OTEL_TRACE, `${OTEL_SPAN}00`],
      [OTEL_TRACE, "0".repeat(16)],
    ] as const
  ).map(([trace, span]) => b3(trace, span, { Sampled: "1" }, "malformed", OTEL_B3)),
];

// Jaeger.

const jaeger = vectorsOf("jaeger", "jaegertracing/documentation client-libraries", "uber-trace-id");
const otelJaeger = vectorsOf(
  "jaeger",
  "open-telemetry/opentelemetry-java JaegerPropagatorTest",
  "uber-trace-id",
);
const JAEGER_TRACE = "000000000000004d0000000000000016";
const JAEGER_SPAN = "0000000000017c29";
const JAEGER: Vector[] = [
  vectorsOf(
    "jaeger",
    "jaegertracing/jaeger-client-go TestSpanIntegrityAfterSerialize",
    "uber-trace-id",
  )("f6c385a2c57ed8d7:b04a90b7723bdc:76c385a2c57ed8d7:1", {
    trace: "f6c385a2c57ed8d7",
    span: "00b04a90b7723bdc",
    parent: "76c385a2c57ed8d7",
    ...keep,
  }),
  otelJaeger("4d0000000000000016:17c29:0:5", { trace: JAEGER_TRACE, span: JAEGER_SPAN, ...keep }),
  otelJaeger("4d0000000000000016:17c29:0:0", { trace: JAEGER_TRACE, span: JAEGER_SPAN, ...drop }),
  otelJaeger("236f2e:17c29:0:1", { trace: "0000000000236f2e", span: JAEGER_SPAN, ...keep }),
  otelJaeger("4d0000000000000016%3A17c29%3A0%3A5", { trace: JAEGER_TRACE, span: JAEGER_SPAN, ...keep }),
  jaeger(`${JAEGER_TRACE}:${JAEGER_SPAN}:0:03`, { trace: JAEGER_TRACE, span: JAEGER_SPAN, ...forced }),
  jaeger(`${JAEGER_TRACE}:${JAEGER_SPAN}:0:09`, { trace: JAEGER_TRACE, span: JAEGER_SPAN, ...keep }),
  jaeger(`0:${JAEGER_SPAN}:0:1`, "malformed"),
  jaeger(`${JAEGER_TRACE}:0:0:1`, "malformed"),
  vectorsOf(
    "jaeger",
    "jaegertracing/jaeger-client-go TestDecodingError",
    "uber-trace-id",
  )("x.x.x.x", "malformed"),
  ...[
    "",
    "aa:bb:cc",
    "aa:bb:cc:dd:ee",
    `abcdefghijklmnopabcdefghijklmnop:${JAEGER_SPAN}:0:0`,
    `${JAEGER_TRACE}00:${JAEGER_SPAN}:0:0`,
    `${JAEGER_TRACE}:abcdefghijklmnop:0:0`,
    `${JAEGER_TRACE}:${JAEGER_SPAN}00:0:0`,
    `${JAEGER_TRACE}:${JAEGER_SPAN}:0:`,
    `${JAEGER_TRACE}:${JAEGER_SPAN}:0:10220`,
    `${JAEGER_TRACE}:${JAEGER_SPAN}:0:abcdefr`,
  ].map((value) => otelJaeger(value, "malformed")),
];

// Datadog.

function datadog(
  trace: string,
  span: string,
  rest: Readonly<Record<string, string>>,
  says: Vector["says"],
  source = "DataDog/system-tests test_128_bit_traceids.py",
): Vector {
  const headers: Header[] = [
    ["x-datadog-trace-id", trace],
    ["x-datadog-parent-id", span],
  ];
  for (const [name, value] of Object.entries(rest)) headers.push([`x-datadog-${name}`, value]);
  return { format: "datadog", source, headers, says };
}
const DD_GO = "DataDog/dd-trace-go textmap_test.go";
const DD_SPAN = "000000003ade68b1";
const DD_LOW = "112210f47de98115";
const DATADOG: Vector[] = [
  datadog(
    "1234567890123456789",
    "987654321",
    { tags: "_dd.p.tid=640cfd8d00000000" },
    {
      trace: `640cfd8d00000000${DD_LOW}`,
      span: DD_SPAN,
    },
  ),
  datadog("1234567890123456789", "987654321", {}, { trace: DD_LOW, span: DD_SPAN }),
  ...["1234567890abcdef1", "1234567890abcde", "1234567890abcdeX"].map((tid) =>
    datadog(
      "1234567890123456789",
      "987654321",
      { tags: `_dd.p.tid=${tid}` },
      { trace: DD_LOW, span: DD_SPAN },
    ),
  ),
  datadog(
    "1",
    "1",
    { tags: "hello=world=,_dd.p.dm=934086a6-4", "sampling-priority": "1" },
    { trace: ONE, span: ONE, ...keep },
    DD_GO,
  ),
  ...(
    [
      ["-1", { decision: "drop", forced: true }],
      ["0", drop],
      ["1", keep],
      ["2", forced],
    ] as const
  ).map(([priority, sampling]) =>
    datadog(
      "4",
      "1",
      { "sampling-priority": priority },
      { trace: "0000000000000004", span: ONE, ...sampling },
      "DataDog/dd-trace-rb Sampling::Ext::Priority",
    ),
  ),
  datadog("1", "A", {}, "malformed", DD_GO),
  datadog("A", "2", {}, "malformed", DD_GO),
  datadog("0", "0", {}, "malformed", DD_GO),
  datadog("3", "0", {}, "malformed", DD_GO),
];

// AWS X-Ray.

const concepts = vectorsOf("xray", "AWS X-Ray Developer Guide, Tracing header", "X-Amzn-Trace-Id");
const balancer = vectorsOf("xray", "Application Load Balancers, Request tracing", "X-Amzn-Trace-Id");
const otelXray = vectorsOf(
  "xray",
  "open-telemetry/opentelemetry-java-contrib AwsXrayPropagatorTest",
  "X-Amzn-Trace-Id",
);
const AWS_TRACE = "5759e988bd862e3fe1be46a994272793";
const AWS_SPAN = "53995c3f42cd8ad8";
const OTEL_ROOT = "1-8a3c60f7-d188f8fa79d48a391a778fa6";
const OTEL_XRAY_TRACE = "8a3c60f7d188f8fa79d48a391a778fa6";
const XRAY: Vector[] = [
  concepts("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1", { trace: AWS_TRACE, span: "", ...keep }),
  concepts("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1", {
    trace: AWS_TRACE,
    span: AWS_SPAN,
    ...keep,
  }),
  balancer("Root=1-67891233-abcdef012345678912345678", {
    trace: "67891233abcdef012345678912345678",
    span: "",
  }),
  balancer(
    "Self=1-67891234-12456789abcdef012345678;Root=1-67891233-abcdef012345678912345678;CalledFrom=app",
    {
      trace: "67891233abcdef012345678912345678",
      span: "",
    },
  ),
  otelXray(`Root=${OTEL_ROOT};Parent=${AWS_SPAN};Sampled=1`, {
    trace: OTEL_XRAY_TRACE,
    span: AWS_SPAN,
    ...keep,
  }),
  otelXray(`Root=${OTEL_ROOT};Parent=${AWS_SPAN};Sampled=0`, {
    trace: OTEL_XRAY_TRACE,
    span: AWS_SPAN,
    ...drop,
  }),
  otelXray(`Parent=${AWS_SPAN};Sampled=1;Root=${OTEL_ROOT}`, {
    trace: OTEL_XRAY_TRACE,
    span: AWS_SPAN,
    ...keep,
  }),
  otelXray(`Root=${OTEL_ROOT};Parent=${AWS_SPAN};Sampled=1;Foo=Bar`, {
    trace: OTEL_XRAY_TRACE,
    span: AWS_SPAN,
    ...keep,
  }),
  otelXray(`Root=1-00000000-d188f8fa79d48a391a778fa6;Parent=${AWS_SPAN};Sampled=1`, {
    trace: "00000000d188f8fa79d48a391a778fa6",
    span: AWS_SPAN,
    ...keep,
  }),
  concepts(`Root=${OTEL_ROOT};Parent=${AWS_SPAN};Sampled=?`, { trace: OTEL_XRAY_TRACE, span: AWS_SPAN }),
  ...[
    "",
    `Root=abcdefghijklmnopabcdefghijklmnop;Parent=${AWS_SPAN};Sampled=0`,
    `Root=${OTEL_ROOT}00;Parent=${AWS_SPAN};Sampled=0`,
    `Root=${OTEL_ROOT};Parent=abcdefghijklmnop;Sampled=0`,
    `Root=${OTEL_ROOT};Parent=${AWS_SPAN}00;Sampled=0`,
    `Root=${OTEL_ROOT};Parent=${AWS_SPAN};Sampled=`,
    `Root=${OTEL_ROOT};Parent=${AWS_SPAN};Sampled=10220`,
    `Root=${OTEL_ROOT};Parent=${AWS_SPAN};Sampled=a`,
    `Root=1-8a3c60f711-d188f8fa79d48a391a778fa6;Parent=${AWS_SPAN};Sampled=0`,
    `Root=1--d188f8fa79d48a391a778fa6;Parent=${AWS_SPAN};Sampled=0`,
    `Root=1-d188f8fa79d48a391a778fa6;Parent=${AWS_SPAN};Sampled=0`,
    `Root=2-1a2a3a4a-d188f8fa79d48a391a778fa6;Parent=${AWS_SPAN};Sampled=1;Foo=Bar`,
  ].map((value) => otelXray(value, "malformed")),
];

export const VECTORS: readonly Vector[] = [...W3C, ...B3_SINGLE, ...B3_MULTI, ...JAEGER, ...DATADOG, ...XRAY];

/** A test's name. */
export function title({ format, source, headers }: Vector): string {
  const text = headers.map(([name, value]) => `${name}: ${value}`).join(", ");
  return `${format}, ${source}: ${text.length > 160 ? `${text.slice(0, 160)}..` : text}`;
}

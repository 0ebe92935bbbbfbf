/** Random configurations of `trace-propagation`. */
import fc from "fast-check";
import { annotate, type Json, mode, name, some, text, token, vocabulary } from "./vocabulary.ts";

const formats = fc.subarray(["w3c", "b3", "b3single", "jaeger", "datadog", "xray"]);
const percent = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.double({ min: 0, max: 100, noNaN: true }));

const correlate = some({
  by: token,
  ttl: fc.constantFrom("1s", "1000ms", "1.5m", "60s", "24h"),
  maxEntries: fc.integer({ min: 1, max: 1_000_000 }),
});

const baggage = some(
  {
    allow: fc.uniqueArray(token, { maxLength: 4 }),
    maxBytes: fc.integer({ min: 1, max: 65_536 }),
  },
  ["allow"],
);

const collector = some(
  {
    cluster: text.filter((cluster) => cluster !== ""),
    path: fc.constantFrom("/", "/api/v2/spans", "/v1/traces?a=b"),
    timeout: fc.constantFrom("1ms", "5s", "1m"),
  },
  ["cluster"],
);

/** No secret among them, which only the reader knows. */
const key = fc.constantFrom<Json>(
  [{ header: "x-tenant" }],
  [{ host: {} }, { path: { segments: 2 } }],
  [{ constant: "" }],
);

function report(): fc.Arbitrary<Json> {
  const tags = fc.dictionary(name, key, { maxKeys: 3, noNullPrototype: true });
  const more = { serviceName: name, tags, route: fc.boolean(), peer: fc.boolean() };
  return fc.oneof(
    some({ ...more, zipkin: collector }, ["zipkin"]),
    some({ ...more, otlp: collector }, ["otlp"]),
  );
}

/** A configuration that is right in every respect, also those which no schema can say. */
export function rightTracePropagation(): fc.Arbitrary<Json> {
  const { requestMatch } = vocabulary();
  const rules = fc
    .array(some({ match: requestMatch, percent }, ["percent"]), { maxLength: 3 })
    .chain((list) =>
      fc
        .uniqueArray(name, { minLength: list.length, maxLength: list.length })
        .map((names) => list.map((one, at) => ({ name: names[at]!, ...one }))),
    );
  return some({
    mode,
    annotate,
    extract: formats,
    inject: formats,
    baggage,
    correlate,
    trustInbound: fc.boolean(),
    direction: fc.constantFrom("auto", "inbound", "outbound"),
    sampling: some({ default: percent, rules }),
    report: report(),
  });
}

/** One thing at a time: a change often meets what it could make wrong. */
export function smallTracePropagation(): fc.Arbitrary<Json> {
  return fc.oneof(
    formats.map((extract) => ({ extract })),
    correlate.map((one) => ({ correlate: one })),
    baggage.map((one) => ({ baggage: one })),
    percent.map((one) => ({ sampling: { default: one, rules: [{ name: "a", percent: one }] } })),
    report().map((one) => ({ report: one })),
  );
}

/** Envoy's rate-limit actions (`config/route/v3/route_components.proto`, `RateLimit`) to entries of our descriptors. */
import { snakeCase, type Field } from "./field.ts";
import { readHeaderMatcher } from "./header-matcher.ts";
import { joined, type RequestMatch } from "./route-match.ts";
import { readStringMatcher } from "./string-matcher.ts";

/** An entry of a descriptor, and what must hold so that there is one. */
export interface ActionEntry {
  key: string;
  /** A fixed value. */
  value?: string;
  /** Where its value comes from: a part of our Key. */
  from?: object;
  skipIfMissing?: boolean;
  condition?: RequestMatch;
}

/** A descriptor that is made of a request. */
export interface AskedDescriptor {
  entries: ActionEntry[];
  stage: number;
  hits: number | null;
  field: Field;
}

/** An item of `rate_limits`; null where it cannot be said, which is told. */
export function readRateLimit(field: Field): AskedDescriptor | null {
  const { report } = field.place;
  const before = report.count;
  const stage = field.get("stage")?.number() ?? 0;
  const entries = (field.get("actions")?.items() ?? []).map(readAction);
  if (entries.length === 0) field.leave("no actions: Envoy makes no descriptor of it");
  const addend = field.get("hitsAddend");
  const hits = addend?.get("number")?.number() ?? null;
  addend?.finish("a number of hits that the request says is not known here");
  field.get("limit")?.leave("a limit that dynamic metadata says cannot be read by a Wasm filter");
  field
    .get("disableKey")
    ?.leave("a plugin has no runtime settings: `mode: shadow` of the limit turns it off");
  if (field.get("applyOnStreamDone")?.boolean() === true)
    field.get("applyOnStreamDone")!.leave("a limit that is charged when the stream ends is not known here");
  field.finish();
  if (report.count > before || entries.includes(null)) return null;
  return { entries: entries as ActionEntry[], stage, hits, field };
}

function readAction(field: Field): ActionEntry | null {
  const { report } = field.place;
  const before = report.count;
  const [member, ...others] = field.members();
  if (member === undefined || others.length > 0) {
    field.leave("expected one action");
    return null;
  }
  const entry = READERS[member.name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())]?.(
    member.field,
  );
  if (entry === undefined) {
    member.field.leave(
      `an action that the filter has no entry for; it has ${Object.keys(READERS).map(snakeCase).join(", ")}`,
    );
    return null;
  }
  member.field.finish();
  return report.count > before ? null : entry;
}

const READERS: Readonly<Record<string, (action: Field) => ActionEntry>> = {
  requestHeaders: (action) => ({
    key: required(action, "descriptorKey"),
    from: { header: required(action, "headerName").toLowerCase() },
    ...skips(action),
  }),
  queryParameters: (action) => ({
    key: required(action, "descriptorKey"),
    from: { queryParam: required(action, "queryParameterName") },
    ...skips(action),
  }),
  // All of the address: our own default counts networks of 64 bits.
  remoteAddress: () => ({ key: "remote_address", from: { remoteAddress: { prefix6: 128 } } }),
  genericKey: (action) => ({
    key: text(action, "descriptorKey", "generic_key"),
    value: required(action, "descriptorValue"),
  }),
  headerValueMatch: (action) => {
    const headers = (action.get("headers")?.items() ?? []).map(readHeaderMatcher);
    return matched(action, "header_match", headers);
  },
  queryParameterValueMatch: (action) => {
    const parameters = (action.get("queryParameters")?.items() ?? []).map(readParameterMatcher);
    return matched(action, "query_match", parameters);
  },
  metadata: (action) => {
    if ((action.get("source")?.text() ?? "DYNAMIC") !== "DYNAMIC")
      action.get("source")!.leave("only DYNAMIC is known: the metadata of a request");
    const key = action.get("metadataKey");
    const filter = key?.get("key")?.text() ?? "";
    const steps = (key?.get("path")?.items() ?? []).map((step) => step.get("key")?.text() ?? "");
    if (filter !== "envoy.filters.http.jwt_authn" || steps.shift() !== "payload" || steps.length === 0)
      (key ?? action).leave(
        "only claims of a verified token are known: envoy.filters.http.jwt_authn, payload, ..",
      );
    key?.finish();
    action.get("defaultValue")?.leave("an entry has either a value or the request's");
    return {
      key: required(action, "descriptorKey"),
      from: { claim: steps.map((step) => `[${step}]`).join("") },
      ...skips(action),
    };
  },
};

function matched(action: Field, key: string, conditions: readonly (RequestMatch | null)[]): ActionEntry {
  const all = joined(conditions.filter((condition) => condition !== null));
  const expected = action.get("expectMatch");
  if (conditions.length === 0) action.leave("no matchers");
  return {
    key: text(action, "descriptorKey", key),
    value: required(action, "descriptorValue"),
    condition: expected === null || expected.boolean() ? all : { not: all },
  };
}

/** Envoy's `QueryParameterMatcher`. */
function readParameterMatcher(field: Field): RequestMatch | null {
  const name = required(field, "name");
  const presence = field.get("presentMatch");
  const matcher = field.get("stringMatch");
  field.finish();
  const present = { queryParams: { [name]: { present: true } } };
  if (presence !== null) return presence.boolean() ? present : { not: present };
  if (matcher === null) return present;
  const comparison = readStringMatcher(matcher);
  return comparison === null ? null : { queryParams: { [name]: comparison } };
}

function skips(action: Field): { skipIfMissing?: true } {
  return action.get("skipIfAbsent")?.boolean() === true ? { skipIfMissing: true } : {};
}

/** A text; this one where it is not there or empty, which are one thing to protobuf. */
function text(action: Field, name: string, otherwise: string): string {
  const given = action.get(name)?.text() ?? "";
  return given === "" ? otherwise : given;
}

function required(action: Field, name: string): string {
  const given = text(action, name, "");
  if (given === "") action.leave(`${snakeCase(name)} is missing`);
  return given;
}

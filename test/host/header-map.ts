/**
 * Envoy's HeaderMap (`source/common/http/header_map_impl.cc`): names in lower case, pseudo-headers
 * first, and a list of names ("inline" headers) which are joined with a comma when they come twice.
 * Which names these are was tried against Envoy 1.40.0: each name was sent twice.
 */

export type HeaderMapKind = "request" | "requestTrailers" | "response" | "responseTrailers";

const INLINE_BOTH = [
  "connection",
  "content-type",
  "content-length",
  "content-encoding",
  "cache-control",
  "keep-alive",
  "proxy-connection",
  "proxy-status",
  "transfer-encoding",
  "upgrade",
  "via",
  "x-envoy-attempt-count",
  "x-envoy-decorator-operation",
  "x-request-id",
];

const INLINE_REQUEST = [
  ...INLINE_BOTH,
  ":authority",
  ":method",
  ":path",
  ":protocol",
  ":scheme",
  "accept",
  "accept-encoding",
  "access-control-request-headers",
  "access-control-request-method",
  "access-control-request-private-network",
  "authentication",
  "authorization",
  "expect",
  "grpc-accept-encoding",
  "grpc-timeout",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "origin",
  "pragma",
  "referer",
  "te",
  "user-agent",
  "x-client-trace-id",
  "x-envoy-downstream-service-cluster",
  "x-envoy-downstream-service-node",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-external-address",
  "x-envoy-force-trace",
  "x-envoy-hedge-on-per-try-timeout",
  "x-envoy-internal",
  "x-envoy-ip-tags",
  "x-envoy-is-timeout-retry",
  "x-envoy-max-retries",
  "x-envoy-original-host",
  "x-envoy-original-path",
  "x-envoy-original-url",
  "x-envoy-retriable-header-names",
  "x-envoy-retriable-status-codes",
  "x-envoy-retry-grpc-on",
  "x-envoy-retry-on",
  "x-envoy-upstream-alt-stat-name",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-upstream-rq-timeout-alt-response",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-stream-duration-ms",
  "x-forwarded-client-cert",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
];

const INLINE_RESPONSE = [
  ...INLINE_BOTH,
  ":status",
  "access-control-allow-credentials",
  "access-control-allow-headers",
  "access-control-allow-methods",
  "access-control-allow-origin",
  "access-control-allow-private-network",
  "access-control-expose-headers",
  "access-control-max-age",
  "age",
  "date",
  "etag",
  "expires",
  "grpc-message",
  "grpc-status",
  "last-modified",
  "location",
  "server",
  "vary",
  "x-envoy-degraded",
  "x-envoy-immediate-health-check-fail",
  "x-envoy-ratelimited",
  "x-envoy-upstream-canary",
  "x-envoy-upstream-healthchecked-cluster",
  "x-envoy-upstream-service-time",
];

const INLINE: Readonly<Record<HeaderMapKind, ReadonlySet<string>>> = {
  request: new Set(INLINE_REQUEST),
  requestTrailers: new Set(),
  response: new Set(INLINE_RESPONSE),
  responseTrailers: new Set(["grpc-message", "grpc-status"]),
};

const COLON = 58;

/** Lower case of A to Z only, as `absl::ascii_tolower`; other bytes stay. */
export function lowerCaseName(name: string): string {
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i);
    if (c >= 65 && c <= 90) return name.replace(/[A-Z]+/g, (upper) => upper.toLowerCase());
  }
  return name;
}

export class HeaderMap {
  /** Names and values in turn: `[name0, value0, name1, value1, ..]`, all byte strings. */
  readonly flat: string[] = [];
  private pseudoCount = 0;
  private readonly inline: ReadonlySet<string>;

  constructor(kind: HeaderMapKind) {
    this.inline = INLINE[kind];
  }

  static of(kind: HeaderMapKind, pairs: readonly (readonly [string, string])[]): HeaderMap {
    const map = new HeaderMap(kind);
    for (const [name, value] of pairs) map.add(name, value);
    return map;
  }

  get size(): number {
    return this.flat.length >> 1;
  }

  /** Sum of the lengths of names and values, without separators (`byteSize`). */
  get byteSize(): number {
    let sum = 0;
    for (const text of this.flat) sum += text.length;
    return sum;
  }

  /** The first value, or null. */
  getFirst(name: string): string | null {
    const at = this.find(lowerCaseName(name));
    return at < 0 ? null : this.flat[at + 1]!;
  }

  has(name: string): boolean {
    return this.find(lowerCaseName(name)) >= 0;
  }

  getAll(name: string): string[] {
    const key = this.canonical(name);
    const values: string[] = [];
    for (let i = 0; i < this.flat.length; i += 2) if (this.flat[i] === key) values.push(this.flat[i + 1]!);
    return values;
  }

  /** All values joined as Envoy's matchers and CEL see them, or null (`getAllOfHeaderAsString`). */
  getAllJoined(name: string): string | null {
    const values = this.getAll(name);
    return values.length === 0 ? null : values.join(",");
  }

  /** `addCopy`: another pair, or one more item of an inline header; an empty item adds nothing. */
  add(name: string, value: string): void {
    const key = this.canonical(name);
    if (this.inline.has(key)) {
      const at = this.find(key);
      if (at >= 0) {
        if (value.length > 0) {
          const before = this.flat[at + 1]!;
          this.flat[at + 1] = before.length > 0 ? `${before},${value}` : value;
        }
        return;
      }
    }
    if (key.charCodeAt(0) === COLON) this.flat.splice(2 * this.pseudoCount++, 0, key, value);
    else this.flat.push(key, value);
  }

  /** `setCopy`: removes every value, then adds: the header moves to the end. */
  replace(name: string, value: string): void {
    this.remove(name);
    this.add(name, value);
  }

  /** Removes every value; answers how many there were. */
  remove(name: string): number {
    const key = this.canonical(name);
    let removed = 0;
    for (let i = 0; i < this.flat.length;) {
      if (this.flat[i] === key) {
        this.flat.splice(i, 2);
        if (key.charCodeAt(0) === COLON) this.pseudoCount--;
        removed++;
      } else i += 2;
    }
    return removed;
  }

  clear(): void {
    this.flat.length = 0;
    this.pseudoCount = 0;
  }

  entries(): [name: string, value: string][] {
    const pairs: [string, string][] = [];
    for (let i = 0; i < this.flat.length; i += 2) pairs.push([this.flat[i]!, this.flat[i + 1]!]);
    return pairs;
  }

  private find(key: string): number {
    const wanted = key === "host" && this.inline === INLINE.request ? ":authority" : key;
    const flat = this.flat;
    for (let i = 0; i < flat.length; i += 2) if (flat[i] === wanted) return i;
    return -1;
  }

  /** In a request `host` is another name of `:authority` (`HostLegacy` in the static lookup table). */
  private canonical(name: string): string {
    const key = lowerCaseName(name);
    return key === "host" && this.inline === INLINE.request ? ":authority" : key;
  }
}

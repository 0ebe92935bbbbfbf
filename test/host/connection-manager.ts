/**
 * What Envoy's connection manager does around the filters, as tried against Envoy 1.40.0 with
 * `normalize_path: true`, `merge_slashes: false` and `use_remote_address: false`: it refuses what its
 * codec cannot take, normalises the path, and adds headers.
 */
import type { Header, HttpRequest } from "../driver.ts";
import { bytesOf, NO_BYTES } from "./bytes.ts";
import { HeaderMap, lowerCaseName } from "./header-map.ts";
import { normalisePath, readTarget } from "./request-target.ts";
import type { ProcessServices } from "./services.ts";

export interface Refusal {
  status: number;
  details: string;
  body: Uint8Array;
  headers: HeaderMap;
}

export type Admission =
  | { readonly refused: Refusal; readonly headers: HeaderMap | null }
  | { readonly refused: null; readonly headers: HeaderMap };

/** Envoy's defaults: `max_request_headers_kb` 60, `max_headers_count` 100. */
const MAX_HEADER_BYTES = 60 * 1024;
const MAX_HEADER_COUNT = 100;

// RFC 9110 §5.6.2 token; values take tab, and any byte but the controls and DEL.
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const BAD_VALUE = /[\0-\x08\n-\x1f\x7f]/;
const BAD_TARGET = /[^\x21-\x7e]/;
const METHODS = new Set(
  "DELETE GET HEAD POST PUT CONNECT OPTIONS TRACE PATCH PURGE MERGE SEARCH PROPFIND LOCK UNLOCK".split(" "),
);

const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "upgrade",
  "transfer-encoding",
]);

/** Only Envoy itself may set these (`ConnectionManagerUtility::cleanInternalHeaders`). */
const INTERNAL: ReadonlySet<string> = new Set([
  "x-envoy-retriable-status-codes",
  "x-envoy-retriable-header-names",
  "x-envoy-retry-on",
  "x-envoy-retry-grpc-on",
  "x-envoy-max-retries",
  "x-envoy-upstream-alt-stat-name",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-upstream-rq-timeout-alt-response",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-force-trace",
  "x-envoy-ip-tags",
  "x-envoy-original-url",
  "x-envoy-hedge-on-per-try-timeout",
  "x-envoy-upstream-stream-duration-ms",
  "x-envoy-internal",
  "x-forwarded-client-cert",
]);

export function admit(request: HttpRequest, services: ProcessServices): Admission {
  const given = request.headers ?? [];
  const problem = codecProblem(request, given);
  if (problem !== null) {
    return { refused: refusal(problem.status, problem.text, problem.details, services), headers: null };
  }
  const target = readTarget(request);
  if ("details" in target) {
    const text = target.details.startsWith("http1.") ? "Bad Request" : "";
    return { refused: refusal(target.status, text, target.details, services), headers: null };
  }
  const path = target.path === null ? "" : normalisePath(target.path);

  const headers = new HeaderMap("request");
  headers.add(":authority", target.authority);
  if (target.path !== null) headers.add(":path", path ?? target.path);
  headers.add(":method", request.method);
  // Names in `connection` are for this hop only.
  let named: Set<string> | null = null;
  for (const [spelled, value] of given) {
    const name = lowerCaseName(spelled);
    if (name === "host" && target.scheme !== null) continue;
    if (!HOP_BY_HOP.has(name) && !INTERNAL.has(name)) headers.add(name, trimmed(value));
    else if (name === "connection") {
      named ??= new Set();
      for (const item of value.split(",")) named.add(item.trim().toLowerCase());
    }
  }
  if (named !== null) for (const name of named) if (name !== "" && name !== "te") headers.remove(name);
  if (path === null) {
    return { refused: refusal(400, "", "path_normalization_failed", services), headers };
  }
  const te = headers.getFirst("te");
  if (te !== null && !te.split(",").some((item) => item.trim() === "trailers")) headers.remove("te");
  const body = request.body ?? NO_BYTES;
  if (body.length > 0 && !headers.has("content-length") && (request.trailers ?? []).length === 0) {
    headers.add("content-length", String(body.length));
  }
  if (!headers.has("x-forwarded-proto")) headers.add("x-forwarded-proto", request.peer ? "https" : "http");
  const scheme = headers.getFirst("x-forwarded-proto") === "https" ? "https" : "http";
  headers.add(":scheme", target.scheme ?? scheme);
  if (!headers.has("x-request-id")) headers.add("x-request-id", uuid(services));
  return { refused: null, headers };
}

/**
 * The client's address as `use_remote_address: false` has it: the last one in `x-forwarded-for`, without a port
 * (`Utility::getLastAddressFromXFF`). Null when that is none.
 */
export function forwardedFor(headers: HeaderMap): string | null {
  const last = headers.getFirst("x-forwarded-for")?.split(",").at(-1)?.trim() ?? "";
  if (/^\d+(\.\d+){3}$/.test(last)) {
    // A leading zero might mean octal (`inet_pton`).
    return last.split(".").every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)
      ? `${last}:0`
      : null;
  }
  // A zone by its number; one by the name of an interface is some number of the machine's.
  const [, address, zone = "0"] = /^([0-9a-f:.]*:[0-9a-f:.]*)(?:%(\d+))?$/i.exec(last) ?? [];
  const text = address === undefined ? null : canonicalIpv6(address);
  return text === null ? null : `[${text}${Number(zone) === 0 ? "" : `%${Number(zone)}`}]:0`;
}

/** As `inet_ntop` writes it, or null when it is none. */
function canonicalIpv6(text: string): string | null {
  const url = `http://[${text}]`;
  if (!URL.canParse(url)) return null;
  const canonical = new URL(url).hostname.slice(1, -1);
  // An IPv4 address in it is written as one.
  const [, before, high = "", low = ""] = /^(::|::ffff:)([0-9a-f]+):([0-9a-f]+)$/.exec(canonical) ?? [];
  if (before === undefined) return canonical;
  const bits = [parseInt(high, 16), parseInt(low, 16)];
  return before + bits.flatMap((half) => [half >> 8, half & 0xff]).join(".");
}

/** Those that are for one connection: Envoy writes its own. */
export function removeHopByHop(headers: HeaderMap): void {
  for (let i = 0; i < headers.flat.length; i += 2) {
    if (!HOP_BY_HOP.has(headers.flat[i]!)) continue;
    headers.remove(headers.flat[i]!);
    i = -2;
  }
}

/** As an HTTP/1.1 upstream gets them, with `host` as `:authority` and without `:scheme`. */
export function upstreamHeaders(map: HeaderMap): Header[] {
  const headers: Header[] = [];
  for (const name of [":method", ":path", ":authority"]) headers.push([name, map.getFirst(name) ?? ""]);
  for (const entry of map.entries()) if (!entry[0].startsWith(":")) headers.push(entry);
  headers.push(["x-envoy-expected-rq-timeout-ms", "15000"]);
  return headers;
}

/** `ConnectionManagerUtility::mutateResponseHeaders`, and date and server. */
export function finishResponse(headers: HeaderMap, services: ProcessServices): void {
  removeHopByHop(headers);
  headers.replace("date", dateOf(services.clock.wall));
  headers.replace("server", "envoy");
}

let dateSecond = -1n;
let dateText = "";

/** IMF-fixdate; remembered for its second, since it is wanted for every response. */
function dateOf(wall: bigint): string {
  const second = wall / 1_000_000_000n;
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(Number(second) * 1000).toUTCString();
  }
  return dateText;
}

interface CodecProblem {
  status: number;
  text: string;
  details: string;
}

function codecProblem(request: HttpRequest, given: readonly Header[]): CodecProblem | null {
  const bad = (details: string): CodecProblem => ({ status: 400, text: "Bad Request", details });
  if (!METHODS.has(request.method) || BAD_TARGET.test(request.path) || request.path === "") {
    return bad("http1.codec_error");
  }
  let bytes = request.path.length + request.method.length;
  for (const [name, value] of given) {
    if (!TOKEN.test(name) || BAD_VALUE.test(value)) return bad("http1.codec_error");
    bytes += name.length + value.length;
  }
  if (BAD_VALUE.test(request.authority ?? "")) return bad("http1.codec_error");
  if (given.length + 1 > MAX_HEADER_COUNT) return tooLarge("http1.too_many_headers");
  if (bytes > MAX_HEADER_BYTES) return tooLarge("http1.headers_too_large");
  return null;
}

function tooLarge(details: string): CodecProblem {
  return { status: 431, text: "Request Header Fields Too Large", details };
}

function refusal(status: number, text: string, details: string, services: ProcessServices): Refusal {
  const headers = new HeaderMap("response");
  headers.add(":status", String(status));
  headers.add("content-length", String(text.length));
  if (text !== "") headers.add("content-type", "text/plain");
  finishResponse(headers, services);
  headers.add("connection", "close");
  return { status, details, body: bytesOf(text), headers };
}

/** Optional white space around a value is not part of it (RFC 9110 §5.5). */
function trimmed(value: string): string {
  return /^[ \t]|[ \t]$/.test(value) ? value.replace(/^[ \t]+|[ \t]+$/g, "") : value;
}

/** A version 4 UUID. */
function uuid(services: ProcessServices): string {
  const bytes = new Uint8Array(16);
  services.random(bytes);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  let text = "";
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) text += "-";
    text += HEX[bytes[i]!]!;
  }
  return text;
}

const HEX = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));

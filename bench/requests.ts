/** The requests of the benchmark. */
import type { LoadRequest } from "./load.ts";

/** How many header fields the client sends besides the request line and `Host`. */
export const headerCounts = [5, 20] as const;
export type HeaderCount = (typeof headerCounts)[number];

/** At least one. */
export type Users = readonly [string, ...string[]];

/** Who the requests are from, in all rows but the one of many keys. */
export const oneUser = "user-999";
/** Who is refused by the rows that can show so. */
export const refusedUser = "user-429";
/** One of up to 10,000 users, as long as {@link oneUser}. */
export const userOf = (number: number): string => `key-${String(number).padStart(4, "0")}`;

/** What a rule looks at. The same request serves all variants: those with rules on users, and with keys, read `x-user`. */
const decisive = (user: string) => ({ "x-beta-user": "true", "x-user": user });

/** What fills a request up, as a browser behind a gateway sends it. The decisive ones are last. */
const others: readonly (readonly [string, string])[] = [
  [
    "user-agent",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0 Safari/537.36",
  ],
  ["accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
  ["x-request-id", "5a6f0e0c-6a2e-4f0e-9d4b-7e4f3b1a9c11"],
  ["accept-encoding", "gzip, deflate, br, zstd"],
  ["accept-language", "en-GB,en;q=0.9,de;q=0.8"],
  ["cache-control", "no-cache"],
  ["cookie", "session=0f8fad5b-d9cb-469f-a165-70867728950e; theme=dark; consent=1"],
  ["referer", "https://shop.example.test/catalogue/shoes?page=3"],
  ["origin", "https://shop.example.test"],
  ["sec-fetch-site", "same-origin"],
  ["sec-fetch-mode", "navigate"],
  ["sec-fetch-dest", "document"],
  ["sec-ch-ua-platform", '"Linux"'],
  ["sec-ch-ua-mobile", "?0"],
  ["traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
  ["tracestate", "congo=t61rcWkgMzE"],
  ["x-api-key", "k-3f9a6b1e7c5d"],
  ["dnt", "1"],
];

function request(path: string, fields: readonly (readonly [string, string])[]): Buffer {
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`GET ${path} HTTP/1.1\r\nhost: shop.example.test\r\n${lines.join("")}\r\n`);
}

/** Fields of a request on the hit path. */
export function hitFields(count: HeaderCount, user: string): (readonly [string, string])[] {
  return [...others.slice(0, count - 2), ...Object.entries(decisive(user))];
}

/** Requests on the hit path, one of each user: the filter has something to decide; dark-launch decides for v2. */
export function hit(count: HeaderCount, expected: string, users: Users = [oneUser]): LoadRequest {
  const of = (user: string): Buffer => request("/reviews/1", hitFields(count, user));
  const [first, ...more] = users;
  const all: readonly [Buffer, ...Buffer[]] = [of(first), ...more.map(of)];
  return { at: (number) => all[number % all.length] ?? all[0], expected };
}

/** Requests with credentials in this header, one of each value in turn, among as many fields. */
export function withCredentials(
  count: HeaderCount,
  expected: string,
  header: string,
  values: readonly string[],
): LoadRequest {
  const filling = others.filter(([name]) => name !== header).slice(0, count - 1);
  const all = values.map((value) => request("/reviews/1", [...filling, [header, value]]));
  return { at: (number) => all[number % all.length]!, expected };
}

/** The trace that all requests of the rows of traces belong to; it is sampled. */
export const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";

/** Fields with a trace. */
export function tracedFields(count: HeaderCount): (readonly [string, string])[] {
  const filling = [...others, ...Object.entries(decisive(oneUser))].filter(
    ([name]) => name !== "traceparent",
  );
  return [...filling.slice(0, count - 1), ["traceparent", `00-${traceId}-00f067aa0ba902b7-01`]];
}

/** Requests with a trace, and each with an `x-request-id` of its own. */
export function traced(count: HeaderCount, expected: string): LoadRequest {
  const template = request("/reviews/1", tracedFields(count));
  const at = template.indexOf("x-request-id: ") + "x-request-id: ".length;
  return {
    at: (number) => {
      const bytes = Buffer.from(template);
      bytes.write(requestId(number), at, "latin1");
      return bytes;
    },
    expected,
  };
}

/** A UUID that no other number has, in the form of version 4 (RFC 9562, 5.4). */
function requestId(number: number): string {
  const hex = Array.from({ length: 4 }, (_, at) => mixed((number ^ (at << 28)) >>> 0)).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** Eight digits that look like chance; another number has others (each step can be undone). */
function mixed(number: number): string {
  let bits = Math.imul(number ^ (number >>> 16), 0x45d9f3b);
  bits = Math.imul(bits ^ (bits >>> 16), 0x45d9f3b);
  return ((bits ^ (bits >>> 16)) >>> 0).toString(16).padStart(8, "0");
}

/** A request on the hit path of whom the rows with limits refuse from the second on. */
export function refused(): Buffer {
  return request("/verify", Object.entries(decisive(refusedUser)));
}

/** A request whose answer shows what each copy of the filter wrote; `forged` is sent in by the client. */
export function probe(isHit: boolean, forged?: readonly [string, string]): Buffer {
  const user = isHit
    ? [...others.slice(0, 1), ...Object.entries(decisive(oneUser))]
    : [["x-beta-user", "false"] as const, ["x-user", "nobody"] as const];
  return request("/verify", [...user, ...(forged ? [forged] : [])]);
}

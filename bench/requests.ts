/** The requests of the benchmark. */
import type { LoadRequest } from "./load.ts";

/** How many header fields the client sends besides the request line and `Host`. */
export const headerCounts = [5, 20] as const;
export type HeaderCount = (typeof headerCounts)[number];

/** What a rule looks at. The same request serves all variants: those with rules on users read `x-user`. */
const decisive = { "x-beta-user": "true", "x-user": "user-999" };

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

/** A request on the hit path: the filter has something to decide and decides for v2. */
export function hit(count: HeaderCount, expected: string): LoadRequest {
  const fields = [...others.slice(0, count - 2), ...Object.entries(decisive)];
  return { bytes: request("/reviews/1", fields), expected };
}

/** A request whose answer shows what each copy of the filter wrote; `forged` is sent in by the client. */
export function probe(isHit: boolean, forged?: readonly [string, string]): Buffer {
  const user = isHit
    ? [...others.slice(0, 1), ...Object.entries(decisive)]
    : [["x-beta-user", "false"] as const, ["x-user", "nobody"] as const];
  return request("/verify", [...user, ...(forged ? [forged] : [])]);
}

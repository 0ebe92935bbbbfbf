/** What became of requests, as texts to compare. */
import type { HttpResponse } from "../driver.ts";
import { received } from "./playing.ts";

/** Which application was asked what by which route (`x-route`), or what the proxy said itself. */
export function routeOf(response: HttpResponse): string {
  const echo = received(response);
  if (echo !== null) return `${echo.workload} route ${String(echo.headers["x-route"])} ${echo.path}`;
  const location = response.headers.find(([name]) => name === "location")?.[1] ?? "";
  return `${response.status} ${location} ${textOf(response)}`;
}

/** How a limit answers: of what `x-ratelimit-limit` lists, that which is nearest. */
export function limitOf(response: HttpResponse): string {
  const said = response.headers
    .filter(([name]) => /ratelimit-(?:limit|remaining)$|ratelimited$/.test(name))
    .map(([name, value]) => `${name}: ${value.split(",")[0]}`);
  return [response.status, ...said, response.status === 200 ? "" : textOf(response)].join(" ");
}

/** The status, and what an application has learnt of a token. */
export function verdictOf(response: HttpResponse): string {
  const { authorization = "", "x-claim-sub": claim = "" } = received(response)?.headers ?? {};
  return `${response.status} ${authorization} ${String(claim)}`;
}

/** How many there are of each first word. */
export function countsOf(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) {
    const [which = ""] = outcome.split(" ");
    counts[which] = (counts[which] ?? 0) + 1;
  }
  return counts;
}

function textOf({ body }: HttpResponse): string {
  return Buffer.from(body).toString();
}

/**
 * What attackers vary in requests, at Envoy's own RBAC filters and at `authz`, in one Envoy, under each of Istio's settings for paths. The
 * native filters are the truth: both decide the same of the same bytes, answer the same, and see the same path.
 */
import { connect as connectHttp2, constants } from "node:http2";
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HttpRequest } from "../driver.ts";
import { ATTACKS } from "./attacks.ts";
import type { Policy } from "./native.ts";
import { SETTINGS, Twins, verdictOf, type Case, type Setting } from "./twins.ts";

const settings = Object.keys(SETTINGS) as Setting[];

/** What becomes of a target under each setting, in the order of {@link SETTINGS}, where `/admin` and `/admin/*` are denied. */
const DENIED: Readonly<Record<string, readonly Outcome[]>> = {
  "/admin": ["denied", "denied", "denied", "denied"],
  "//admin": ["passes", "passes", "denied", "denied"],
  "/./admin": ["passes", "denied", "denied", "denied"],
  "/x/../admin": ["passes", "denied", "denied", "denied"],
  "/%2e/admin": ["passes", "denied", "denied", "denied"],
  "/public/..;/admin": ["passes", "denied", "denied", "denied"],
  "/%61dmin": ["passes", "denied", "denied", "denied"],
  "/%2fadmin": ["passes", "passes", "passes", "denied"],
  "/admin%2fx": ["passes", "passes", "passes", "denied"],
  "/%5cadmin": ["passes", "passes", "passes", "denied"],
  "/\\admin": ["passes", "passes", "denied", "denied"],
  "/public\\..\\admin": ["passes", "denied", "denied", "denied"],
  "/admin?x": ["denied", "denied", "denied", "denied"],
  "/admin#x": ["denied", "denied", "denied", "denied"],
  "/admin;x=1": ["passes", "passes", "passes", "passes"],
  "/ADMIN": ["passes", "passes", "passes", "passes"],
  "/%2561dmin": ["passes", "passes", "passes", "passes"],
  "/admin%00": ["passes", "refused", "refused", "refused"],
  "http://a.test/admin": ["denied", "denied", "denied", "denied"],
};

type Outcome = "denied" | "passes" | "refused";

/** Only for what HTTP/1 does not let through: any token as a method, other bytes in a path, two names of a host. */
const HTTP2_ATTACKS: readonly OutgoingHttpHeaders[] = [
  { ":method": "delete" },
  { ":method": "Delete" },
  { ":method": "FOO" },
  { ":method": "DELETE" },
  { ":path": "/admin" },
  { ":path": "/admin#x" },
  { ":path": "/adm\xefn" },
  { ":path": "/t/\xe9/x" },
  { ":path": "/admin\\" },
  { ":authority": "admin.test" },
  { ":authority": "other.test", host: "admin.test" },
  { ":authority": "admin.test", host: "other.test" },
  { ":authority": "ADMIN.test:80" },
  { "x-role": ["user", "admin"] },
  { "x-role": ["admin", "user"] },
  { cookie: ["b=1", "a=1"] },
  { cookie: "b=1; a=1" },
];

describe("authz beside Envoy's RBAC, of one request's bytes", { timeout: 60_000 }, () => {
  const cases: Case[] = settings.flatMap((setting) =>
    ATTACKS.map(({ name, policies }) => ({ name, policies, setting })),
  );
  const all: Case = { name: "all", policies: denying(), setting: "BASE" };
  let twins: Twins;

  beforeAll(async () => {
    twins = await Twins.start([...cases, all]);
  });

  afterAll(async () => {
    await twins.stop();
  });

  for (const setting of settings) {
    for (const { name, advisories, policies, requests } of ATTACKS) {
      const known = advisories.length > 0 ? ` (${advisories.join(", ")})` : "";
      test(`${name}${known}, ${setting}`, async () => {
        const counts = { passes: 0, denied: 0, refused: 0 };
        for (const request of requests) {
          const { native, ours } = await twins.ask({ name, policies, setting }, request);
          expect.soft(ours, JSON.stringify(request)).toEqual(native);
          counts[outcome(native.verdict)]++;
        }
        expect(counts.passes).toBeGreaterThan(0);
        expect(counts.denied).toBeGreaterThan(0);
      });
    }
  }

  test.each(Object.entries(DENIED))("%s where /admin is denied", async (path, expected) => {
    const { policies, name } = ATTACKS[0]!;
    const seen = await Promise.all(
      settings.map(async (setting) => {
        const { native, ours } = await twins.ask({ name, policies, setting }, { method: "GET", path });
        return [native, ours].map(({ verdict }) => outcome(verdict));
      }),
    );
    expect(seen).toEqual(expected.map((one) => [one, one]));
  });

  test.each(HTTP2_ATTACKS)("by HTTP/2: %j", async (headers) => {
    const { native, ours } = twins.portsOf(all);
    const [first, second] = await Promise.all([askHttp2(native, headers), askHttp2(ours, headers)]);
    expect(second).toEqual(first);
  });
});

describe("paths that arrive as no setting leaves them", { timeout: 60_000 }, () => {
  const cases = settings.map((setting): Case => ({
    name: "counted",
    policies: ATTACKS[0]!.policies,
    setting,
  }));
  let twins: Twins;

  beforeAll(async () => {
    twins = await Twins.start(cases);
  });

  afterAll(async () => {
    await twins.stop();
  });

  /** What each request adds to the counters under a setting; in one order for all. */
  const kinds = ["dot-segments", "slashes", "escaped-slash", "backslash"];
  const counted = async (): Promise<number[]> =>
    Promise.all(kinds.map((kind) => twins.counter(`kind=.=${kind};.;outrigger_authz_unnormalized_paths`)));

  const gains = async (setting: Setting, requests: readonly HttpRequest[]): Promise<number[]> => {
    const before = await counted();
    for (const request of requests) await twins.ask(cases[settings.indexOf(setting)]!, request);
    // They are told once a second.
    await sleep(1300);
    const after = await counted();
    return after.map((value, at) => value - before[at]!);
  };

  const get = (path: string): HttpRequest => ({ method: "GET", path });
  const REQUESTS = [
    ...["/x/../y", "/./x", "/x/..", "/x/.", "/x/%2e%2E/y", "/x/..;a/y"],
    ...["//x", "/x//y", "/x//"],
    ...["/x%2fy", "/x%2Fy", "/x%5cy", "/x%5C"],
    ...["/x\\y", "/\\"],
    // Of these none counts.
    ...[
      "/",
      "/x",
      "/x/",
      "/x..y",
      "/...",
      "/.x",
      "/x?a=/../b",
      "/x?a=//b",
      "/x?a=%2f",
      "/x?\\",
      "/x%2",
      "/x%25",
      "/x%2e",
      "/x;/",
    ],
  ].map(get);

  test("are counted by what they are", async () => {
    expect(await gains("NONE", REQUESTS)).toEqual([6, 3, 4, 2]);
  });

  test("and by all that they are", async () => {
    expect(await gains("NONE", [get("//x/../y%2f\\z"), get("//a//b/../../%2F%5c\\\\")])).toEqual([
      2, 2, 2, 2,
    ]);
  });

  test("each setting leaves fewer of them", async () => {
    // A backslash becomes a slash, `/\` two of them.
    expect(await gains("BASE", REQUESTS)).toEqual([0, 4, 4, 0]);
    // Envoy leaves a path that is nothing but slashes as two of them (`PathTransformer::mergeSlashes`).
    expect(await gains("MERGE_SLASHES", REQUESTS)).toEqual([0, 1, 4, 0]);
    expect(await gains("DECODE_AND_MERGE_SLASHES", REQUESTS)).toEqual([0, 1, 0, 0]);
  });
});

/**
 * The policies that deny some requests and not all, each once. (Which of several that match is named differs: the native filter sorts them by
 * their names.)
 */
function denying(): Policy[] {
  const found = new Map<string, Policy>();
  for (const policy of ATTACKS.flatMap(({ policies }) => policies)) {
    if (policy.action === "DENY" && !isWide(policy) && !found.has(policy.name))
      found.set(policy.name, policy);
  }
  return [...found.values()];
}

function isWide({ rules }: Policy): boolean {
  const operations = rules.flatMap(({ to = [] }) => to.map(({ operation }) => operation));
  return operations.some(({ paths = [], notPaths }) => notPaths !== undefined || paths.includes("*"));
}

function outcome(verdict: string): Outcome {
  if (verdict === "passes") return "passes";
  return verdict === "no-allow" || verdict.startsWith("policy ") ? "denied" : "refused";
}

function askHttp2(port: number, more: OutgoingHttpHeaders): Promise<object> {
  const headers = { ":method": "GET", ":path": "/x", ":authority": "a.test", ":scheme": "http", ...more };
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    session.once("error", reject);
    const stream = session.request(headers, { endStream: true });
    stream.setTimeout(5000, () => stream.close(constants.NGHTTP2_CANCEL));
    let seen: object = {};
    stream.once("response", (response: IncomingHttpHeaders) => {
      const details = String(response["x-test-details"]);
      seen = { status: response[":status"], verdict: verdictOf(details), path: response["x-test-path"] };
    });
    stream.once("close", () => {
      session.destroy();
      resolve(Object.keys(seen).length > 0 ? seen : { reset: stream.rstCode });
    });
    stream.once("error", () => {});
    stream.resume();
  });
}

/** Our service beside envoyproxy/ratelimit with Redis: where they differ, ours is wrong. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readConfiguration } from "../../cli/ratelimit-service/config.ts";
import type { RateLimitRequest } from "../../cli/ratelimit-service/messages.ts";
import { RateLimitService, ServiceError } from "../../cli/ratelimit-service/service.ts";
import { locateConfigurationCheck, RateLimit } from "../peers/ratelimit.ts";
import { Redis } from "../peers/redis.ts";
import { descriptor, request } from "./asking.ts";
import { RateLimitClient, type Answer } from "./client.ts";
import { ACCEPTED, REFUSED } from "./configurations.ts";
import { changedConfiguration, configurationOf, requestOf } from "./random.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const DOMAINS = Array.from({ length: 15 }, (_, at) => `domain-${at}`);
const REQUESTS = 2000;
/** Milliseconds in which all questions are asked twice, with room to spare. */
const ASKING = 20_000;

const texts = [
  ...DOMAINS.flatMap((domain, at) => fc.sample(configurationOf(domain), { seed: seed + at, numRuns: 1 })),
  "domain: seconds\ndescriptors:\n- key: a\n  rate_limit: {unit: second, requests_per_unit: 3}\n",
];

describe(`beside the real service, SEED=${seed}`, { timeout: 120_000 }, () => {
  let redis: Redis;
  let real: RateLimit;
  let client: RateLimitClient;
  let ours: RateLimitService;

  beforeAll(async () => {
    redis = await Redis.start();
    real = await RateLimit.start({ redis, configurations: texts });
    client = new RateLimitClient(real.port);
    const { configuration, problems } = readConfiguration(
      texts.map((text, at) => ({ file: `config-${at}.yaml`, text })),
    );
    expect(problems).toEqual([]);
    ours = new RateLimitService(configuration, Date.now);
  }, 600_000);

  afterAll(async () => {
    client?.close();
    await real?.stop();
    await redis?.stop();
  });

  const askOurs = (asked: RateLimitRequest): Answer => {
    try {
      return ours.shouldRateLimit(asked);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      return { status: error.status, details: error.message };
    }
  };

  test("random requests get the same answers", async () => {
    await noEndWithin(60, ASKING);
    const started = Date.now();
    const kinds = new Map<string, number>();
    for (const [at, asked] of fc.sample(requestOf(DOMAINS), { seed, numRuns: REQUESTS }).entries()) {
      const answer = await client.ask(asked);
      const wanted = comparable(answer);
      expect(comparable(askOurs(asked), answer), `request ${at}: ${shown(asked)}`).toEqual(wanted);
      for (const kind of kindsOf(answer)) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
    expect(Date.now() - started, "asking took too long for windows of a minute").toBeLessThan(ASKING);
    // Else this test would compare nothing.
    for (const kind of ["over", "ok", "no limit", "unlimited"])
      expect(kinds.get(kind) ?? 0, kind).toBeGreaterThan(20);
  });

  test("windows of a second begin and end at the same time", async () => {
    const asked = request("seconds", [descriptor("a=x")]);
    for (let second = 0; second < 2; second++) {
      await sleep(1050 - (Date.now() % 1000));
      for (let at = 0; at < 5; at++)
        expect(comparable(askOurs(asked))).toEqual(comparable(await client.ask(asked)));
    }
  });

  test.each([
    ["no domain", request("", [descriptor("a=x")])],
    ["no descriptors", request("domain-0", [])],
  ])("the same error for %s", async (_name, asked) => {
    expect(askOurs(asked)).toEqual(await client.ask(asked));
  });

  test("a limit without a unit, which is an error of ours, ends the real one", async () => {
    const own = { ...descriptor("a=x"), limit: { requestsPerUnit: 1, unit: 0 } };
    expect(askOurs(request("seconds", [own]))).toMatchObject({ status: 2 });
    expect(await client.ask(request("seconds", [own]))).toMatchObject({ status: 14 });
    await expect.poll(() => real.exit).toBe("exit code 2");
    await real.restart();
  });
});

describe(`configurations beside ratelimit's own check, SEED=${seed}`, { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "outrigger-ratelimit-check-"));
  let check: string;
  beforeAll(async () => {
    check = await locateConfigurationCheck();
  }, 600_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** What it says, or null where it takes the configuration. */
  const refusal = (text: string): string | null => {
    writeFileSync(join(folder, "config.yaml"), text);
    const { status, stdout, stderr } = spawnSync(check, ["-config_dir", folder], { encoding: "utf8" });
    return status === 0 ? null : (stdout + stderr).split("\ngoroutine")[0]!;
  };
  const problemsOf = (text: string): readonly unknown[] =>
    readConfiguration([{ file: "config.yaml", text }]).problems;

  test.each(Object.entries(ACCEPTED))("taken: %s", (_name, text) => {
    expect(refusal(text)).toBeNull();
  });

  test.each(Object.entries(REFUSED))("refused: %s", (_name, text) => {
    expect(refusal(text)).not.toBeNull();
  });

  test("random changes are taken or refused alike", () => {
    let [taken, refused] = [0, 0];
    for (const text of fc.sample(changedConfiguration, { seed, numRuns: 400 })) {
      const theirs = refusal(text);
      if (theirs === null) taken++;
      else refused++;
      expect(problemsOf(text).length > 0, `${text}\n${theirs}\n${JSON.stringify(problemsOf(text))}`).toBe(
        theirs !== null,
      );
    }
    expect(Math.min(taken, refused)).toBeGreaterThan(20);
  });
});

/** Waits where a window of so many seconds ends within `span` milliseconds. */
async function noEndWithin(window: number, span: number): Promise<void> {
  const left = window * 1000 - (Date.now() % (window * 1000));
  if (left < span) await sleep(left + 100);
}

/** An answer without the text of errors; and with the other's time until reset, where the clock's second has changed between them. */
function comparable(answer: Answer, other?: Answer): unknown {
  if ("status" in answer) return { status: answer.status };
  const { overallCode, statuses } = answer;
  return {
    overallCode,
    statuses: statuses.map((status, at) => {
      const mine = status.durationUntilReset;
      const theirs =
        other === undefined || "status" in other ? null : (other.statuses[at]?.durationUntilReset ?? null);
      const isNear = mine !== null && theirs !== null && Math.abs(mine.seconds - theirs.seconds) <= 1;
      return { ...status, durationUntilReset: isNear ? theirs : mine };
    }),
  };
}

function kindsOf(answer: Answer): string[] {
  if ("status" in answer) return ["error"];
  return answer.statuses.map(({ code, currentLimit, limitRemaining }) => {
    if (code === 2) return "over";
    if (currentLimit !== null) return "ok";
    return limitRemaining === 0 ? "no limit" : "unlimited";
  });
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === "bigint" ? `${part}n` : part));
}

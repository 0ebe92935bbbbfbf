import { describe, expect, test } from "vitest";
import { readConfiguration } from "../../cli/ratelimit-service/config.ts";
import { Counters } from "../../cli/ratelimit-service/counters.ts";
import { Code, type RateLimitDescriptor } from "../../cli/ratelimit-service/messages.ts";
import { RateLimitService } from "../../cli/ratelimit-service/service.ts";
import { Unit } from "../../cli/ratelimit-service/units.ts";
import { descriptor, request } from "./asking.ts";

/** 2026-11-26T00:00:20Z: 40 s before the minute's end, which is no end of an hour. */
const START = Date.UTC(2026, 10, 26, 0, 0, 20);

/** A service for the domain `d` with a clock of its own. */
class Trial {
  now = START;
  readonly service: RateLimitService;

  constructor(descriptors: string) {
    const { configuration, problems } = readConfiguration([
      { file: "config.yaml", text: `domain: d\ndescriptors:\n${descriptors}` },
    ]);
    expect(problems).toEqual([]);
    this.service = new RateLimitService(configuration, () => this.now);
  }

  ask(...descriptors: RateLimitDescriptor[]): string {
    return this.askWith(0, ...descriptors);
  }

  /** `OVER | 0 of 2 for 40 s, OK without a limit`: the overall code, and each status. */
  askWith(hitsAddend: number, ...descriptors: RateLimitDescriptor[]): string {
    const { overallCode, statuses } = this.service.shouldRateLimit(request("d", descriptors, hitsAddend));
    const shown = statuses.map(({ code, currentLimit, limitRemaining, durationUntilReset }) => {
      const name = code === Code.OverLimit ? "over" : "ok";
      if (currentLimit === null) return `${name} without a limit, ${limitRemaining} remain`;
      const reset = durationUntilReset === null ? "" : ` for ${durationUntilReset.seconds} s`;
      return `${name} ${limitRemaining} of ${currentLimit.requestsPerUnit}${reset}`;
    });
    return `${overallCode === Code.OverLimit ? "OVER" : "OK"} | ${shown.join(", ")}`;
  }
}

const PER_MINUTE = "- key: a\n  rate_limit: {unit: minute, requests_per_unit: 2}\n";

describe("a window", () => {
  test("admits its requests, refuses more, and begins anew with the clock's next minute", () => {
    const trial = new Trial(PER_MINUTE);
    const a = descriptor("a=x");
    expect(trial.ask(a)).toBe("OK | ok 1 of 2 for 40 s");
    expect(trial.ask(a)).toBe("OK | ok 0 of 2 for 40 s");
    expect(trial.ask(a)).toBe("OVER | over 0 of 2 for 40 s");
    trial.now += 39_999;
    expect(trial.ask(a)).toBe("OVER | over 0 of 2 for 1 s");
    trial.now += 1;
    expect(trial.ask(a)).toBe("OK | ok 1 of 2 for 60 s");
  });

  test.each([
    ["second", 1],
    ["minute", 40],
    ["hour", 3580],
    ["day", 86_380],
    // Weeks of the Unix clock begin on Thursday, and this is one.
    ["week", 604_780],
    ["month", 30 * 86_400 - ((START / 1000) % (30 * 86_400))],
    ["year", 365 * 86_400 - ((START / 1000) % (365 * 86_400))],
  ])("per %s ends in %d s", (unit, seconds) => {
    const trial = new Trial(`- key: a\n  rate_limit: {unit: ${unit}, requests_per_unit: 2}\n`);
    expect(trial.ask(descriptor("a=x"))).toBe(`OK | ok 1 of 2 for ${seconds} s`);
  });

  test("is counted for each value by itself", () => {
    const trial = new Trial(PER_MINUTE);
    trial.askWith(3, descriptor("a=x"));
    expect(trial.ask(descriptor("a=y"))).toBe("OK | ok 1 of 2 for 40 s");
  });
});

describe("hits", () => {
  test("are counted before they are compared, so that a refused request fills the window too", () => {
    const trial = new Trial(PER_MINUTE);
    expect(trial.askWith(3, descriptor("a=x"))).toBe("OVER | over 0 of 2 for 40 s");
    expect(trial.ask(descriptor("a=x"))).toBe("OVER | over 0 of 2 for 40 s");
  });

  test("of a descriptor stand before those of the request, and 0 of them only ask", () => {
    const trial = new Trial(PER_MINUTE);
    const asking = { ...descriptor("a=x"), hitsAddend: 0n };
    expect(trial.askWith(5, asking)).toBe("OK | ok 2 of 2 for 40 s");
    expect(trial.ask({ ...descriptor("a=x"), hitsAddend: 2n })).toBe("OK | ok 0 of 2 for 40 s");
    expect(trial.askWith(5, asking)).toBe("OK | ok 0 of 2 for 40 s");
  });

  test("are counted twice for a descriptor that stands twice in a request", () => {
    const trial = new Trial(PER_MINUTE);
    expect(trial.ask(descriptor("a=x"), descriptor("a=x"), descriptor("a=x"))).toBe(
      "OVER | ok 1 of 2 for 40 s, ok 0 of 2 for 40 s, over 0 of 2 for 40 s",
    );
  });

  test("beyond what Redis can add are an error, and the other descriptors are counted all the same", () => {
    const trial = new Trial(`${PER_MINUTE}- key: b\n  rate_limit: {unit: hour, requests_per_unit: 9}\n`);
    const most = { ...descriptor("a=x"), hitsAddend: 2n ** 63n - 1n };
    trial.ask(descriptor("a=x"));
    expect(() => trial.ask(most, descriptor("b=x"))).toThrow("ERR increment or decrement would overflow");
    expect(trial.ask(descriptor("b=x"))).toBe("OK | ok 7 of 9 for 3580 s");
  });
});

describe("a descriptor", () => {
  const nested = `
- key: a
  value: x
  rate_limit: {unit: minute, requests_per_unit: 1}
- key: a
  rate_limit: {unit: minute, requests_per_unit: 2}
  descriptors:
  - key: b
    rate_limit: {unit: minute, requests_per_unit: 3}
`;

  test("finds its value's limit before that of its key", () => {
    const trial = new Trial(nested);
    expect(trial.ask(descriptor("a=x"))).toBe("OK | ok 0 of 1 for 40 s");
    expect(trial.ask(descriptor("a=y"))).toBe("OK | ok 1 of 2 for 40 s");
  });

  test("finds a limit with exactly its entries, in their order", () => {
    const trial = new Trial(nested);
    const none = "OK | ok without a limit, 0 remain";
    expect(trial.ask(descriptor("a=y", "b=z"))).toBe("OK | ok 2 of 3 for 40 s");
    expect(trial.ask(descriptor("b=z", "a=y"))).toBe(none);
    expect(trial.ask(descriptor("a=y", "b=z", "c=z"))).toBe(none);
    expect(trial.ask(descriptor("a=x", "b=z"))).toBe(none);
    expect(trial.ask(descriptor())).toBe(none);
  });

  test("of an unknown domain has no limit, not even the one that it brings", () => {
    const { service } = new Trial(PER_MINUTE);
    const own = { ...descriptor("a=x"), limit: { requestsPerUnit: 0, unit: Unit.Day } };
    expect(service.shouldRateLimit(request("e", [own])).overallCode).toBe(Code.Ok);
  });

  test("brings a limit of its own, which counts where the configured one would", () => {
    const trial = new Trial(PER_MINUTE);
    const own = { ...descriptor("a=x"), limit: { requestsPerUnit: 5, unit: Unit.Minute } };
    trial.ask(descriptor("a=x"));
    expect(trial.ask(own)).toBe("OK | ok 3 of 5 for 40 s");
  });

  test("with a limit of no unit is an error (it ends the real service)", () => {
    const trial = new Trial(PER_MINUTE);
    const own = { ...descriptor("a=x"), limit: { requestsPerUnit: 5, unit: Unit.Unknown } };
    expect(() => trial.ask(own)).toThrow("unknown unit 0");
  });
});

describe("a wildcard", () => {
  test("counts each value by itself, and stands behind the value itself", () => {
    const trial = new Trial(`
- key: a
  value: foo*
  rate_limit: {unit: minute, requests_per_unit: 5}
- key: a
  value: foobar
  rate_limit: {unit: minute, requests_per_unit: 9}
`);
    expect(trial.ask(descriptor("a=foo1"))).toBe("OK | ok 4 of 5 for 40 s");
    expect(trial.ask(descriptor("a=foo2"))).toBe("OK | ok 4 of 5 for 40 s");
    expect(trial.ask(descriptor("a=foobar"))).toBe("OK | ok 8 of 9 for 40 s");
    expect(trial.ask(descriptor("a=fo"))).toBe("OK | ok without a limit, 0 remain");
  });

  test("with share_threshold counts all its values together", () => {
    const trial = new Trial(`
- key: a
  value: foo*
  share_threshold: true
  rate_limit: {unit: minute, requests_per_unit: 5}
`);
    trial.ask(descriptor("a=foo1"));
    expect(trial.ask(descriptor("a=foo2"))).toBe("OK | ok 3 of 5 for 40 s");
  });
});

describe("a limit", () => {
  test("in shadow mode never refuses", () => {
    const trial = new Trial(
      `- key: a\n  shadow_mode: true\n  rate_limit: {unit: minute, requests_per_unit: 0}\n`,
    );
    expect(trial.ask(descriptor("a=x"))).toBe("OK | ok 0 of 0 for 40 s");
  });

  test("in quota mode never refuses, and says no time where it would", () => {
    const trial = new Trial(
      `- key: a\n  quota_mode: true\n  rate_limit: {unit: minute, requests_per_unit: 1}\n`,
    );
    expect(trial.ask(descriptor("a=x"))).toBe("OK | ok 0 of 1 for 40 s");
    expect(trial.ask(descriptor("a=x"))).toBe("OK | ok 0 of 1");
  });

  test("that is unlimited leaves 2^32 - 1", () => {
    const trial = new Trial(`- key: a\n  rate_limit: {unlimited: true}\n`);
    expect(trial.ask(descriptor("a=x"))).toBe("OK | ok without a limit, 4294967295 remain");
  });

  test("that another one of the request replaces does not count", () => {
    const trial = new Trial(`
- key: a
  rate_limit: {unit: minute, requests_per_unit: 1, name: all}
- key: b
  rate_limit: {unit: minute, requests_per_unit: 9, replaces: [{name: all}]}
`);
    expect(trial.ask(descriptor("a=x"), descriptor("b=x"))).toBe(
      "OK | ok without a limit, 0 remain, ok 8 of 9 for 40 s",
    );
    expect(trial.ask(descriptor("a=x"))).toBe("OK | ok 0 of 1 for 40 s");
  });
});

test("a request without a domain or without descriptors is an error", () => {
  const { service } = new Trial(PER_MINUTE);
  expect(() => service.shouldRateLimit(request("", [descriptor("a=x")]))).toThrow(
    "rate limit domain must not be empty",
  );
  expect(() => service.shouldRateLimit(request("d", []))).toThrow(
    "rate limit descriptor list must not be empty",
  );
});

test("a new configuration keeps what was counted", () => {
  const trial = new Trial(PER_MINUTE);
  trial.ask(descriptor("a=x"));
  const { configuration } = readConfiguration([
    { file: "new.yaml", text: `domain: d\ndescriptors:\n${PER_MINUTE.replace("2}", "9}")}` },
  ]);
  trial.service.configure(configuration);
  expect(trial.ask(descriptor("a=x"))).toBe("OK | ok 7 of 9 for 40 s");
});

describe("counters", () => {
  test("of windows that are over are forgotten", () => {
    const counters = new Counters();
    for (let key = 0; key < 1000; key++) counters.increment(`old ${key}`, 1n, 1000, START);
    expect(counters.size).toBe(1000);
    counters.increment("new", 1n, 1000, START + 61_000);
    expect(counters.size).toBe(1);
  });

  test("are bounded in number: the oldest goes first", () => {
    const counters = new Counters(2);
    for (const key of ["a", "b", "c"]) counters.increment(key, 1n, 1000, START);
    expect(counters.size).toBe(2);
    expect(counters.increment("c", 1n, 1000, START)).toBe(2n);
    expect(counters.increment("a", 1n, 1000, START)).toBe(1n);
  });

  test("take hits beyond 2^63 as Redis does: as less than nothing", () => {
    const counters = new Counters();
    counters.increment("a", 5n, 1000, START);
    expect(counters.increment("a", 2n ** 64n - 1n, 1000, START)).toBe(4n);
    expect(() => counters.increment("a", 2n ** 64n - 5n, 1000, START)).toThrow("parseUint");
    expect(counters.increment("a", 1n, 1000, START)).toBe(0n);
  });
});

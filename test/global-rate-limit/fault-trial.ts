/** A proxy with all failure modes, under load, and what comes of faults of the service. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { DEADLINE, Load } from "./load.ts";
import { LimitedProxy } from "./proxy.ts";

/** The failure modes, each with a listener, and what clients may get there. */
const MODES = { allow: [200, 429], deny: [200, 429, 500], local: [200, 429] } as const;
export type Mode = keyof typeof MODES;
export const NAMES = Object.keys(MODES) as Mode[];

/** Requests a second that the service has for each listener, fewer than the load brings. */
export const LIMIT = 100;
/** Milliseconds that the filter waits for an answer. */
export const TIMEOUT = 50;
/** Milliseconds for which a breaker is open first, and those after the timeout for which it waits for an attempt's answer. */
const BASE_INTERVAL = 1000;
const LATE = 1000;

/** Of each listener: clients, and milliseconds between their requests. */
const CONNECTIONS = 8;
const PAUSE = 16;

/** Milliseconds that a fault lasts at least, and those in which breakers open that will. */
const FAULT = 1500;
const SETTLING = 400;
/** Milliseconds after which counters have come to Envoy, with a tick each second. */
const TICK = 1150;
/** Milliseconds between two looks at the calls. */
const LOOK = 150;
/** For what a machine with much to do takes longer. */
const SLACK = 500;

export interface Fault {
  name: string;
  begin: () => unknown;
  heal: () => unknown;
  /** The filter takes it for no failure, and asks the service all the time. */
  isHarmless?: boolean;
}

/** Of one listener. */
interface Figures {
  calls: number;
  admitted: number;
  refused: number;
  failedOpen: number;
  errors: number;
  localAdmitted: number;
  localRefused: number;
}

type ByMode<T> = Record<Mode, T>;
/** In milliseconds when, and what there was until then. */
type Progress = ByMode<{ at: number; requests: number; passed: number; calls: number }>;

export class Trial {
  /** Those of the fault at hand. */
  private loads!: ByMode<Load>;
  private readonly rows: object[] = [];

  private constructor(private readonly proxy: LimitedProxy) {}

  static async start(servicePort: number, upstreamPort: number): Promise<Trial> {
    const configurations = byMode(configuration);
    return new Trial(await LimitedProxy.start({ configurations, servicePort, upstreamPort }));
  }

  async stop(): Promise<void> {
    await Promise.all(Object.values(this.loads ?? {}).map((load) => load.stop()));
    await this.proxy.stop();
  }

  /** Half of the clients go away so many milliseconds after they have asked; 0 for never. */
  leaveAfter(milliseconds: number): void {
    for (const load of Object.values(this.loads)) load.leavesAfter = milliseconds;
  }

  /** All faults one after the other, twice: the memory that the first round has taken must do for the second. */
  async run(faults: readonly Fault[]): Promise<void> {
    try {
      for (const fault of faults) await this.suffer(fault);
      const before = await this.proxy.vms();
      for (const fault of faults) await this.suffer(fault);
      const after = await this.proxy.vms();
      // A worker may have had less to do in the first round.
      expect(Math.max(...after.memory)).toBeLessThanOrEqual(Math.max(...before.memory));
      expect({ ...after, memory: [] }).toEqual({ ...before, memory: [] });
      expect(before.active).toBeGreaterThan(0);
    } finally {
      console.table(this.rows);
    }
    expect(this.proxy.complaints).toEqual([]);
  }

  private async suffer(fault: Fault): Promise<void> {
    const { proxy } = this;
    const before = await this.figures();
    const opened = await proxy.counted("breaker_opened");
    this.loads = byMode(
      (mode) => new Load({ port: proxy.port(mode), connections: CONNECTIONS, pause: PAUSE }),
    );
    await this.untilAllAreAsked(4 * BASE_INTERVAL, `before ${fault.name}`);

    const begin = performance.now();
    await fault.begin();
    await sleep(SETTLING);
    const early = await this.progress();
    await sleep(FAULT - SETTLING);
    const late = await this.progress();
    await fault.heal();
    const lasted = performance.now() - begin;
    // Intervals double: the one at the end is no longer than those before and the first together. Its attempt may be a lost one.
    const bound = lasted + BASE_INTERVAL + TIMEOUT + LATE + SLACK;
    const recovery = await this.untilAllAreAsked(bound, `after ${fault.name}`);

    await Promise.all(NAMES.map((mode) => this.loads[mode].stop()));
    await sleep(TICK);
    const after = await this.figures();
    const openings = (await proxy.counted("breaker_opened")) - opened;
    const gained = byMode((mode) => difference(after[mode], before[mode]));
    for (const mode of NAMES)
      this.tell(fault, mode, gained[mode], { "recovery ms": recovery, "openings of all": openings });
    for (const mode of NAMES) this.judge(fault, mode, gained[mode]);
    if (!fault.isHarmless) this.judgeOpen(fault, early, late);
  }

  private tell(fault: Fault, mode: Mode, figures: Figures, more: object): void {
    const { requests, gone, slowest } = this.loads[mode];
    this.rows.push({
      fault: fault.name,
      mode,
      requests,
      gone,
      ...figures,
      ...more,
      "slowest ms": Math.round(slowest),
    });
  }

  private judge(fault: Fault, mode: Mode, figures: Figures): void {
    const load = this.loads[mode];
    const what = `${fault.name}, ${mode}`;
    expect({ hung: load.hung, broken: load.broken }, what).toEqual({ hung: 0, broken: 0 });
    expect(load.slowest, what).toBeLessThan(DEADLINE);
    for (const status of load.answered.keys()) expect(MODES[mode], what).toContain(status);
    if (fault.isHarmless) {
      expect(load.gone, what).toBeGreaterThan(CONNECTIONS);
      expect(figures.calls, what).toBeGreaterThan((load.requests + load.gone) * 0.8);
      return;
    }
    // What clients have got is what the filter says it has decided.
    const { admitted, refused, failedOpen, errors, localAdmitted, localRefused } = figures;
    const decided = { 200: admitted + failedOpen + localAdmitted, 429: refused + localRefused, 500: errors };
    expect(decided, what).toEqual({ 200: load.of(200), 429: load.of(429), 500: load.of(500) });
    const failed = { allow: failedOpen, deny: errors, local: localAdmitted };
    for (const other of NAMES) {
      if (other === mode) expect(failed[other], what).toBeGreaterThan(0);
      else expect(failed[other], what).toBe(0);
    }
  }

  /** While breakers are open the service is left alone, and the failure mode alone decides. */
  private judgeOpen(fault: Fault, early: Progress, late: Progress): void {
    for (const mode of NAMES) {
      const requests = late[mode].requests - early[mode].requests;
      const calls = late[mode].calls - early[mode].calls;
      expect(calls, `calls of ${requests} requests, ${fault.name}, ${mode}`).toBeLessThan(requests / 5);
    }
    const passed = (mode: Mode): number => late[mode].passed - early[mode].passed;
    expect(passed("allow"), fault.name).toBe(late.allow.requests - early.allow.requests);
    expect(passed("deny"), fault.name).toBe(0);
    const seconds = (late.local.at - early.local.at) / 1000;
    // The bucket may have been full, and what was under way is counted when it is answered.
    expect(passed("local"), fault.name).toBeLessThanOrEqual(LIMIT * (seconds + 1) + CONNECTIONS);
  }

  /** Waits until each listener asks the service about each request. The milliseconds that it took; rejects after `within`. */
  private async untilAllAreAsked(within: number, when: string): Promise<number> {
    const begin = performance.now();
    let before = await this.progress();
    for (;;) {
      await sleep(LOOK);
      const now = await this.progress();
      const last = before;
      const silent = NAMES.filter((mode) => {
        const requests = now[mode].requests - last[mode].requests;
        return requests === 0 || now[mode].calls - last[mode].calls < requests * 0.8;
      });
      const took = Math.round(performance.now() - begin);
      if (silent.length === 0) return took;
      if (took > within)
        throw new Error(`${when}: ${silent.join(", ")} does not ask the service after ${took} ms`);
      before = now;
    }
  }

  private async progress(): Promise<Progress> {
    const calls = await this.proxy.calls();
    return byMode((mode) => ({
      at: performance.now(),
      requests: this.loads[mode].requests,
      passed: this.loads[mode].of(200),
      calls: calls.get(mode) ?? 0,
    }));
  }

  private async figures(): Promise<ByMode<Figures>> {
    const calls = await this.proxy.calls();
    const result: Partial<ByMode<Figures>> = {};
    for (const mode of NAMES) {
      const decided = (decision: string): Promise<number> =>
        this.proxy.counted(`limit=.=${mode};`, `decision=.=${decision};`);
      result[mode] = {
        calls: calls.get(mode) ?? 0,
        admitted: await decided("admitted"),
        refused: await decided("refused"),
        failedOpen: await decided("failed_allowed"),
        errors: await decided("failed_refused"),
        localAdmitted: await decided("local_admitted"),
        localRefused: await decided("local_refused"),
      };
    }
    return result as ByMode<Figures>;
  }
}

function configuration(mode: Mode): object {
  const limit = {
    name: mode,
    descriptor: [{ key: "mode", value: mode }],
    cacheDenials: false,
    ...(mode === "local" ? { local: { requests: LIMIT, per: "second" } } : {}),
  };
  return {
    domain: "faults",
    service: { cluster: "ratelimit", timeout: `${TIMEOUT}ms` },
    failureMode: mode,
    limits: [limit],
  };
}

function difference(after: Figures, before: Figures): Figures {
  const entries = Object.entries(after).map(([name, value]) => [name, value - before[name as keyof Figures]]);
  return Object.fromEntries(entries) as Figures;
}

function byMode<T>(make: (mode: Mode) => T): ByMode<T> {
  return { allow: make("allow"), deny: make("deny"), local: make("local") };
}

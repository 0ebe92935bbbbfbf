/**
 * Does a configuration update leave something behind? A thousand updates, each with a set of 100,000 users,
 * through the file that Envoy watches; resident memory must stay where it was after the first hundreds.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { BenchModule } from "./build.ts";
import { linearMemories, residentBytes } from "../test/envoy/proc.ts";
import { LiveEnvoy } from "./live.ts";
import { darkLaunchOr } from "./memory.ts";
import { median } from "./statistics.ts";

export interface UpdatesResult {
  missing: string | null;
  /** After the update of that number, once all earlier configurations are gone; bytes. */
  samples: { update: number; resident: number; linear: number[] }[];
  /** Median RSS of the last fifth of the samples over that of the second fifth. */
  growth: number;
}

export async function measureUpdates(
  built: Record<BenchModule, string>,
  count: number,
  progress: (text: string) => void,
): Promise<UpdatesResult> {
  const ours = darkLaunchOr(built.sameCalls);
  const live = await LiveEnvoy.start("updates", ours.module, ours.bigConfiguration);
  const every = Math.max(1, Math.floor(count / 20));
  const samples: UpdatesResult["samples"] = [];
  try {
    for (let update = 1; update <= count; update++) {
      await live.update();
      if (update % every !== 0) continue;
      await live.settle();
      await sleep(200);
      const { pid } = live.envoy;
      samples.push({ update, resident: residentBytes(pid), linear: linearMemories(pid) });
      progress(`update ${update} of ${count}`);
    }
  } finally {
    await live.stop();
  }
  const fifth = Math.max(1, Math.floor(samples.length / 5));
  const resident = samples.map((sample) => sample.resident);
  const growth = median(resident.slice(-fifth)) / median(resident.slice(fifth, 2 * fifth));
  return { missing: ours.missing, samples, growth };
}

/** What the kernel says of a process: CPU time, resident memory, WebAssembly memories. Linux only. */
import { readdirSync, readFileSync } from "node:fs";

/**
 * CPU time of all threads of a process, in nanoseconds: the first field of each thread's `schedstat`.
 * `/proc/PID/stat` counts in ticks of 10 ms, a fifth of a burst; `schedstat` is exact for threads that sleep.
 */
export function cpuTime(pid: number): number {
  let total = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const [onCpu] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ");
    total += Number(onCpu);
  }
  return total;
}

/** Resident set of a process, in bytes. */
export function residentBytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
  if (!match) throw new Error(`no VmRSS in /proc/${pid}/status`);
  return Number(match[1]) * 1024;
}

/**
 * The linear memories of the process's WebAssembly instances, in bytes, one each. V8 reserves gigabytes of
 * inaccessible addresses for a memory, so that bounds are checked by the MMU, and opens its first part: in
 * `/proc/PID/maps` that is an anonymous `rw-p` mapping which `---p` of at least 2 GiB follows at once.
 */
export function linearMemories(pid: number): number[] {
  const sizes: number[] = [];
  let previous = { end: 0, size: 0, open: false };
  for (const line of readFileSync(`/proc/${pid}/maps`, "latin1").split("\n")) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ 0\s*$/.exec(line);
    if (!match) continue;
    const [, from = "", to = "", access] = match;
    const start = Number.parseInt(from, 16);
    const end = Number.parseInt(to, 16);
    const closed = access === "---p";
    if (closed && previous.open && previous.end === start && end - start >= 2 ** 31)
      sizes.push(previous.size);
    previous = { end, size: end - start, open: access === "rw-p" };
  }
  return sizes;
}

/** Holds a hand-written module to its claim, on the V8 host: it does with the host what the filter does. */
import { readFile } from "node:fs/promises";
import { Host, LogLevel, PluginModule, type Header } from "../test/host/index.ts";

export interface Candidate {
  /** The file of the module. */
  module: string;
  /** Of the copy with this number, from 1. */
  configuration: (copy: number) => string;
}

/**
 * Throws when the two differ in their callbacks, in the host calls that a request costs in a chain of so many
 * copies, in each of them, or in what the upstream gets: which headers, in which order, with values of which
 * lengths.
 */
export async function requireSameCalls(
  filter: Candidate,
  byHand: Candidate,
  headers: readonly Header[],
  copies: number,
): Promise<void> {
  const ours = await doings(filter, headers, copies);
  const others = await doings(byHand, headers, copies);
  for (const [at, doing] of ours.entries()) {
    if (doing === others[at]) continue;
    throw new Error(
      `${byHand.module} does not do what ${filter.module} does; the one and the other:\n${others[at]}\n${doing}`,
    );
  }
}

/**
 * What it does, in lines that can be compared: its callbacks, the calls of each copy, the headers upstream.
 */
async function doings(
  { module, configuration }: Candidate,
  headers: readonly Header[],
  copies: number,
): Promise<string[]> {
  const plugin = PluginModule.compile(await readFile(module));
  const host = new Host({ logLevel: LogLevel.Warn });
  const lines = [
    plugin.exports
      .map(({ name }) => name)
      .filter((name) => name.startsWith("proxy_on"))
      .sort()
      .join(" "),
  ];
  let before: Record<string, number> = {};
  for (let count = 1; count <= copies; count++) {
    const plugins = Array.from({ length: count }, (_, at) => ({
      module: plugin,
      name: `copy-${at + 1}`,
      configuration: configuration(at + 1),
    }));
    const listener = host.listen({ plugins });
    const { hostCalls, upstream } = listener.run({ method: "GET", path: "/reviews/1", headers });
    const calls = Object.entries(hostCalls).map(([name, sum]) => [name, sum - (before[name] ?? 0)] as const);
    lines.push(
      `copy ${count}: ${calls
        .map(([name, own]) => `${name} ${own}`)
        .sort()
        .join(", ")}`,
      `upstream of ${count}: ${upstream?.headers.map(([name, value]) => `${name} ${value.length}`).join(", ")}`,
    );
    before = hostCalls;
    listener.close();
  }
  return lines;
}

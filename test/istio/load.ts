/** Clients that ask without pause, over kept connections, and count every answer. */
import { Agent } from "node:http";
import { ask, type Answer, type Ask } from "./client.ts";

export class Load {
  /** Answers by what they were counted as. */
  readonly counts = new Map<string, number>();
  #running = true;
  readonly #clients: Promise<void>[];

  /** `countAs` names an answer; a connection that breaks counts as `broken: ..`. */
  constructor(what: Ask, clients: number, countAs: (answer: Answer) => string) {
    this.#clients = Array.from({ length: clients }, async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      while (this.#running) {
        const outcome = await ask({ ...what, agent }).then(
          countAs,
          (error: Error) => `broken: ${error.message}`,
        );
        this.counts.set(outcome, this.of(outcome) + 1);
      }
      agent.destroy();
    });
  }

  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  of(outcome: string): number {
    return this.counts.get(outcome) ?? 0;
  }

  /** Ends when all requests have their answer. */
  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#clients);
  }
}

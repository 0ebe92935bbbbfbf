/** Clients of a proxy that each ask again as soon as they are answered, and count what they get. */
import { Agent, request as httpRequest } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

export interface LoadOptions {
  port: number;
  /** Each has one request under way at a time. */
  connections: number;
  /** Milliseconds between an answer and the next request of the connection. */
  pause: number;
}

/** Milliseconds within which a request must have its answer. One that has none hangs. */
export const DEADLINE = 2000;

export class Load {
  /** By status. */
  readonly answered = new Map<number, number>();
  /** Requests with no answer within {@link DEADLINE}, and those whose connection broke. */
  hung = 0;
  broken = 0;
  /** Requests whose client went away before the answer. */
  gone = 0;
  /** Milliseconds that the slowest answer took. */
  slowest = 0;
  /** Milliseconds after which the clients of every other connection go away; 0 for never. May be changed at any time. */
  leavesAfter = 0;
  private running = true;
  private readonly clients: Promise<void>[];

  constructor(private readonly options: LoadOptions) {
    this.clients = Array.from({ length: options.connections }, (_, at) => this.client(at));
  }

  /** All that was answered. */
  get requests(): number {
    return [...this.answered.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Answers with this status. */
  of(status: number): number {
    return this.answered.get(status) ?? 0;
  }

  /** Ends when the last request has its answer. */
  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.clients);
  }

  private async client(at: number): Promise<void> {
    const { port, connections, pause } = this.options;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    // Not all at once.
    await sleep((pause * at) / connections);
    while (this.running) {
      const patience = at % 2 === 1 ? this.leavesAfter : 0;
      const begin = performance.now();
      const outcome = await ask(port, agent, patience);
      if (typeof outcome === "number") {
        this.answered.set(outcome, this.of(outcome) + 1);
        this.slowest = Math.max(this.slowest, performance.now() - begin);
      } else this[outcome]++;
      await sleep(pause);
    }
    agent.destroy();
  }
}

/** The status of the answer, or why there is none. */
function ask(port: number, agent: Agent, patience: number): Promise<number | "hung" | "broken" | "gone"> {
  return new Promise((resolve) => {
    const outgoing = httpRequest({ host: "127.0.0.1", port, agent }, (answer) => {
      answer.on("error", () => end("broken"));
      answer.on("end", () => end(answer.statusCode ?? 0));
      answer.resume();
    });
    const leave = (why: "hung" | "gone"): void => {
      end(why);
      outgoing.destroy();
    };
    const timer = setTimeout(() => leave(patience > 0 ? "gone" : "hung"), patience || DEADLINE);
    const end = (outcome: number | "hung" | "broken" | "gone"): void => {
      clearTimeout(timer);
      resolve(outcome);
    };
    outgoing.on("error", () => end("broken"));
    outgoing.end();
  });
}

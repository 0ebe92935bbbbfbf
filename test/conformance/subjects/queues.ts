/** Queues between VMs. */
import { expect, it } from "vitest";
import { fresh, type Player } from "../player.ts";

// A queue's owner is the root context that registered it last: with one for the main thread and one for each worker,
// either may be. What it logs can come before or after what the other thread logs.
export function queues(player: () => Player): void {
  /** Plays these lines in a plugin that keeps no queue itself. */
  const results = async (lines: readonly string[]): Promise<string[]> => {
    const stage = await player().open({ plugins: ["label p"] });
    const name = fresh("queue");
    const got = await stage.results(lines.map((line) => `request-headers ${line.replace("Q", name)}`));
    await stage.close();
    return got.filter((line) => !line.startsWith("queue-ready"));
  };

  it("are registered, filled and emptied in order", async () => {
    expect(
      await results([
        "queue-register Q",
        "dequeue Q",
        "enqueue Q one",
        "enqueue Q %00two%FF",
        'enqueue Q ""',
        "dequeue Q",
        "dequeue Q",
        "dequeue Q",
        "dequeue Q",
      ]),
    ).toEqual(["Ok", "Empty", "Ok", "Ok", "Ok", "one", "%00two%FF", "", "Empty"]);
  });

  it("are found by their name once they are registered", async () => {
    expect(
      await results(["queue-resolve Q", "queue-register Q", "enqueue Q one", "queue-resolve Q", "dequeue Q"]),
    ).toEqual(["NotFound", "Ok", "Ok", "Ok", "one"]);
  });

  it("of another vm_id are others", async () => {
    expect(await results(["queue-register Q", "queue-resolve Q other-vm"])).toEqual(["Ok", "NotFound"]);
  });

  it("keep what is in them when they are registered again", async () => {
    expect(await results(["queue-register Q", "enqueue Q one", "queue-same Q", "dequeue Q"])).toEqual([
      "Ok",
      "Ok",
      "true",
      "one",
    ]);
  });

  it("of an unknown token are not found", async () => {
    expect(await results(["enqueue #0 x", "dequeue #0", "enqueue #4000000 x", "dequeue #4000000"])).toEqual([
      "NotFound",
      "NotFound",
      "NotFound",
      "NotFound",
    ]);
  });

  it("tell who registered them, once for each entry", async () => {
    const name = fresh("queue");
    const ready = await player().open({
      plugins: [`label q\nconfigure queue-register ${name}\nqueue-ready dequeue ${name}`],
    });
    await ready.collect();
    const outcome = await ready.play([
      `request-headers enqueue ${name} one`,
      `request-headers enqueue ${name} two`,
    ]);
    await ready.session.advance(50);
    const all = [...outcome.results, ...(await ready.collect()).results];
    expect(all.sort()).toEqual(["Ok", "Ok", "one", `queue-ready ${name}`, `queue-ready ${name}`, "two"]);
    await ready.close();
  });

  it("lead from one VM to another, which is told on its own thread", async () => {
    const name = fresh("queue");
    const stage = await player().open({
      plugins: [`label owner\nconfigure queue-register ${name}\nqueue-ready dequeue ${name}`, "label other"],
      separateVms: true,
    });
    await stage.collect();
    const outcome = await stage.play([
      `other/request-headers queue-resolve ${name}`,
      `other/request-headers enqueue ${name} from-afar`,
    ]);
    await stage.session.advance(50);
    const all = [...outcome.results, ...(await stage.collect()).results];
    expect(all.sort()).toEqual(["Ok", "Ok", "from-afar", `queue-ready ${name}`]);
    await stage.close();
  });
}

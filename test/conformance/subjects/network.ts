/** Network plugins: before HTTP, where they know the connection's own peer, and before plain TCP. */
import { expect, it } from "vitest";
import { bytes, type Player } from "../player.ts";

/** Answers each piece with itself. */
const echo = (received: Uint8Array): Uint8Array => received;

export function network(player: () => Player): void {
  it("see a connection come, its data in both directions, and its end", async () => {
    const stage = await player().open({ network: ["label n\ntrace"], tcp: echo });
    const { client, server, trace } = await stage.talk({ pieces: [bytes("hello")] });
    expect([client, server]).toEqual(["hello", "hello"]);
    const own = trace.filter((line) => line.startsWith("n "));
    expect(own[0]).toMatch(/^n new-connection/);
    expect(own.find((line) => line.includes("downstream-data"))).toContain("5");
    expect(own.find((line) => line.includes("upstream-data"))).toContain("5");
    expect(own.some((line) => line.includes("downstream-close"))).toBe(true);
    await stage.close();
  });

  it("read and replace what a client sends", async () => {
    const plugin =
      "label n\ndownstream-data body downstream 0 100\ndownstream-data-1 replace-body downstream HELLO";
    const stage = await player().open({ network: [plugin], tcp: echo });
    const { server, client, results } = await stage.talk({ pieces: [bytes("hello")] });
    expect(results[0]).toBe("hello");
    expect([server, client]).toEqual(["HELLO", "HELLO"]);
    await stage.close();
  });

  it("replace what the server answers", async () => {
    const plugin = "label n\nupstream-data-1 replace-body upstream bye";
    const stage = await player().open({ network: [plugin], tcp: echo });
    const { server, client } = await stage.talk({ pieces: [bytes("hello")] });
    expect([server, client]).toEqual(["hello", "bye"]);
    await stage.close();
  });

  it("pass one after another, in the chain's order", async () => {
    const append = (letter: string): string => `label n\ndownstream-data-1 append downstream ${letter}`;
    const stage = await player().open({ network: [append("a"), append("b")], tcp: echo });
    expect((await stage.talk({ pieces: [bytes("x")] })).server).toBe("xab");
    await stage.close();
  });

  it("tell HTTP plugins of the connection what these cannot know: its own peer", async () => {
    const stage = await player().open({
      network: [
        "label n\nnew-connection property source/address\nnew-connection set-property outrigger.peer 192.0.2.7:1",
      ],
      plugins: ["label h"],
    });
    const lines = ["request-headers property outrigger.peer", "request-headers property source/address"];
    const headers: [string, string][] = [["x-forwarded-for", "203.0.113.9"]];
    const [direct, set, told, trusted] = (await stage.play(lines, { headers })).results;
    expect(direct).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(set).toBe("Ok");
    expect(told).toBe("192.0.2.7:1");
    expect(trusted).toMatch(/^203\.0\.113\.9:/);
    await stage.close();
  });

  it("close a connection as it comes, and then no server is asked", async () => {
    const stage = await player().open({ network: ["label n\nnew-connection close-stream 2"], tcp: echo });
    const { client, refused } = await stage.talk({ pieces: [bytes("hello")] });
    expect({ client, refused }).toEqual({ client: "", refused: true });
    await stage.close();
  });
}

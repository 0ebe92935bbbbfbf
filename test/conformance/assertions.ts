/**
 * What plugins can rely on, whatever plays them: the same assertions run on the V8 host and on a real Envoy. A
 * request's `x-case` headers say what the conformance module does in which callback (`module/contexts.ts`); what
 * host functions answered comes back in the log.
 */
import { afterAll, beforeAll, describe } from "vitest";
import type { Driver } from "../driver.ts";
import { Player } from "./player.ts";
import { bodies } from "./subjects/bodies.ts";
import { callers } from "./subjects/callers.ts";
import { calls } from "./subjects/calls.ts";
import { contexts } from "./subjects/contexts.ts";
import { foreign } from "./subjects/foreign.ts";
import { flow } from "./subjects/flow.ts";
import { grpc } from "./subjects/grpc.ts";
import { headers } from "./subjects/headers.ts";
import { network } from "./subjects/network.ts";
import { properties } from "./subjects/properties.ts";
import { queues } from "./subjects/queues.ts";
import { services } from "./subjects/services.ts";

export function conformance(makeDriver: () => Driver): void {
  const driver = makeDriver();
  describe(`on ${driver.name}`, { timeout: 30_000 }, () => {
    let player: Player;
    beforeAll(async () => {
      player = await Player.start(driver);
    }, 120_000);
    afterAll(() => player.close());
    const current = (): Player => player;

    describe("header maps", () => headers(current));
    describe("bodies", () => bodies(current));
    describe("the flow of a stream", () => flow(current));
    describe("properties", () => properties(current));
    describe("callers", () => callers(current));
    describe("services", () => services(current));
    describe("foreign functions", () => foreign(current));
    describe("contexts", () => contexts(current));
    describe("HTTP calls", () => calls(current));
    describe("gRPC", () => grpc(current));
    describe("shared queues", () => queues(current));
    describe("network plugins", () => network(current));
  });
}

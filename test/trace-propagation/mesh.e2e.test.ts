/** Requests through three services that forward `x-request-id` alone: the traces that a real Zipkin makes of them. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Zipkin } from "../peers/zipkin.ts";
import { Mesh, SPANS } from "./mesh.ts";
import { drawTrace, tracesOf } from "./traces.ts";

let zipkin: Zipkin;
beforeAll(async () => (zipkin = await Zipkin.start()), 900_000);
afterAll(() => zipkin?.stop());

describe("with the tracing of Envoy itself, as it is without the plugin", () => {
  let mesh: Mesh;
  beforeAll(async () => (mesh = await Mesh.start({ tracing: "native", zipkinPort: zipkin.port })), 120_000);
  afterAll(() => mesh?.stop());

  test("a request is a trace of its own for each call that a service makes", async () => {
    const traces = await tracesOf(zipkin, await mesh.ask(), SPANS);
    expect(traces.map(drawTrace).sort()).toEqual([
      "CLIENT productpage ratings\n  SERVER ratings ratings",
      "CLIENT productpage reviews\n  SERVER reviews reviews",
      "CLIENT reviews ratings\n  SERVER ratings ratings",
      "SERVER productpage productpage",
    ]);
  });
});

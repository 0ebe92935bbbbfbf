/** What the proxy tells of a stream, and what plugins tell each other. */
import { beforeAll, describe, expect, it } from "vitest";
import { bytes, integer, type Play, type Player, type Stage } from "../player.ts";

const REQUEST: Play = {
  method: "PUT",
  path: "/a/b?q=1&r=%20",
  authority: "h.test:8080",
  headers: [
    ["x-a", "1"],
    ["X-A", "2"],
    ["x-b", ""],
    ["cookie", "a=1"],
    ["cookie", "b=2"],
    ["user-agent", "agent"],
    ["referer", "r"],
    ["x-request-id", "id-1"],
  ],
  body: bytes("hello"),
  reply: {
    status: 201,
    headers: [
      ["x-a", "3"],
      ["x-a", "4"],
    ],
    body: bytes("hi"),
    trailers: [["x-t", "5"]],
  },
};

export function properties(player: () => Player): void {
  let stage: Stage;
  beforeAll(async () => {
    stage = await player().open({ properties: ["outrigger.x"] });
  });

  const read = (callback: string, paths: readonly string[], play = REQUEST): Promise<string[]> =>
    stage.results(
      paths.map((path) => `${callback} property ${path}`),
      play,
    );

  it.each([
    ["request/path", "/a/b?q=1&r=%2520"],
    ["request/url_path", "/a/b"],
    ["request/query", "q=1&r=%2520"],
    ["request/host", "h.test:8080"],
    ["request/scheme", "http"],
    ["request/method", "PUT"],
    ["request/protocol", "HTTP/1.1"],
    ["request/id", "id-1"],
    ["request/useragent", "agent"],
    ["request/referer", "r"],
    ["request/headers/x-a", "1,2"],
    ["request/headers/X-A", "1,2"],
    ["request/headers/x-b", ""],
    ["request/headers/cookie", "a=1,b=2"],
    ["request/headers/x-c", "NotFound"],
    ["request/headers/:path", "/a/b?q=1&r=%2520"],
    ["request/nothing", "NotFound"],
    ["request/path/more", "NotFound"],
    ["response/code", "NotFound"],
    ["response/headers/x-a", "NotFound"],
    ["connection/mtls", "%00"],
    ["connection/requested_server_name", ""],
    ["connection/uri_san_peer_certificate", "NotFound"],
    ["connection/subject_peer_certificate", "NotFound"],
    ["xds/route_name", "default"],
    ["xds/virtual_host_name", "default"],
    ["xds/cluster_name", "upstream"],
    ["route_name", "NotFound"],
    ["cluster_name", "NotFound"],
    ["xds/listener_direction", "%00%00%00%00%00%00%00%00"],
    ["plugin_vm_id", ""],
    ["nothing", "NotFound"],
    ["nothing/at/all", "NotFound"],
    ['""', "SerializationFailure"],
  ])("%s is %s in a request's headers callback", async (path, value) => {
    expect(await read("request-headers", [path])).toEqual([value]);
  });

  it("has the plugin's name and root id", async () => {
    const [name, rootId] = await read("request-headers", ["plugin_name", "plugin_root_id"]);
    expect(name).toMatch(/^plugin-\d+-1$/);
    expect(rootId).toMatch(/^root-\d+-1$/);
  });

  it("has the peer's address with its port", async () => {
    const results = await read("request-headers", ["source/address", "destination/address"]);
    expect(results).toEqual([
      expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    ]);
    const [port] = await stage.results(["request-headers integer source/port"]);
    expect(Number(port)).toBeGreaterThan(0);
  });

  it("has the peer's address from x-forwarded-for", async () => {
    const play: Play = { headers: [["x-forwarded-for", "10.1.2.3"]] };
    expect(await read("request-headers", ["source/address"], play)).toEqual(["10.1.2.3:0"]);
  });

  it("has a request id where none was given", async () => {
    const [id, header] = await stage.results([
      "request-headers property request/id",
      "request-headers get request x-request-id",
    ]);
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(id).toBe(header);
  });

  it("has an empty query where there is none", async () => {
    expect(await read("request-headers", ["request/query", "request/url_path"], { path: "/a" })).toEqual([
      "",
      "/a",
    ]);
    expect(await read("request-headers", ["request/query", "request/url_path"], { path: "/a?" })).toEqual([
      "",
      "/a",
    ]);
  });

  it("sees a changed request", async () => {
    const results = await stage.results([
      "request-headers replace request :path /new?n=1",
      "request-headers property request/path",
      "request-headers property request/query",
    ]);
    expect(results).toEqual(["Ok", "/new?n=1", "n=1"]);
  });

  it("has the request's time", async () => {
    const [now, time, length] = await stage.results([
      "request-headers now",
      "request-headers integer request/time",
      "request-headers property-length request/time",
    ]);
    const ahead = integer(now) - integer(time);
    expect(ahead).toBeGreaterThanOrEqual(0n);
    expect(ahead).toBeLessThan(5_000_000_000n);
    expect(length).toBe("8");
  });

  it("has the request's size", async () => {
    const [size] = await stage.results(["request-body-end integer request/size"], REQUEST);
    expect(size).toBe("5");
  });

  it("has the response's code in 8 bytes once there is one", async () => {
    const results = await stage.results(
      [
        "request-headers integer response/code",
        "response-headers integer response/code",
        "response-headers property-length response/code",
        "response-headers property response/headers/x-a",
        "response-headers property response/headers/x-c",
        "response-headers property request/path",
        "response-headers property request/headers/x-a",
        "response-headers property request/protocol",
        "response-trailers property response/trailers/x-t",
      ],
      REQUEST,
    );
    expect(results).toEqual(["0", "201", "8", "3,4", "NotFound", "NotFound", "NotFound", "HTTP/1.1", "5"]);
  });

  it.each(["stream-log", "stream-done", "stream-delete"])(
    "has the whole exchange in %s",
    async (callback) => {
      const results = await stage.results(
        [
          `${callback} integer response/code`,
          `${callback} property response/code_details`,
          `${callback} property-length request/duration`,
          `${callback} integer response/flags`,
          `${callback} property xds/cluster_name`,
        ],
        REQUEST,
      );
      expect(results).toEqual(["201", "via_upstream", "8", "0", "upstream"]);
    },
  );

  it("has the upstream host's address once a connection to it is there", async () => {
    const results = await read("request-headers", ["upstream/address"]);
    expect(results).toEqual(["NotFound"]);
    for (const callback of ["response-headers", "stream-log", "stream-done", "stream-delete"]) {
      expect(await read(callback, ["upstream/address"])).toEqual([
        expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      ]);
    }
  });

  it("has no upstream address where a plugin replies", async () => {
    const results = await stage.results([
      "request-headers reply 403 policy:denied no! -1",
      "stream-log property upstream/address",
    ]);
    expect(results.slice(1)).toEqual(["NotFound"]);
  });

  it.each<[string, Play["reply"], string, string]>([
    ["in trailers", { trailers: [["grpc-status", "14"]] }, "14", "2"],
    ["in headers", { headers: [["grpc-status", "5"]] }, "5", "2"],
    ["that is none", { trailers: [["grpc-status", "x"]] }, "-1", "2"],
    ["that is not there, and makes one of HTTP's", {}, "2", "2"],
  ])("has a gRPC status %s, in the access log alone", async (_, reply, status, later) => {
    const results = await stage.results(
      ["stream-log integer response/grpc_status", "stream-delete integer response/grpc_status"],
      {
        method: "POST",
        headers: [["content-type", "application/grpc"]],
        reply: { ...reply, headers: [["content-type", "application/grpc"], ...(reply?.headers ?? [])] },
      },
    );
    expect(results).toEqual([status, later]);
  });

  it("has the cluster of the proxy's node", async () => {
    expect(await read("request-headers", ["xds/node/cluster", "node/cluster"])).toEqual([
      "outrigger-test",
      "NotFound",
    ]);
  });

  it("has the request's attributes in the access log", async () => {
    expect(
      await read("stream-log", [
        "request/path",
        "request/headers/x-a",
        "response/headers/x-a",
        "response/trailers/x-t",
      ]),
    ).toEqual(["/a/b?q=1&r=%2520", "1,2", "3,4", "5"]);
  });

  it("has the request's duration only when it is over", async () => {
    expect(await read("request-headers", ["request/duration"])).toEqual(["NotFound"]);
  });

  it.each([
    ["inbound", "1"],
    ["outbound", "2"],
  ] as const)("has the direction of an %s listener", async (direction, number) => {
    const directed = await player().open({ direction });
    expect(await directed.results(["request-headers integer xds/listener_direction"])).toEqual([number]);
    await directed.close();
  });

  describe("that a plugin sets", () => {
    it("shows in the access log", async () => {
      const { results, properties } = await stage.play(["request-headers set-property outrigger.x value"]);
      expect(results).toEqual(["Ok"]);
      expect(properties).toEqual({ "outrigger.x": "value" });
    });

    it("is read back, under its name and as filter state", async () => {
      const results = await stage.results([
        "request-headers property outrigger.x",
        "request-headers set-property outrigger.x one",
        "request-headers property outrigger.x",
        "request-headers property wasm.outrigger.x",
        "request-headers property filter_state/wasm.outrigger.x",
        "request-headers set-property outrigger.x two",
        "stream-log property outrigger.x",
        "stream-delete property outrigger.x",
      ]);
      expect(results).toEqual(["NotFound", "Ok", "one", "NotFound", "one", "Ok", "two", "two"]);
    });

    it("may be empty, and any bytes", async () => {
      const results = await stage.results([
        'request-headers set-property outrigger.x ""',
        "request-headers property outrigger.x",
        "request-headers set-property outrigger.y %00%FF",
        "request-headers property outrigger.y",
      ]);
      expect(results).toEqual(["Ok", "", "Ok", "%00%FF"]);
    });

    it("belongs to its stream", async () => {
      await stage.play(["request-headers set-property outrigger.x value"]);
      const { results, properties } = await stage.play(["request-headers property outrigger.x"]);
      expect(results).toEqual(["NotFound"]);
      expect(properties["outrigger.x"]).toBeUndefined();
    });

    it("is read by a later plugin, and by an earlier one on the way back", async () => {
      const chain = await player().open({ plugins: ["label a", "label b"], properties: ["outrigger.x"] });
      const { results, properties } = await chain.play([
        "a/request-headers set-property outrigger.x from-a",
        "b/request-headers property outrigger.x",
        "b/request-headers set-property outrigger.x from-b",
        "a/response-headers property outrigger.x",
      ]);
      expect(results).toEqual(["Ok", "from-a", "Ok", "from-b"]);
      expect(properties).toEqual({ "outrigger.x": "from-b" });
      await chain.close();
    });

    it("is none outside streams", async () => {
      const configured = await player().open({
        plugins: ["configure set-property outrigger.x value\nconfigure property outrigger.x"],
      });
      expect(new Set((await configured.collect()).results)).toEqual(new Set(["NotFound"]));
      await configured.close();
    });
  });

  it("outside streams has what is the plugin's own alone", async () => {
    const names = [
      "plugin_name",
      "plugin_root_id",
      "xds/listener_direction",
      "request/path",
      "source/address",
    ];
    const configured = await player().open({
      plugins: [names.map((name) => `configure property ${name}`).join("\n")],
      direction: "outbound",
    });
    const { results } = await configured.collect();
    expect(results.slice(0, 5)).toEqual([
      expect.stringMatching(/^plugin-/),
      expect.stringMatching(/^root-/),
      "NotFound",
      "NotFound",
      "NotFound",
    ]);
    await configured.close();
  });
}

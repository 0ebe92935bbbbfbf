/** What the proxy tells of who sends a request: certificate, token, address. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Claims, Json } from "../../driver.ts";
import { type Play, type Player, type Stage } from "../player.ts";

const PAYLOAD = "metadata/filter_metadata/envoy.filters.http.jwt_authn/payload";

export function callers(player: () => Player): void {
  let stage: Stage;
  beforeAll(async () => {
    stage = await player().open({ peers: true, claims: true });
  });

  const read = (paths: readonly string[], play: Play): Promise<string[]> =>
    stage.results(
      paths.map((path) => `request-headers property ${path}`),
      play,
    );

  describe("a client certificate", () => {
    const NAMES = ["uri_san_peer_certificate", "dns_san_peer_certificate", "mtls"].map(
      (name) => `connection/${name}`,
    );

    it("is told by its first names", async () => {
      const peer = { uris: ["spiffe://td/ns/a/sa/b", "spiffe://td/second"], dnsNames: ["a.test", "b.test"] };
      expect(await read(NAMES, { peer })).toEqual(["spiffe://td/ns/a/sa/b", "a.test", "%01"]);
    });

    it("need have no names", async () => {
      expect(await read(NAMES, { peer: {} })).toEqual(["NotFound", "NotFound", "%01"]);
    });

    it("is not told of a connection in plain text, whatever came before", async () => {
      await read(NAMES, { peer: { uris: ["spiffe://td/ns/a/sa/b"] } });
      expect(await read(NAMES, {})).toEqual(["NotFound", "NotFound", "%00"]);
    });

    it("comes with the connection's other attributes", async () => {
      const paths = ["subject_peer_certificate", "subject_local_certificate", "uri_san_local_certificate"];
      paths.push("dns_san_local_certificate", "tls_version", "requested_server_name");
      const all = [...paths.map((name) => `connection/${name}`), "request/scheme"];
      const uri = "spiffe://cluster.local/ns/outrigger/sa/proxy";
      const expected = ["CN=peer", "CN=proxy", uri, "NotFound", "TLSv1.3", "", "https"];
      expect(await read(all, { peer: {} })).toEqual(expected);
    });
  });

  describe("a verified token", () => {
    const claim = async (value: Json, path = "/x"): Promise<string | undefined> =>
      (await read([PAYLOAD + path], { claims: { x: value } }))[0];

    it.each<[string, Json, string]>([
      ["a text", "abc", "abc"],
      ["a text beyond ASCII", "ä", "%C3%A4"],
      ["an empty text", "", ""],
      ["a whole number, as a double", 7, "%00%00%00%00%00%00%1C@"],
      ["a fraction", 1.5, "%00%00%00%00%00%00%F8?"],
      ["true", true, "%01"],
      ["false", false, "%00"],
      ["a null, which cannot be told", null, "SerializationFailure"],
      ["an empty list", [], "%00%00%00%00"],
      [
        "a list, as pairs with empty values",
        ["a", "bb"],
        "%02%00%00%00%01%00%00%00%00%00%00%00%02%00%00%00%00%00%00%00a%00%00bb%00%00",
      ],
      ["a list with a null in it", ["a", null], "SerializationFailure"],
      ["an object", { a: "b" }, "%01%00%00%00%01%00%00%00%01%00%00%00a%00b%00"],
    ])("tells a claim that is %s", async (_what, value, expected) => {
      expect(await claim(value)).toBe(expected);
    });

    it.each<[string, string]>([
      ["/x/0", "a"],
      ["/x/1/b", "c"],
      ["/x/+0", "a"],
      ["/x/01/b", "c"],
      ["/x/-1", "NotFound"],
      ["/x/2", "NotFound"],
      ["/x/y", "NotFound"],
      ["/x/0/0", "NotFound"],
      ["/y", "NotFound"],
    ])("has at %s of a list %s", async (path, expected) => {
      expect(await claim(["a", { b: "c" }], path)).toBe(expected);
    });

    it("has members whose names hold a dot", async () => {
      expect(await claim({ "a.b": "c" }, "/x/a.b")).toBe("c");
      expect(await claim({ a: { b: "c" } }, "/x/a.b")).toBe("NotFound");
    });

    it("has the words of a scope as a list, but an empty one as text", async () => {
      const claims: Claims = { scope: "read  write", permission: "" };
      const paths = ["/scope/0", "/scope/1", "/permission"].map((path) => PAYLOAD + path);
      expect(await read(paths, { claims })).toEqual(["read", "write", ""]);
    });

    it("is gone when plugins see the request", async () => {
      const script = ["request-headers get request authorization"];
      expect(await stage.results(script, { claims: {} })).toEqual(["NotFound"]);
    });

    it("is not told of a request without one, whatever came before", async () => {
      await read([`${PAYLOAD}/a`], { claims: { a: "b" } });
      expect(await read([`${PAYLOAD}/a`, PAYLOAD], {})).toEqual(["NotFound", "NotFound"]);
    });
  });

  it.each([
    ["203.0.113.7", "203.0.113.7:0"],
    ["1.2.3.4, 5.6.7.8", "5.6.7.8:0"],
    ["2001:DB8:0::0:1", "[2001:db8::1]:0"],
    ["::ffff:102:304", "[::ffff:1.2.3.4]:0"],
    ["::1.2.3.4", "[::1.2.3.4]:0"],
    ["2001:db8::1%0", "[2001:db8::1]:0"],
  ])("takes %s in x-forwarded-for for the address %s", async (value, address) => {
    expect(await read(["source/address"], { headers: [["x-forwarded-for", value]] })).toEqual([address]);
  });

  it.each(["1.2.3.4:80", "[2001:db8::1]", "01.2.3.4", "1.2.3", "999.1.1.1", "unknown", "1.2.3.4,", ":::"])(
    "takes the connection's address where %s is forwarded",
    async (value) => {
      const [address] = await read(["source/address"], { headers: [["x-forwarded-for", value]] });
      expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
    },
  );
}

/** Functions that the proxy offers by name: signatures, compression, expressions, properties with a type. */
import { generateKeyPairSync, sign, verify, type KeyObject } from "node:crypto";
import { deflateSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { argument, bytes, type Player, type Stage } from "../player.ts";
import { declaredProperties, filterState } from "./filter-state.ts";
import { declaredStructs } from "./structs.ts";
import { expressions } from "./expressions.ts";

const ALL = [
  "clear_route_cache",
  "compress",
  "declare_property",
  "expr_create",
  "expr_delete",
  "expr_evaluate",
  "set_envoy_filter_state",
  "sign",
  "uncompress",
  "verify_signature",
];

export function foreign(player: () => Player): void {
  let stage: Stage;
  beforeAll(async () => {
    stage = await player().open({ plugins: ["label a", "label b"] });
  });
  /** Lines of the first plugin's request headers callback. */
  const results = (lines: readonly string[]): Promise<string[]> =>
    stage.results(lines.map((line) => `a/request-headers ${line}`));
  const result = async (line: string): Promise<string | undefined> => (await results([line]))[0];

  describe("functions by name", () => {
    it("are not found when the proxy has none of the name", async () => {
      expect(await results(["foreign no_such_function x", 'foreign "" x', "foreign EXPR_CREATE 1"])).toEqual([
        "NotFound",
        "NotFound",
        "NotFound",
      ]);
    });

    it("clear the route cache", async () => {
      expect(await results(["clear-route-cache", "foreign clear_route_cache x"])).toEqual(["Ok", ""]);
    });

    it.each([
      ["nothing", '""', ["", "x%9C%03%00%00%00%00%01", "", "NotFound", "SerializationFailure"]],
      ["no message", "%FF%FF%FF", ["", "x%9C%FB%FF%FF?%00%05%FD%02%FE", "BadArgument", "BadArgument"]],
      ["text that is no UTF-8", "%0A%01%FF", ["", undefined, "BadArgument", "BadArgument"]],
    ] as const)("take %s for an argument", async (_what, argument, answers) => {
      const [clear, compress, declare, set] = answers;
      const expected: Record<string, string | undefined> = {
        clear_route_cache: clear,
        compress,
        declare_property: declare,
        set_envoy_filter_state: set,
        uncompress: "SerializationFailure",
      };
      const answered = await results(ALL.map((name) => `foreign ${name} ${argument}`));
      for (const [at, name] of ALL.entries()) {
        if (name in expected && expected[name] === undefined) continue;
        expect([name, answered[at]]).toEqual([name, expected[name] ?? "BadArgument"]);
      }
    });
  });

  describe("signatures", () => signatures(result));
  describe("compression", () => compression(result));
  describe("expressions", () => expressions(player));
  describe("properties", () => declaredProperties(player));
  describe("properties that are structs", () => declaredStructs(player));
  describe("the proxy's filter state", () => filterState(player));
}

/** Bytes that an operation answered. */
function shown(result: string | undefined): Uint8Array {
  return bytes(
    (result ?? "").replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
  );
}

type Ask = (line: string) => Promise<string | undefined>;

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
const ed25519 = generateKeyPairSync("ed25519");

function signatures(result: Ask): void {
  const TEXT = "what was signed\0\xff";
  const text = Buffer.from(TEXT, "latin1");
  const der = (key: KeyObject): Uint8Array => key.export({ format: "der", type: "spki" });
  const privateDer = (key: KeyObject): Uint8Array => key.export({ format: "der", type: "pkcs8" });
  const check = (hash: string, key: Uint8Array, signature: Uint8Array, of: Uint8Array = text) =>
    result(`verify ${hash} ${argument(key)} ${argument(signature)} ${argument(of)}`);

  describe.each([
    ["RSA", rsa],
    ["ECDSA on P-256", p256],
    ["ECDSA on P-384", p384],
  ])("by %s", (_name, { publicKey, privateKey }) => {
    it.each(["sha1", "sha224", "sha256", "sha384", "sha512"])("with %s are verified", async (hash) => {
      expect(await check(hash, der(publicKey), sign(hash, text, privateKey))).toBe("right");
    });

    it("take the hash function in capitals", async () => {
      expect(await check("SHA256", der(publicKey), sign("sha256", text, privateKey))).toBe("right");
    });

    it("of another text, with another hash, broken or empty are wrong", async () => {
      const signature = sign("sha256", text, privateKey);
      const wrong = "wrong: Failed to verify digest. Error code: 0";
      expect(await check("sha256", der(publicKey), signature, Buffer.from("other"))).toBe(wrong);
      expect(await check("sha512", der(publicKey), signature)).toBe(wrong);
      expect(await check("sha256", der(publicKey), signature.subarray(1))).toBe(wrong);
      expect(await check("sha256", der(publicKey), new Uint8Array())).toBe(wrong);
    });

    it("of no text at all are verified", async () => {
      const none = new Uint8Array();
      expect(await check("sha256", der(publicKey), sign("sha256", none, privateKey), none)).toBe("right");
    });

    it("by a hash function that the proxy has not are wrong, with the reason", async () => {
      const signature = sign("sha256", text, privateKey);
      expect(await check("md5", der(publicKey), signature)).toBe("wrong: md5 is not supported.");
      expect(await check('""', der(publicKey), signature)).toBe("wrong:  is not supported.");
    });

    it("are made, as others verify them", async () => {
      const made = await result(`sign sha384 ${argument(privateDer(privateKey))} ${argument(text)}`);
      expect(verify("sha384", text, publicKey, shown(made))).toBe(true);
    });

    it("are not made by a hash function that the proxy has not", async () => {
      expect(await result(`sign md5 ${argument(privateDer(privateKey))} x`)).toBe(
        "none: md5 is not supported.",
      );
    });
  });

  it("by another key are wrong", async () => {
    const signature = sign("sha256", text, p256.privateKey);
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" });
    expect(await check("sha256", der(other.publicKey), signature)).toMatch(/^wrong: /);
    expect(await check("sha256", der(rsa.publicKey), signature)).toMatch(/^wrong: /);
  });

  it("need a key that can be read, and of a kind that the proxy has", async () => {
    const signature = sign("sha256", text, p256.privateKey);
    // Without a key the call itself is refused.
    expect(await check("sha256", new Uint8Array(), signature)).toBe("bad key: BadArgument");
    expect(await check("sha256", Buffer.from("garbage"), signature)).toBe("bad key: Ok");
    expect(await check("sha256", der(p256.publicKey).subarray(0, 40), signature)).toBe("bad key: Ok");
    expect(await check("sha256", der(ed25519.publicKey), sign(null, text, ed25519.privateKey))).toBe(
      "bad key: Ok",
    );
    expect(await result('sign sha256 "" x')).toBe("none: absent");
    expect(await result("sign sha256 garbage x")).toBe(
      "none: Invalid key type: private key required for signing operation.",
    );
  });
}

function compression(result: Ask): void {
  it("makes zlib's format, and takes it back", async () => {
    expect(await result("compress hello")).toBe("x%9C%CBH%CD%C9%C9%07%00%06,%02%15");
    expect(await result(`uncompress ${argument(deflateSync("hello"))}`)).toBe("hello");
    expect(await result(`uncompress ${argument(deflateSync(""))}`)).toBe("");
  });

  it("takes back what grows a hundredfold", async () => {
    expect(await result(`uncompress ${argument(deflateSync("x".repeat(5000)))}`)).toBe("x".repeat(5000));
  });

  it("refuses what is not in the format, or not all of it", async () => {
    const whole = deflateSync("hello");
    for (const bad of [Buffer.from("hello"), whole.subarray(0, 9), whole.subarray(1)])
      expect(await result(`uncompress ${argument(bad)}`)).toBe("SerializationFailure");
  });
}

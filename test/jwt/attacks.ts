/**
 * Tokens and keys that somebody made to be taken for right: the kinds of attack of Project Wycheproof's `json_web_signature` and
 * `json_web_key` vectors, RFC 8725 and RFC 7515 §10. The same on the host and on a real Envoy.
 */
import {
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign as signBytes,
  type KeyObject,
} from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Driver } from "../driver.ts";
import { base64url, ecSigner, rsaSigner, secretSigner, signatureOf, token, type Signer } from "./signing.ts";
import { Verifier } from "./verifier.ts";

const rsa = rsaSigner();
const otherRsa = rsaSigner();
const p256 = ecSigner("P-256");
const p384 = ecSigner("P-384");
const p521 = ecSigner("P-521");
const secret = secretSigner(randomBytes(64));

/** The order of the group of P-256 (FIPS 186-4, D.1.2.3). */
const ORDER = Buffer.from("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", "hex");
/** Too weak to be used. */
const weak = rsaSigner(1024).jwk;
const ANN = '{"sub":"ann"}';

/** The token with another signature. */
function signed(text: string, signature: Uint8Array | string): string {
  return `${text.slice(0, text.lastIndexOf("."))}.${base64url(signature)}`;
}

/** The bytes of a token's signature. */
function signatureIn(text: string): Buffer {
  return Buffer.from(text.slice(text.lastIndexOf(".") + 1), "base64url");
}

const named = (signer: Signer, kid: string, more: object = {}): object => ({ ...signer.jwk, kid, ...more });
const headerFor = (kid: string, alg: string): object => ({ alg, kid });

export function attacks(makeDriver: () => Driver): void {
  const driver = makeDriver();
  describe(`attacks, on ${driver.name}`, { timeout: 60_000 }, () => {
    let verifier: Verifier;
    beforeAll(async () => {
      verifier = await Verifier.start(driver);
    }, 120_000);
    afterAll(() => verifier.close());
    const verify = (keys: readonly object[], text: string): Promise<string> =>
      verifier.verify({ keys }, text);

    describe("on the algorithm", () => {
      test("a public RSA key is no secret, whatever form of it has signed", async () => {
        const key = createPublicKey({ key: rsa.jwk, format: "jwk" });
        const forms: (Buffer | string)[] = [
          key.export({ format: "pem", type: "spki" }),
          key.export({ format: "pem", type: "pkcs1" }),
          key.export({ format: "der", type: "spki" }),
          Buffer.from(rsa.jwk.n!, "base64url"),
          JSON.stringify(rsa.jwk),
        ];
        for (const form of forms) {
          for (const algorithm of ["HS256", "HS384", "HS512"] as const) {
            const text = token(algorithm, { key: Buffer.from(form) });
            expect(await verify([rsa.jwk], text)).toBe("no key");
            expect(await verify([named(rsa, "a")], text)).toBe("no key");
          }
        }
      });

      test("a public EC key is no secret either", async () => {
        const der = createPublicKey({ key: p256.jwk, format: "jwk" }).export({ format: "der", type: "spki" });
        expect(await verify([p256.jwk], token("HS256", { key: der }))).toBe("no key");
      });

      test("a secret verifies nothing that is called RS256 or ES256", async () => {
        const header = (alg: string): string => JSON.stringify({ alg });
        expect(await verify([secret.jwk], token("HS256", secret, ANN, header("RS256")))).toBe("no key");
        expect(await verify([secret.jwk], token("HS256", secret, ANN, header("ES256")))).toBe("no key");
      });

      test.each(["none", "None", "NONE", "nOnE"])(
        "%s is refused, with a signature and without",
        async (alg) => {
          const unsigned = `${base64url(JSON.stringify({ alg }))}.${base64url(ANN)}.`;
          expect(await verify([rsa.jwk, secret.jwk], unsigned)).toBe("unsecured");
          expect(await verify([rsa.jwk, secret.jwk], token("HS256", secret, ANN, { alg }))).toBe("unsecured");
        },
      );

      test.each([
        ["PS256", "unsupported PS256"],
        ["PS384", "unsupported PS384"],
        ["PS512", "unsupported PS512"],
        ["EdDSA", "unsupported EdDSA"],
        ["Ed25519", "unsupported Ed25519"],
        ["Ed448", "unsupported Ed448"],
        ["ES256K", "unsupported ES256K"],
        ["RS1", "unknown algorithm"],
        ["HS1", "unknown algorithm"],
        ["rs256", "unknown algorithm"],
        ["RS256 ", "unknown algorithm"],
        ["RS256\0", "header"],
        ["", "unknown algorithm"],
        ["RSA-OAEP", "unknown algorithm"],
        ["A128KW", "unknown algorithm"],
      ])("%j is refused by name", async (alg, answer) => {
        expect(await verify([rsa.jwk], token("RS256", rsa, ANN, { alg }))).toBe(answer);
      });

      test("an algorithm that is missing or is no text is refused", async () => {
        for (const header of [
          "{}",
          '{"typ":"JWT"}',
          '{"alg":null}',
          '{"alg":256}',
          '{"alg":["RS256"]}',
          '{"ALG":"RS256"}',
        ])
          expect(await verify([rsa.jwk], token("RS256", rsa, ANN, header))).toBe("header");
      });

      test("a key is for the one algorithm that its set names", async () => {
        for (const [algorithm, other] of [
          ["RS256", "RS384"],
          ["RS512", "RS256"],
        ] as const) {
          const jwk = { ...rsa.jwk, alg: algorithm };
          expect(await verify([jwk], token(algorithm, rsa))).toBe(ANN);
          expect(await verify([jwk], token(other, rsa))).toBe("no key");
        }
        const jwk = { ...secret.jwk, alg: "HS512" };
        expect(await verify([jwk], token("HS512", secret))).toBe(ANN);
        expect(await verify([jwk], token("HS256", secret))).toBe("no key");
      });

      test("the name of another algorithm changes the hash function, and so the signature is wrong", async () => {
        expect(await verify([rsa.jwk], token("RS256", rsa, ANN, { alg: "RS384" }))).toBe("wrong signature");
        expect(await verify([secret.jwk], token("HS256", secret, ANN, { alg: "HS384" }))).toBe(
          "wrong signature",
        );
      });

      test("an algorithm takes keys of its own curve", async () => {
        expect(await verify([p384.jwk], token("ES384", p384))).toBe(ANN);
        expect(await verify([p256.jwk], token("ES384", p384, ANN, { alg: "ES256" }))).toBe("wrong signature");
        expect(await verify([p384.jwk], token("ES384", p384, ANN, { alg: "ES256" }))).toBe("no key");
        expect(await verify([p521.jwk], token("ES512", p521, ANN, { alg: "ES384" }))).toBe("no key");
        const secp256k1 = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
        const jwk = secp256k1.publicKey.export({ format: "jwk" });
        expect(await verify([p256.jwk, jwk], token("ES256", { key: secp256k1.privateKey }))).toMatch(
          /^wrong signature /,
        );
      });
    });

    describe("on ECDSA", () => {
      const valid = token("ES256", p256);
      const r = signatureIn(valid).subarray(0, 32);
      const s = signatureIn(valid).subarray(32);
      const zero = Buffer.alloc(32);
      const one = Buffer.alloc(32);
      one[31] = 1;
      const plus = (number: Buffer, more: bigint): Buffer =>
        Buffer.from((BigInt(`0x${number.toString("hex")}`) + more).toString(16).padStart(64, "0"), "hex");
      const order = BigInt(`0x${ORDER.toString("hex")}`);

      test("the signature itself is right", async () => {
        expect(await verify([p256.jwk], valid)).toBe(ANN);
      });

      test.each<[string, Buffer[]]>([
        ["both numbers 0 (CVE-2022-21449)", [zero, zero]],
        ["r 0", [zero, s]],
        ["s 0", [r, zero]],
        ["both 1", [one, one]],
        ["r the group's order", [ORDER, s]],
        ["s the group's order", [r, ORDER]],
        ["both the group's order", [ORDER, ORDER]],
        ["r one more than the order, s 1", [plus(ORDER, 1n), one]],
        ["all bits set", [Buffer.alloc(64, 0xff)]],
        ["the numbers in the other order", [s, r]],
        ["r alone", [r]],
        ["nothing", []],
        ["one byte less", [signatureIn(valid).subarray(0, 63)]],
        ["one byte more behind", [r, s, Buffer.alloc(1)]],
        ["a zero in front of each", [Buffer.alloc(1), r, Buffer.alloc(1), s]],
        ["as many bytes as P-384 takes", [Buffer.alloc(16), r, Buffer.alloc(16), s]],
        ["the signature twice", [r, s, r, s]],
      ])("%s is wrong", async (_what, parts) => {
        expect(await verify([p256.jwk], signed(valid, Buffer.concat(parts)))).toBe("wrong signature");
      });

      test("numbers that are right but for multiples of the order are wrong", async () => {
        // r + n fits 32 bytes only for a small r: such a one is not found at random; 33 bytes are of another length.
        const longer = (number: Buffer): Buffer =>
          Buffer.from((BigInt(`0x${number.toString("hex")}`) + order).toString(16).padStart(66, "0"), "hex");
        expect(await verify([p256.jwk], signed(valid, Buffer.concat([longer(r), longer(s)])))).toBe(
          "wrong signature",
        );
      });

      test("the DER form is wrong, as it comes and cut or filled to the right length", async () => {
        const input = valid.slice(0, valid.lastIndexOf("."));
        for (let round = 0; round < 8; round++) {
          const der = signBytes("sha256", Buffer.from(input), {
            key: p256.key as KeyObject,
            dsaEncoding: "der",
          });
          expect(await verify([p256.jwk], signed(valid, der))).toBe("wrong signature");
          expect(await verify([p256.jwk], signed(valid, der.subarray(0, 64)))).toBe("wrong signature");
          expect(await verify([p256.jwk], signed(valid, Buffer.concat([der, Buffer.alloc(8)])))).toBe(
            "wrong signature",
          );
        }
      });

      test("numbers with zeros in front and with their highest bit set are right", async () => {
        // Among so many, both numbers begin with a zero, and with a one bit, many times.
        const seen = new Set<string>();
        for (let round = 0; round < 60; round++) {
          for (const [algorithm, signer] of [
            ["ES256", p256],
            ["ES384", p384],
            ["ES512", p521],
          ] as const) {
            const text = token(algorithm, signer, { round });
            const first = signatureIn(text)[0]!;
            seen.add(`${algorithm} ${first === 0 ? "zero" : first > 127 ? "high" : "low"}`);
            expect(await verify([signer.jwk], text)).toBe(`{"round":${round}}`);
          }
        }
        expect([...seen]).toEqual(
          expect.arrayContaining(["ES256 high", "ES256 low", "ES384 high", "ES512 zero"]),
        );
      });
    });

    describe("on the signature", () => {
      test("a shorter code is wrong, however much of it is right", async () => {
        const valid = token("HS256", secret);
        const whole = signatureIn(valid);
        for (let length = 0; length < 32; length++)
          expect(await verify([secret.jwk], signed(valid, whole.subarray(0, length)))).toBe(
            "wrong signature",
          );
        expect(await verify([secret.jwk], signed(valid, Buffer.concat([whole, Buffer.alloc(1)])))).toBe(
          "wrong signature",
        );
        const sha512 = signatureOf("HS512", secret, valid.slice(0, valid.lastIndexOf(".")));
        expect(await verify([secret.jwk], signed(valid, sha512.subarray(0, 32)))).toBe("wrong signature");
      });

      test("an RSA signature of another length, filled with zeros, or of PSS is wrong", async () => {
        const valid = token("RS256", rsa);
        const whole = signatureIn(valid);
        const input = Buffer.from(valid.slice(0, valid.lastIndexOf(".")));
        const pss = signBytes("sha256", input, { key: rsa.key as KeyObject, padding: 6, saltLength: 32 });
        const others = [
          whole.subarray(1),
          whole.subarray(0, 255),
          Buffer.concat([Buffer.alloc(1), whole]),
          Buffer.concat([whole, Buffer.alloc(1)]),
          Buffer.alloc(256),
          Buffer.alloc(256, 0xff),
          Buffer.alloc(0),
          pss,
        ];
        for (const other of others)
          expect(await verify([rsa.jwk], signed(valid, other))).toBe("wrong signature");
      });

      test("that of another key, or of another token, is wrong", async () => {
        expect(await verify([otherRsa.jwk], token("RS256", rsa))).toBe("wrong signature");
        const bob = token("RS256", rsa, { sub: "bob" });
        expect(await verify([rsa.jwk], signed(bob, signatureIn(token("RS256", rsa))))).toBe(
          "wrong signature",
        );
      });
    });

    describe("on the serialization", () => {
      const valid = token("RS256", rsa);
      const [header, payload, signature] = valid.split(".") as [string, string, string];
      const malformed: [string, string][] = [
        ["no dot", valid.replaceAll(".", "")],
        ["one dot", `${header}.${payload}`],
        ["a dot more behind", `${valid}.`],
        ["a dot more in front", `.${valid}`],
        ["a part more", `${valid}.${signature}`],
        ["five parts, as encrypted tokens have", `${valid}..`],
        ["two dots together", `${header}..${payload}.${signature}`],
        ["padding behind the signature", `${valid}==`],
        ["padding behind the header", `${header}=.${payload}.${signature}`],
        ["padding behind the payload", `${header}.${payload}=.${signature}`],
        ["a space inside", `${header}. ${payload}.${signature}`],
        ["a tab inside", `${header}.${payload}\t.${signature}`],
        ["the other alphabet", `${header}.${payload}.${signature.slice(0, -4)}+/+/`],
        ["an asterisk", `${header}.${payload}.*${signature.slice(1)}`],
        ["a percent sign", `${header}%2E${payload}.${signature}`],
        ["a byte above ASCII", `${header}.${payload}.\u00e9${signature.slice(1)}`],
        ["a character more", `${header}.${payload}.${signature}AAA`],
        [
          "a bit that belongs to no byte",
          `${header}.${payload}.${signature.slice(0, -1)}${signature.endsWith("w") ? "x" : "B"}`,
        ],
        ["JSON, flattened", JSON.stringify({ protected: header, payload, signature })],
        ["JSON, general", JSON.stringify({ payload, signatures: [{ protected: header, signature }] })],
        ["a scheme in front", `Bearer ${valid}`],
        ["two tokens, joined", `${valid},${valid}`],
        ["two tokens, with a space", `${valid}, ${valid}`],
      ];
      test.each(malformed)("%s is refused", async (_what, text) => {
        expect(await verify([rsa.jwk], text)).toBe("malformed");
      });

      test.each([
        ["no header", `.${payload}.${signature}`, "header"],
        ["no payload", `${header}..${signature}`, "payload"],
        ["no signature", `${header}.${payload}.`, "wrong signature"],
        ["no bytes but dots", "..", "header"],
      ])("%s is refused", async (_what, text, answer) => {
        expect(await verify([rsa.jwk], text)).toBe(answer);
      });
    });

    describe("on the header", () => {
      const by = (header: string): string => token("RS256", rsa, ANN, header);
      test.each([
        ["a duplicate algorithm", '{"alg":"RS256","alg":"RS256"}'],
        ["a duplicate algorithm, once as an escape", '{"alg":"RS256","\\u0061lg":"none"}'],
        ["a duplicate of no interest", '{"alg":"RS256","x":1,"x":2}'],
        ["a list", '["RS256"]'],
        ["a text", '"RS256"'],
        ["null", "null"],
        ["no JSON", "alg"],
        ["a comma too many", '{"alg":"RS256",}'],
        ["a comment", '{"alg":"RS256"/**/}'],
        ["something behind", '{"alg":"RS256"}x'],
        ["a byte order mark", '\ufeff{"alg":"RS256"}'],
        ["a key's name that is a number", '{"alg":"RS256","kid":1}'],
        ["a key's name that is null", '{"alg":"RS256","kid":null}'],
        ["65 levels", `{"alg":"RS256","x":${"[".repeat(65)}${"]".repeat(65)}}`],
        ["more than 8 KiB", `{"alg":"RS256","x":"${"x".repeat(8192)}"}`],
      ])("%s is refused", async (_what, header) => {
        expect(await verify([rsa.jwk], by(header))).toBe("header");
      });

      test("not UTF-8 is refused", async () => {
        const input = `${base64url(Buffer.from('{"alg":"RS256","x":"\xff"}', "latin1"))}.${base64url(ANN)}`;
        expect(await verify([rsa.jwk], `${input}.${base64url(signatureOf("RS256", rsa, input))}`)).toBe(
          "header",
        );
      });

      test.each([
        '{"alg":"RS256","crit":["exp"],"exp":1}',
        '{"alg":"RS256","crit":[]}',
        '{"alg":"RS256","crit":null}',
        '{"alg":"RS256","b64":false,"crit":["b64"]}',
        '{"alg":"RS256","b64":false}',
      ])("%s is refused, since nothing critical is understood", async (header) => {
        expect(await verify([rsa.jwk], by(header))).toBe("critical");
      });

      test("keys that it brings along or points to are never used", async () => {
        const mine = {
          alg: "RS256",
          jwk: otherRsa.jwk,
          jku: "http://127.0.0.1:1/jwks",
          x5u: "http://127.0.0.1:1/x",
          x5c: ["MIIB"],
        };
        expect(await verify([rsa.jwk], token("RS256", otherRsa, ANN, mine))).toBe("wrong signature");
        expect(await verify([rsa.jwk], token("RS256", rsa, ANN, mine))).toBe(ANN);
      });

      test("other members are passed over", async () => {
        const header = '{"typ":"JWT","alg":"RS256","cty":"x","x5t":"y","nested":{"a":[1,2,{"b":null}]}}';
        expect(await verify([rsa.jwk], by(header))).toBe(ANN);
        expect(await verify([rsa.jwk], by('{"alg":"\\u0052S256"}'))).toBe(ANN);
        expect(await verify([rsa.jwk], by('\r\n {"alg" : "RS256"}\t'))).toBe(ANN);
      });
    });

    describe("on the payload", () => {
      test.each([
        ["a list", "[1]"],
        ["a text", '"ann"'],
        ["null", "null"],
        ["nothing", ""],
        ["no JSON", "{sub:1}"],
        ["a claim twice", '{"sub":"ann","sub":"bob"}'],
        ["a claim twice, deep inside", '{"a":{"b":1,"b":2}}'],
        ["65 levels", `{"a":${"[".repeat(65)}${"]".repeat(65)}}`],
        ["half a surrogate pair", '{"sub":"\\ud800"}'],
        ["NUL", '{"sub":"a\\u0000"}'],
      ])("%s is refused, although it was signed", async (_what, payload) => {
        expect(await verify([rsa.jwk], token("RS256", rsa, payload))).toBe("payload, signed");
      });

      test("a claim twice among forty is refused", async () => {
        const members = Array.from({ length: 40 }, (_, at) => `"c${at}":${at}`);
        const payload = `{${members.join(",")}}`;
        expect(await verify([rsa.jwk], token("RS256", rsa, payload))).toBe(payload);
        const twice = `{${[...members, '"c7":0'].join(",")}}`;
        expect(await verify([rsa.jwk], token("RS256", rsa, twice))).toBe("payload, signed");
      });
    });

    describe("on the choice of a key", () => {
      const byName = (kid: string, signer: Signer = rsa): string =>
        token("RS256", signer, ANN, headerFor(kid, "RS256"));

      test("a token that names one is verified by that one, and by those without a name", async () => {
        expect(await verify([named(otherRsa, "b"), named(rsa, "a")], byName("a"))).toBe(ANN);
        expect(await verify([named(rsa, "a")], byName("b"))).toBe("no key");
        expect(await verify([named(otherRsa, "a"), named(rsa, "b")], byName("a"))).toBe("wrong signature");
        expect(await verify([named(otherRsa, "b"), rsa.jwk], byName("a"))).toBe(ANN);
        expect(await verify([named(rsa, "")], byName("a"))).toBe(ANN);
      });

      test("a token that names none is verified by any", async () => {
        expect(await verify([p256.jwk, named(otherRsa, "b"), named(rsa, "a")], token("RS256", rsa))).toBe(
          ANN,
        );
        expect(await verify([named(otherRsa, "b"), named(rsa, "a")], byName(""))).toBe(ANN);
        expect(await verify([p256.jwk, secret.jwk], token("RS256", rsa))).toBe("no key");
      });

      test("names are compared as bytes, whole", async () => {
        for (const kid of ["A", "a ", "aa", "\u00e4", "a\u0301"])
          expect(await verify([named(rsa, "a")], byName(kid))).toBe("no key");
        expect(await verify([named(rsa, "\u00e4/'\"")], byName("\u00e4/'\""))).toBe(ANN);
      });

      test("a name that two keys have means both", async () => {
        expect(await verify([named(otherRsa, "a"), named(rsa, "a")], byName("a"))).toBe(ANN);
        expect(await verify([named(p256, "a"), named(rsa, "a")], byName("a"))).toBe(ANN);
      });

      test("twenty keys are tried, and no more", async () => {
        const others = (count: number): object[] => Array.from({ length: count }, () => otherRsa.jwk);
        expect(await verify([...others(19), rsa.jwk], token("RS256", rsa))).toBe(ANN);
        expect(await verify([...others(20), rsa.jwk], token("RS256", rsa))).toBe("wrong signature");
        // Those of its name come first.
        expect(await verify([...others(20), named(rsa, "a")], byName("a"))).toBe(ANN);
      });
    });

    describe("on keys", () => {
      const n = Buffer.from(rsa.jwk.n!, "base64url");
      const x = Buffer.from(p256.jwk.x!, "base64url");
      const bent = Buffer.from(x);
      bent[31]! ^= 1;
      const rsaOf = (members: object): object => ({ ...rsa.jwk, ...members });
      const ecOf = (members: object): object => ({ ...p256.jwk, ...members });
      const without = (jwk: object, name: string): object =>
        Object.fromEntries(Object.entries(jwk).filter(([other]) => other !== name));

      test.each<[string, object | string | number, string]>([
        ["of 1024 bits", weak, "RSA keys have at least 2048 bits, this one 1024"],
        [
          "of 16384 bits",
          rsaOf({ n: base64url(Buffer.alloc(2048, 0xff)) }),
          "RSA keys of more than 8192 bits are not supported",
        ],
        ["with the exponent 1", rsaOf({ e: "AQ" }), "`e` is neither 3 nor 65537"],
        ["with an even exponent", rsaOf({ e: "Ag" }), "`e` is neither 3 nor 65537"],
        ["with the exponent 0", rsaOf({ e: "AA" }), "RSA keys have `n` and `e` in base64url"],
        ["without a modulus", without(rsa.jwk, "n"), "RSA keys have `n` and `e` in base64url"],
        ["with a modulus that is a number", rsaOf({ n: 5 }), "RSA keys have `n` and `e` in base64url"],
        [
          "with a modulus of zeros",
          rsaOf({ n: base64url(Buffer.alloc(256)) }),
          "RSA keys have `n` and `e` in base64url",
        ],
        ["with padding", rsaOf({ n: `${rsa.jwk.n}==` }), "RSA keys have `n` and `e` in base64url"],
        [
          "in the other alphabet",
          rsaOf({ n: `+/${rsa.jwk.n!.slice(2)}` }),
          "RSA keys have `n` and `e` in base64url",
        ],
        ["of an algorithm of another type", rsaOf({ alg: "ES256" }), "`alg` is not for keys of this type"],
        ["of HMAC, but of type RSA", rsaOf({ alg: "HS256" }), "`alg` is not for keys of this type"],
        ["of RSA-PSS", rsaOf({ alg: "PS256" }), "PS256 is not supported"],
        ["of an encryption", rsaOf({ alg: "RSA-OAEP" }), "`alg` is no algorithm of signatures"],
        ["with an algorithm that is no text", rsaOf({ alg: 5 }), "`alg` is no string"],
        ["to encrypt", rsaOf({ use: "enc" }), "`use` is not sig"],
        ["of a use that is no text", rsaOf({ use: null }), "`use` is not sig"],
        ["to sign only", rsaOf({ key_ops: ["sign"] }), "`key_ops` has no verify"],
        ["of operations that are no list", rsaOf({ key_ops: "verify" }), "`key_ops` has no verify"],
        ["with a name that is a number", rsaOf({ kid: 1 }), "`kid` is no string"],
        ["of no type", without(rsa.jwk, "kty"), "`kty` is required, a string"],
        ["of an unknown type", rsaOf({ kty: "rsa" }), "`kty` is none of RSA, EC and oct"],
        [
          "of an octet pair",
          { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" },
          "keys of type OKP (EdDSA) are not supported",
        ],
        ["that is a text", "RSA", "expected an object"],
        ["that is a number", 5, "expected an object"],
        ["not on its curve", ecOf({ x: base64url(bent) }), "the proxy cannot use this key"],
        [
          "at the origin",
          ecOf({ x: base64url(Buffer.alloc(32)), y: base64url(Buffer.alloc(32)) }),
          "the proxy cannot use this key",
        ],
        [
          "with a coordinate above the prime",
          ecOf({ x: base64url(Buffer.alloc(32, 0xff)) }),
          "the proxy cannot use this key",
        ],
        [
          "with a short coordinate",
          ecOf({ x: base64url(x.subarray(1)) }),
          "keys on this curve have `x` and `y` of 32 bytes in base64url",
        ],
        [
          "with a long coordinate",
          ecOf({ x: base64url(Buffer.concat([Buffer.alloc(1), x])) }),
          "keys on this curve have `x` and `y` of 32 bytes in base64url",
        ],
        [
          "without a coordinate",
          without(p256.jwk, "y"),
          "keys on this curve have `x` and `y` of 32 bytes in base64url",
        ],
        [
          "on another curve than its coordinates",
          ecOf({ crv: "P-384" }),
          "keys on this curve have `x` and `y` of 48 bytes in base64url",
        ],
        ["on a curve of another use", ecOf({ crv: "secp256k1" }), "`crv` is none of P-256, P-384 and P-521"],
        ["on another curve than its algorithm", ecOf({ alg: "ES384" }), "`alg` is not for keys of this type"],
        [
          "of 31 bytes",
          { kty: "oct", k: base64url(Buffer.alloc(31, 7)) },
          "the secret has 31 bytes; it needs at least 32",
        ],
        [
          "of 63 bytes for SHA-512",
          { kty: "oct", alg: "HS512", k: base64url(Buffer.alloc(63, 7)) },
          "the secret has 63 bytes; it needs at least 64",
        ],
        ["of no bytes", { kty: "oct", k: "" }, "keys of type oct have `k` in base64url"],
        [
          "of bytes in base64",
          { kty: "oct", k: `${base64url(Buffer.alloc(32, 7))}=` },
          "keys of type oct have `k` in base64url",
        ],
      ])("one %s is left out, and said why", async (_what, jwk, why) => {
        expect(await verifier.keys(`{"keys":[${JSON.stringify(jwk)}]}`)).toBe(
          `no keys: no key can be used: keys[0]: ${why}`,
        );
        const skipped = await verifier.keys(
          `{"keys":[${JSON.stringify(secret.jwk)},${JSON.stringify(jwk)}]}`,
        );
        expect(skipped).toBe(`nothing to verify keys[1]: ${why}`);
      });

      test("one that RFC 7518 has longer secrets for is not used where it is too short", async () => {
        const short = secretSigner(randomBytes(32));
        expect(await verify([short.jwk], token("HS256", short))).toBe(ANN);
        expect(await verify([short.jwk], token("HS384", short))).toBe("no key");
        expect(await verify([short.jwk], token("HS512", short))).toBe("no key");
      });

      test("one with its private members, a certificate, a zero in front or the exponent 3 is used", async () => {
        const { d, p, q } = (rsa.key as KeyObject).export({ format: "jwk" });
        expect(await verify([rsaOf({ d, p, q })], token("RS256", rsa))).toBe(ANN);
        expect(
          await verify([rsaOf({ x5c: ["MIIB"], x5t: "x", unknown: { a: 1 } })], token("RS256", rsa)),
        ).toBe(ANN);
        expect(
          await verify([rsaOf({ n: base64url(Buffer.concat([Buffer.alloc(1), n])) })], token("RS256", rsa)),
        ).toBe(ANN);
        expect(await verify([rsaOf({ use: "sig", key_ops: ["sign", "verify"] })], token("RS256", rsa))).toBe(
          ANN,
        );
        const three = generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent: 3 });
        expect(
          await verify(
            [three.publicKey.export({ format: "jwk" })],
            token("RS256", { key: three.privateKey }),
          ),
        ).toBe(ANN);
      });

      test("one without a curve is on that of its algorithm, or on P-256, as in Envoy", async () => {
        const bare = (signer: Signer, more: object): object => ({ ...without(signer.jwk, "crv"), ...more });
        expect(await verify([bare(p256, {})], token("ES256", p256))).toBe(ANN);
        expect(await verify([bare(p384, { alg: "ES384" })], token("ES384", p384))).toBe(ANN);
      });
    });

    describe("on a set", () => {
      test.each([
        ["no JSON", "{keys", "no JSON: line 1, column 2: expected a member's name in double quotes"],
        ["a list", "[]", "expected a JSON Web Key Set, an object with a list `keys`"],
        [
          "a single key",
          JSON.stringify(rsa.jwk),
          "expected a JSON Web Key Set, an object with a list `keys`",
        ],
        [
          "certificates by name",
          '{"a":"-----BEGIN CERTIFICATE-----"}',
          "expected a JSON Web Key Set, an object with a list `keys`",
        ],
        ["keys that are no list", '{"keys":{}}', "expected a JSON Web Key Set, an object with a list `keys`"],
        ["no keys", '{"keys":[]}', "`keys` is empty"],
        ["keys twice", '{"keys":[],"keys":[]}', 'no JSON: line 1, column 22: duplicate member "keys"'],
        [
          "a member of a key twice",
          '{"keys":[{"kty":"oct","kty":"RSA"}]}',
          'no JSON: line 1, column 35: duplicate member "kty"',
        ],
        ["101 keys", `{"keys":[${"1,".repeat(100)}1]}`, "more than 100 keys"],
      ])("%s is refused", async (_what, jwks, why) => {
        expect(await verifier.keys(jwks)).toBe(`no keys: ${why}`);
      });

      test("why keys are left out is told of ten", async () => {
        expect((await verifier.keys(`{"keys":[${"1,".repeat(49)}1]}`)).split("; ")).toHaveLength(10);
      });

      test("other members of it are passed over", async () => {
        expect(
          await verifier.verify(
            JSON.stringify({ issuer: "x", keys: [rsa.jwk], more: [] }),
            token("RS256", rsa),
          ),
        ).toBe(ANN);
      });

      test("it is refused when it is configured, with the reason", async () => {
        await verifier.configure(JSON.stringify({ keys: [p256.jwk, weak] }));
        await expect(verifier.configure(JSON.stringify({ keys: [weak] }))).rejects.toThrow(
          "jwks: no key can be used: keys[0]: RSA keys have at least 2048 bits, this one 1024",
        );
      });
    });
  });
}

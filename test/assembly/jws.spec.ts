import { resetArena } from "../../assembly/bytes/arena";
import { ABSENT, literal } from "../../assembly/bytes/bytes";
import { JsonKind } from "../../assembly/json/node";
import {
  Algorithm,
  algorithmOf,
  hashOf,
  KeyKind,
  keyKindOf,
  unsupportedNamed,
} from "../../assembly/jwt/algorithm";
import { Hash } from "../../assembly/bytes/hmac";
import { derBitString, derInteger, derSequence } from "../../assembly/jwt/der";
import { KeySet, keySetProblem, parseKeySet } from "../../assembly/jwt/jwk";
import { jws, JwsProblem, JwsVerdict, parseJws, verifyJws } from "../../assembly/jwt/jws";
import { same } from "./same";
import { bytes, digits, hex, text } from "./texts";

/** RFC 7515, appendix A.1. */
const SECRET =
  '{"keys":[{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}]}';
const TOKEN =
  "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/** RFC 7515, appendix A.3. */
const P256 =
  '{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}';
const P256_TOKEN =
  "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

function keys(document: string): KeySet {
  const set = parseKeySet(bytes(document));
  if (set == null) throw new Error(keySetProblem);
  return set;
}

describe("algorithms", () => {
  it("have the key and the hash function of RFC 7518 §3.1", () => {
    expect(keyKindOf(Algorithm.RS384)).toBe(KeyKind.Rsa);
    expect(keyKindOf(Algorithm.ES256)).toBe(KeyKind.P256);
    expect(keyKindOf(Algorithm.ES384)).toBe(KeyKind.P384);
    expect(keyKindOf(Algorithm.ES512)).toBe(KeyKind.P521);
    expect(keyKindOf(Algorithm.HS512)).toBe(KeyKind.Secret);
    expect(hashOf(Algorithm.RS256)).toBe(Hash.Sha256);
    expect(hashOf(Algorithm.ES384)).toBe(Hash.Sha384);
    expect(hashOf(Algorithm.HS512)).toBe(Hash.Sha512);
  });

  it("are known by their exact names", () => {
    expect(algorithmOf(literal("HS256"))).toBe(Algorithm.HS256);
    expect(algorithmOf(literal("ES512"))).toBe(Algorithm.ES512);
    const others = ["", "hs256", "HS256 ", "HS25", "HS2567", "none", "PS256", "ES256K"];
    for (let at = 0; at < others.length; at++)
      same(algorithmOf(bytes(others[at])), Algorithm.None, others[at]);
    expect(text(unsupportedNamed(literal("EdDSA")))).toBe("EdDSA");
    expect(unsupportedNamed(literal("eddsa"))).toBe(ABSENT);
  });
});

describe("DER", () => {
  it("writes numbers in the fewest bytes, and never as negative ones", () => {
    resetArena();
    expect(digits(derInteger(hex("00")))).toBe("020100");
    expect(digits(derInteger(hex("")))).toBe("020100");
    expect(digits(derInteger(hex("01")))).toBe("020101");
    expect(digits(derInteger(hex("0000007f")))).toBe("02017f");
    expect(digits(derInteger(hex("80")))).toBe("02020080");
    expect(digits(derInteger(hex("00ff01")))).toBe("020300ff01");
  });

  it("writes lengths of one byte, of two, and of three", () => {
    resetArena();
    const head = (length: i32): string =>
      digits(derSequence(hex("00".repeat(length)), literal(""))).slice(0, 10);
    expect(head(0)).toBe("3000");
    expect(head(127)).toBe("307f000000");
    expect(head(128)).toBe("3081800000");
    expect(head(255)).toBe("3081ff0000");
    expect(head(256)).toBe("3082010000");
    expect(head(65535)).toBe("3082ffff00");
    expect(head(65536)).toBe("3083010000");
  });

  it("writes whole bytes as a bit string", () => {
    resetArena();
    expect(digits(derBitString(hex("04"), hex("aabb")))).toBe("03040004aabb");
  });
});

describe("keys", () => {
  it("are the DER form of SubjectPublicKeyInfo", () => {
    resetArena();
    // That of the key of RFC 7515, appendix A.3, as OpenSSL writes it.
    expect(digits(keys(P256).keys[0].material)).toBe(
      "3059301306072a8648ce3d020106082a8648ce3d030107034200047fcdce2770f6c45d4183cbee6fdb4b7b580733357be9ef13bacf6e3c7bd15445c7f144cd1bbd9b7e872cdfedb9eeb9f4b3695d6ea90b24ad8a4623288588e5ad",
    );
  });

  it("leave their text as it is", () => {
    const document = bytes(
      '{"keys":[{"kty":"oct","\\u006b":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T"}]}',
    );
    const before = text(document);
    expect(parseKeySet(document) != null).toBe(true);
    expect(text(document)).toBe(before);
  });
});

describe("tokens", () => {
  it("are taken apart", () => {
    resetArena();
    expect(parseJws(bytes(TOKEN))).toBe(JwsProblem.None);
    expect(jws.algorithm).toBe(Algorithm.HS256);
    expect(jws.kid).toBe(ABSENT);
    expect(text(jws.payload)).toBe(
      '{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}',
    );
    expect(jws.claims.kind).toBe(JsonKind.Object);
    expect(text(jws.claims.member(literal("iss"))!.text)).toBe("joe");
    expect(text(jws.signingInput)).toBe(TOKEN.slice(0, TOKEN.lastIndexOf(".")));
    expect(text(jws.encodedPayload)).toBe(TOKEN.split(".")[1]);
  });

  it("keep their payload as it was signed, escapes and all", () => {
    resetArena();
    // {"alg":"HS256"} and {"a":"A\n"} with the escapes written out.
    expect(parseJws(bytes("eyJhbGciOiJIUzI1NiJ9.eyJhIjoiXHUwMDQxXG4ifQ.AAAA"))).toBe(JwsProblem.None);
    expect(text(jws.payload)).toBe('{"a":"\\u0041\\n"}');
    expect(text(jws.claims.member(literal("a"))!.text)).toBe("A\n");
  });

  it("are right by the secret that has signed them", () => {
    resetArena();
    parseJws(bytes(TOKEN));
    expect(verifyJws(keys(SECRET))).toBe(JwsVerdict.Right);
  });

  it("are never right where the proxy cannot verify", () => {
    // The host of these tests has no `verify_signature`.
    resetArena();
    const set = keys(P256);
    expect(parseJws(bytes(P256_TOKEN))).toBe(JwsProblem.None);
    expect(verifyJws(set)).toBe(JwsVerdict.HostFailed);
  });

  it("have no key in a set of other kinds", () => {
    resetArena();
    parseJws(bytes(TOKEN));
    expect(verifyJws(keys(P256))).toBe(JwsVerdict.NoKey);
    parseJws(bytes(P256_TOKEN));
    expect(verifyJws(keys(SECRET))).toBe(JwsVerdict.NoKey);
  });

  it("are refused wherever they are cut off", () => {
    const set = keys(SECRET);
    for (let length = 0; length < TOKEN.length; length++) {
      resetArena();
      const problem = parseJws(bytes(TOKEN.slice(0, length)));
      same<bool>(problem == JwsProblem.None && verifyJws(set) == JwsVerdict.Right, false, `${length} bytes`);
    }
  });
});

import { resetArena } from "../../assembly/bytes/arena";
import { decodeBase64, decodeBase64url } from "../../assembly/bytes/base64";
import { ABSENT, bytesOf, literal, pointerOf } from "../../assembly/bytes/bytes";
import { same } from "./same";
import { bytes, digits, text } from "./texts";

function url(encoded: string): string {
  resetArena();
  return text(decodeBase64url(bytes(encoded)));
}

function standard(encoded: string): string {
  resetArena();
  return text(decodeBase64(bytes(encoded)));
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

describe("base64url without padding", () => {
  it("gives the test vectors of RFC 4648 §10", () => {
    expect(url("")).toBe("");
    expect(url("Zg")).toBe("f");
    expect(url("Zm8")).toBe("fo");
    expect(url("Zm9v")).toBe("foo");
    expect(url("Zm9vYg")).toBe("foob");
    expect(url("Zm9vYmE")).toBe("fooba");
    expect(url("Zm9vYmFy")).toBe("foobar");
  });

  it("gives the example of RFC 7515, appendix C, and bytes of all kinds", () => {
    resetArena();
    expect(digits(decodeBase64url(literal("A-z_4ME")))).toBe("03ecffe0c1");
    expect(digits(decodeBase64url(literal("_-7dzLuqmYh3ZlVEMyIRAA")))).toBe(
      "ffeeddccbbaa99887766554433221100",
    );
  });

  it("gives each character its place, and refuses every other byte at every place", () => {
    const place = pointerOf(bytes("AAAAAAA"));
    for (let at: u32 = 0; at < 7; at++) {
      for (let byte = 0; byte < 256; byte++) {
        resetArena();
        memory.fill(place, 0x41, 7);
        store<u8>(place + at, <u8>byte);
        const value =
          byte == 0x2d
            ? 62
            : byte == 0x5f
              ? 63
              : byte < 0x80
                ? ALPHABET.indexOf(String.fromCharCode(byte))
                : -1;
        // The last two bits of seven characters belong to no byte.
        const expected: bool = value >= 0 && (at < 6 || (value & 3) == 0);
        same<bool>(decodeBase64url(bytesOf(place, 7)) != ABSENT, expected, `byte ${byte} at ${at}`);
        if (!expected || at >= 4) continue;
        const decoded = pointerOf(decodeBase64url(bytesOf(place, 4)));
        const bits =
          ((<u32>load<u8>(decoded)) << 16) | ((<u32>load<u8>(decoded, 1)) << 8) | load<u8>(decoded, 2);
        same(bits, (<u32>value) << (18 - 6 * at), `the value of byte ${byte} at ${at}`);
      }
    }
  });

  it("refuses padding, white space, the other alphabet, and one character too many", () => {
    expect(url("Zg==")).toBe("<absent>");
    expect(url("Zm8=")).toBe("<absent>");
    expect(url("Zm9v=")).toBe("<absent>");
    expect(url("Zm9vYmFy\n")).toBe("<absent>");
    expect(url(" Zm9v")).toBe("<absent>");
    expect(url("Zm 9v")).toBe("<absent>");
    expect(url("Zm9+")).toBe("<absent>");
    expect(url("Zm9/")).toBe("<absent>");
    expect(url("Z")).toBe("<absent>");
    expect(url("Zm9vY")).toBe("<absent>");
  });

  it("refuses bits that belong to no byte", () => {
    expect(url("Zh")).toBe("<absent>");
    expect(url("Zv")).toBe("<absent>");
    expect(url("Zm9")).toBe("<absent>");
    expect(url("Zm-")).toBe("<absent>");
  });
});

describe("base64 with padding", () => {
  it("gives the test vectors of RFC 4648 §10", () => {
    expect(standard("")).toBe("");
    expect(standard("Zg==")).toBe("f");
    expect(standard("Zm8=")).toBe("fo");
    expect(standard("Zm9v")).toBe("foo");
    expect(standard("Zm9vYg==")).toBe("foob");
    expect(standard("Zm9vYmE=")).toBe("fooba");
    expect(standard("Zm9vYmFy")).toBe("foobar");
  });

  it("gives the example of RFC 7617 §2, and has + and /", () => {
    expect(standard("QWxhZGRpbjpvcGVuIHNlc2FtZQ==")).toBe("Aladdin:open sesame");
    expect(digits(decodeBase64(literal("+/+/")))).toBe("fbffbf");
  });

  it("refuses what lacks its padding or has too much, and the other alphabet", () => {
    expect(standard("Zg")).toBe("<absent>");
    expect(standard("Zg=")).toBe("<absent>");
    expect(standard("Z===")).toBe("<absent>");
    expect(standard("====")).toBe("<absent>");
    expect(standard("Zm9v====")).toBe("<absent>");
    expect(standard("Zg==Zg==")).toBe("<absent>");
    expect(standard("Z=g=")).toBe("<absent>");
    expect(standard("Zm9-")).toBe("<absent>");
    expect(standard("Zm9_")).toBe("<absent>");
    expect(standard("Zm9v\n===")).toBe("<absent>");
    expect(standard("Zh==")).toBe("<absent>");
    expect(standard("Zm9=")).toBe("<absent>");
  });
});

import { Bytes, bytesOf, literal, pointerOf } from "../../assembly/bytes/bytes";
import { hexTo } from "../../assembly/bytes/hex";
import { sha256, SHA256_SIZE } from "../../assembly/bytes/sha256";
import { same } from "./same";
import { hex, text } from "./texts";

/** The digest in hexadecimal digits. */
function digest(bytes: Bytes): string {
  const target = heap.alloc(3 * SHA256_SIZE);
  sha256(bytes, target);
  return text(hexTo(bytesOf(target, SHA256_SIZE), target + SHA256_SIZE));
}

describe("SHA-256", () => {
  it("gives the examples of FIPS 180-4", () => {
    // csrc.nist.gov, "Examples with Intermediate Values", SHA256.pdf; the million of "a" is of FIPS 180-2, appendix B.3.
    expect(digest(literal("abc"))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(digest(literal("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))).toBe(
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    );
    const million = heap.alloc(1000000);
    memory.fill(million, 0x61, 1000000);
    expect(digest(bytesOf(million, 1000000))).toBe(
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
    );
  });

  it("gives vectors of the NIST's validation program", () => {
    // CAVS 11.0, SHA256ShortMsg.rsp: Len = 0, 8, 16, 24 and 504. Message, digest, ..
    const vectors = [
      "",
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "d3",
      "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1",
      "11af",
      "5ca7133fa735326081558ac312c620eeca9970d1e70a4b95533d956f072d1f98",
      "b4190e",
      "dff2e73091f6c05e528896c4c831b9448653dc2ff043528f6769437bc7b975c2",
      "e2f76e97606a872e317439f1a03fcd92e632e5bd4e7cbc4e97f1afc19a16fde92d77cbe546416b51640cddb92af996534dfd81edb17c4424cf1ac4d75aceeb",
      "18041bd4665083001fba8c5411d2d748e8abbfdcdfd9218cb02b68a78e7d4c23",
    ];
    for (let at = 0; at < vectors.length; at += 2) expect(digest(hex(vectors[at]))).toBe(vectors[at + 1]);
  });

  it("gives what another implementation does for every length from 0 to 200", () => {
    // The digest of the digests, behind one another, of n bytes of which byte i is i * 7 + n; computed with Python's hashlib.
    const digests = heap.alloc(201 * SHA256_SIZE);
    const message = heap.alloc(200);
    for (let length: u32 = 0; length <= 200; length++) {
      for (let at: u32 = 0; at < length; at++) store<u8>(message + at, <u8>(at * 7 + length));
      sha256(bytesOf(message, length), digests + length * SHA256_SIZE);
    }
    expect(digest(bytesOf(digests, 201 * SHA256_SIZE))).toBe(
      "e673d33f6940a6d3856d0d305fd88363ae0ba3b96e2411d8ddd5e0dd443f4525",
    );
  });

  it("may be written over the message, and at any address", () => {
    for (let offset: usize = 0; offset < 8; offset++) {
      const place = heap.alloc(128) + offset;
      memory.fill(place, 0x61, 100);
      const expected = digest(bytesOf(place, 100));
      sha256(bytesOf(place, 100), place + 1);
      same(text(hexTo(bytesOf(place + 1, SHA256_SIZE), heap.alloc(64))), expected, `offset ${offset}`);
    }
  });
});

describe("hexadecimal digits", () => {
  it("are two for each byte, in lower case", () => {
    const bytes = hex("000110abcdef7fFF");
    expect(text(hexTo(bytes, heap.alloc(16)))).toBe("000110abcdef7fff");
    expect(text(hexTo(bytesOf(pointerOf(bytes), 0), heap.alloc(1)))).toBe("");
  });
});

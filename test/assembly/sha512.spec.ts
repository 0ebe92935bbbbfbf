import { Bytes, bytesOf, literal } from "../../assembly/bytes/bytes";
import { sha384, SHA384_SIZE, sha512, SHA512_SIZE } from "../../assembly/bytes/sha512";
import { same } from "./same";
import { digits } from "./texts";

function digest384(bytes: Bytes): string {
  const target = heap.alloc(SHA384_SIZE);
  sha384(bytes, target);
  return digits(bytesOf(target, SHA384_SIZE));
}

function digest512(bytes: Bytes): string {
  const target = heap.alloc(SHA512_SIZE);
  sha512(bytes, target);
  return digits(bytesOf(target, SHA512_SIZE));
}

const TWO_BLOCKS = literal(
  "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
);

function million(): Bytes {
  const start = heap.alloc(1000000);
  memory.fill(start, 0x61, 1000000);
  return bytesOf(start, 1000000);
}

describe("SHA-512", () => {
  it("gives the examples of FIPS 180-4", () => {
    // csrc.nist.gov, "Examples with Intermediate Values", SHA512.pdf; the million of "a" is of FIPS 180-2, appendix C.3.
    expect(digest512(literal("abc"))).toBe(
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    );
    expect(digest512(TWO_BLOCKS)).toBe(
      "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909",
    );
    expect(digest512(million())).toBe(
      "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973ebde0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b",
    );
  });

  it("gives what another implementation does for every length from 0 to 300", () => {
    // The digest of the digests, behind one another, of n bytes of which byte i is i * 7 + n; computed with Node's OpenSSL.
    const digests = heap.alloc(301 * SHA512_SIZE);
    const message = heap.alloc(300);
    for (let length: u32 = 0; length <= 300; length++) {
      for (let at: u32 = 0; at < length; at++) store<u8>(message + at, <u8>(at * 7 + length));
      sha512(bytesOf(message, length), digests + length * SHA512_SIZE);
    }
    expect(digest512(bytesOf(digests, 301 * SHA512_SIZE))).toBe(
      "e1f2f7d5d8fc48db06ec2a0eed639593f549caffa40245747258761214a3ec07134903fde52ace6cfae161a82097ba01f33a97d48dd6a80d4521d96d7401357e",
    );
  });

  it("may be written over the message, and at any address", () => {
    for (let offset: usize = 0; offset < 8; offset++) {
      const place = heap.alloc(256) + offset;
      memory.fill(place, 0x61, 150);
      const expected = digest512(bytesOf(place, 150));
      sha512(bytesOf(place, 150), place + 1);
      same(digits(bytesOf(place + 1, SHA512_SIZE)), expected, `offset ${offset}`);
    }
  });
});

describe("SHA-384", () => {
  it("gives the examples of FIPS 180-4", () => {
    // csrc.nist.gov, "Examples with Intermediate Values", SHA384.pdf; the million of "a" is of FIPS 180-2, appendix D.3.
    expect(digest384(literal("abc"))).toBe(
      "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    );
    expect(digest384(TWO_BLOCKS)).toBe(
      "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa91746039",
    );
    expect(digest384(million())).toBe(
      "9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b07b8b3dc38ecc4ebae97ddd87f3d8985",
    );
  });

  it("writes 48 bytes and no more", () => {
    const target = heap.alloc(64);
    memory.fill(target, 0x2a, 64);
    sha384(literal("abc"), target);
    for (let at: u32 = SHA384_SIZE; at < 64; at++) same<u8>(load<u8>(target + at), 0x2a);
    expect(load<u8>(target)).toBe(0xcb);
  });

  it("gives what another implementation does for every length from 0 to 300", () => {
    const digests = heap.alloc(301 * SHA384_SIZE);
    const message = heap.alloc(300);
    for (let length: u32 = 0; length <= 300; length++) {
      for (let at: u32 = 0; at < length; at++) store<u8>(message + at, <u8>(at * 7 + length));
      sha384(bytesOf(message, length), digests + length * SHA384_SIZE);
    }
    expect(digest384(bytesOf(digests, 301 * SHA384_SIZE))).toBe(
      "022ac2b92dcdb9358b044b9475cd22bacae49d2510f5493370847b4c61050cacc2325d1d80119adbc3ca9eaa7ecd3de7",
    );
  });
});

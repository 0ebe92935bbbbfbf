import { resetArena } from "../../assembly/bytes/arena";
import { Bytes, bytesOf, lengthOf, literal, pointerOf } from "../../assembly/bytes/bytes";
import { equalsInConstantTime } from "../../assembly/bytes/constant-time";
import { digestSize, digestTo, Hash, hmac } from "../../assembly/bytes/hmac";
import { same } from "./same";
import { digits, hex } from "./texts";

/** The codes by SHA-256, SHA-384 and SHA-512, of which as much is looked at as there is of the expected one. */
function check(key: string, text: Bytes, sha256: string, sha384: string, sha512: string): void {
  resetArena();
  const keyBytes = hex(key);
  expect(digits(hmac(Hash.Sha256, keyBytes, text)).slice(0, sha256.length)).toBe(sha256);
  expect(digits(hmac(Hash.Sha384, keyBytes, text)).slice(0, sha384.length)).toBe(sha384);
  expect(digits(hmac(Hash.Sha512, keyBytes, text)).slice(0, sha512.length)).toBe(sha512);
}

/** The digest of the codes, behind one another, of keys of 0 to 160 bytes and texts twice as long. */
function codes(hash: Hash): string {
  const size = digestSize(hash);
  const all = heap.alloc(161 * size);
  const key = heap.alloc(160);
  const text = heap.alloc(320);
  for (let length: u32 = 0; length <= 160; length++) {
    resetArena();
    for (let at: u32 = 0; at < length; at++) store<u8>(key + at, <u8>(at * 5 + length));
    for (let at: u32 = 0; at < 2 * length; at++) store<u8>(text + at, <u8>(at * 7 + length));
    const code = hmac(hash, bytesOf(key, length), bytesOf(text, 2 * length));
    same(lengthOf(code), size);
    memory.copy(all + length * size, pointerOf(code), size);
  }
  const digest = heap.alloc(size);
  digestTo(hash, bytesOf(all, 161 * size), digest);
  return digits(bytesOf(digest, size));
}

describe("HMAC", () => {
  it("gives the test cases of RFC 4231", () => {
    check(
      "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
      literal("Hi There"),
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
      "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
      "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
    );
    check(
      "4a656665",
      literal("what do ya want for nothing?"),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
      "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
      "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    );
    check(
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      hex("dd".repeat(50)),
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
      "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39dc13814b94e3ab6e101a34f27",
      "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
    );
    check(
      "0102030405060708090a0b0c0d0e0f10111213141516171819",
      hex("cd".repeat(50)),
      "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
      "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e6801dd23c4a7d679ccf8a386c674cffb",
      "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
    );
    check(
      "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c",
      literal("Test With Truncation"),
      "a3b6167473100ee06e0c796c2955552b",
      "3abf34c3503b2a23a46efc619baef897",
      "415fad6271580a531d4179bc891d87a6",
    );
    check(
      "aa".repeat(131),
      literal("Test Using Larger Than Block-Size Key - Hash Key First"),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
      "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
      "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
    );
    check(
      "aa".repeat(131),
      literal(
        "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
      ),
      "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
      "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5a678cc31e799176d3860e6110c46523e",
      "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58",
    );
  });

  it("gives what another implementation does for keys of every length around the blocks", () => {
    // Computed with Node's OpenSSL.
    expect(codes(Hash.Sha256)).toBe("8d3f7f27f4689bb7cb98722f3f0c4f2d0cc861a86c326a3e8d1bac44a34b72df");
    expect(codes(Hash.Sha384)).toBe(
      "8b91b43791e2a00af7941e269266f3c79effdbe0dead90ba63e6d8adc9e4edb43759e98abaed1bcfae2a18c57d6b2ef4",
    );
    expect(codes(Hash.Sha512)).toBe(
      "397429e4ee82443aa4689ca69b7391f8851efac7f99a9215e9a077df3e232d0d2f455817c4b7c9b3a875463936dc29bea9bd6bb221867d3ce9933677f2c77048",
    );
  });

  it("leaves key and text as they are", () => {
    resetArena();
    const key = literal("key");
    const text = literal("text");
    const first = digits(hmac(Hash.Sha256, key, text));
    expect(digits(hmac(Hash.Sha256, key, text))).toBe(first);
    expect(digits(key) + digits(text)).toBe("6b657974657874");
  });
});

describe("comparison in constant time", () => {
  it("tells every difference of one bit, and of the length", () => {
    const left = hex("000102030405060708090a0b0c0d0e0fff");
    const right = hex("000102030405060708090a0b0c0d0e0fff");
    expect(equalsInConstantTime(left, right)).toBe(true);
    for (let bit: u32 = 0; bit < 17 * 8; bit++) {
      const at = pointerOf(right) + (bit >> 3);
      store<u8>(at, load<u8>(at) ^ (<u8>((<u32>1) << (bit & 7))));
      same<bool>(equalsInConstantTime(left, right), false, `bit ${bit}`);
      store<u8>(at, load<u8>(at) ^ (<u8>((<u32>1) << (bit & 7))));
    }
    expect(equalsInConstantTime(left, bytesOf(pointerOf(left), 16))).toBe(false);
    expect(equalsInConstantTime(bytesOf(pointerOf(left), 16), left)).toBe(false);
    expect(equalsInConstantTime(literal(""), literal(""))).toBe(true);
  });
});

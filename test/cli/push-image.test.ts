/** The bytes of an image, which are the same on any machine: processors, versions of Node.js and of libraries have no say. */
import { describe, expect, test } from "vitest";
import { imageOf } from "../../cli/oci/image.ts";

describe("an image", () => {
  test("of known content has a known digest", () => {
    // Compressible and not, more than one block of deflate.
    const module = Uint8Array.from({ length: 200_000 }, (_, at) =>
      at % 3 === 0 ? (at * at) >>> 7 : at >>> 9,
    );
    const { manifest, blobs } = imageOf(module, {
      "org.opencontainers.image.title": "vector",
      "org.opencontainers.image.created": "2026-11-26T10:00:00Z",
    });
    expect(blobs.map(({ digest }) => digest)).toEqual([
      "sha256:eb2d55e3ede381990fafcc9c08d75fe502d2e799ea2b011d0db61c999fc568da",
      "sha256:52c5b0a4d70e92cb6bc7bf889824cadb899272f40937962bc20fc7f5c93758e4",
    ]);
    expect(manifest.digest).toBe("sha256:14658bb6df5f326efbf56498408900e6b2ee4c597077b4990aca5f01fcf5d37b");
  });

  test("does not depend on the order of its annotations", () => {
    const module = new Uint8Array(10);
    const digests = [
      { a: "1", b: "2" },
      { b: "2", a: "1" },
    ].map((given) => imageOf(module, given).manifest.digest);
    expect(digests[0]).toBe(digests[1]);
    expect(imageOf(module, { a: "1" }).manifest.digest).not.toBe(digests[0]);
  });
});

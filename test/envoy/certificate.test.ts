import { X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { CertificateAuthority } from "./certificate.ts";

describe("a certificate of the tests", () => {
  const authority = new CertificateAuthority("tests");
  const root = new X509Certificate(authority.certificate);

  it("is signed by its authority, which may sign", () => {
    const leaf = new X509Certificate(authority.issue({ commonName: "peer" }).certificate);
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(leaf.checkIssued(root)).toBe(true);
    expect([root.ca, leaf.ca]).toEqual([true, false]);
    expect([leaf.subject, leaf.issuer]).toEqual(["CN=peer", "CN=tests"]);
  });

  it("has its names in order, of any length", () => {
    const long = `spiffe://td/${"a".repeat(300)}`;
    const spec = { commonName: "peer", uris: ["spiffe://td/ns/a/sa/b", long], dnsNames: ["a.test"] };
    const leaf = new X509Certificate(authority.issue(spec).certificate);
    expect(leaf.subjectAltName).toBe(`URI:spiffe://td/ns/a/sa/b, URI:${long}, DNS:a.test`);
  });

  it("is valid today, and not for long", () => {
    const from = new Date(root.validFrom).getTime();
    const to = new Date(root.validTo).getTime();
    expect(from).toBeLessThan(Date.now());
    expect(to).toBeGreaterThan(Date.now());
    expect(to - from).toBe(2 * 86_400_000);
  });

  it("comes with a key of its own", () => {
    const first = authority.issue({ commonName: "peer" });
    const second = authority.issue({ commonName: "peer" });
    expect(first.key).not.toBe(second.key);
    expect(new X509Certificate(first.certificate).serialNumber).not.toBe(
      new X509Certificate(second.certificate).serialNumber,
    );
  });
});

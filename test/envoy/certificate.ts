/**
 * Certificates of the tests' own mesh (RFC 5280), made while they run: P-256 keys, valid from yesterday to tomorrow, in PEM. Node signs but
 * cannot make a certificate, so its few fields are written here in DER (X.690).
 */
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";

export interface CertificateSpec {
  commonName: string;
  uris?: readonly string[];
  dnsNames?: readonly string[];
  /** An authority, which may sign others. */
  authority?: boolean;
}

export interface Certificate {
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS#8. */
  readonly key: string;
}

export class CertificateAuthority implements Certificate {
  readonly certificate: string;
  readonly key: string;
  readonly #name: string;
  readonly #privateKey: KeyObject;

  constructor(name: string) {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#name = name;
    this.#privateKey = privateKey;
    this.certificate = this.#sign({ commonName: name, authority: true }, publicKey);
    this.key = pemKey(privateKey);
  }

  /** A new certificate with a key of its own. */
  issue(spec: CertificateSpec): Certificate {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    return { certificate: this.#sign(spec, publicKey), key: pemKey(privateKey) };
  }

  #sign(spec: CertificateSpec, publicKey: KeyObject): string {
    const day = 86_400_000;
    const tbs = sequence(
      explicit(0, integer(Buffer.of(2))),
      integer(Buffer.concat([Buffer.of(0x40), randomBytes(15)])),
      ECDSA_WITH_SHA256,
      nameOf(this.#name),
      sequence(utcTime(Date.now() - day), utcTime(Date.now() + day)),
      nameOf(spec.commonName),
      publicKey.export({ type: "spki", format: "der" }),
      explicit(3, sequence(...extensions(spec))),
    );
    const signature = sign("sha256", tbs, this.#privateKey);
    const der = sequence(tbs, ECDSA_WITH_SHA256, element(0x03, Buffer.of(0), signature));
    const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
    return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
  }
}

function pemKey(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

function extensions({ authority = false, uris = [], dnsNames = [] }: CertificateSpec): Buffer[] {
  // BasicConstraints {cA}; both critical. KeyUsage: digitalSignature, or keyCertSign.
  const list = [
    extension("551d13", true, sequence(...(authority ? [element(0x01, Buffer.of(0xff))] : []))),
    extension("551d0f", true, element(0x03, authority ? Buffer.of(2, 0x04) : Buffer.of(7, 0x80))),
  ];
  const names = [
    ...uris.map((uri) => element(0x86, Buffer.from(uri, "utf8"))),
    ...dnsNames.map((name) => element(0x82, Buffer.from(name, "utf8"))),
  ];
  if (names.length > 0) list.push(extension("551d11", false, sequence(...names)));
  return list;
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  const mark = critical ? [element(0x01, Buffer.of(0xff))] : [];
  return sequence(objectId(id), ...mark, element(0x04, value));
}

/** A distinguished name of a common name alone. */
function nameOf(commonName: string): Buffer {
  const text = element(0x0c, Buffer.from(commonName, "utf8"));
  return sequence(element(0x31, sequence(objectId("550403"), text)));
}

function utcTime(milliseconds: number): Buffer {
  const digits = new Date(milliseconds).toISOString().replace(/\D/g, "");
  return element(0x17, Buffer.from(`${digits.slice(2, 14)}Z`));
}

function objectId(hex: string): Buffer {
  return element(0x06, Buffer.from(hex, "hex"));
}

function integer(bytes: Buffer): Buffer {
  return element(0x02, bytes);
}

function sequence(...parts: Buffer[]): Buffer {
  return element(0x30, ...parts);
}

function explicit(tag: number, content: Buffer): Buffer {
  return element(0xa0 | tag, content);
}

/** A tag, the content's length, the content. */
function element(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  const size = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}

const ECDSA_WITH_SHA256 = sequence(objectId("2a8648ce3d040302"));

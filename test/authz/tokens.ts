/** JSON Web Tokens of one issuer's key, made while tests run. */
import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import type { Claims } from "../driver.ts";
import type { GeneratedToken } from "./shown-tokens.ts";

const KEY_ID = "authz-tests";

export class TokenIssuer {
  /** The JWK set, as JSON. */
  readonly jwks: string;
  readonly #key = keyPair();
  readonly #other = keyPair();

  constructor() {
    const jwk = { ...this.#key.publicKey.export({ format: "jwk" }), kid: KEY_ID, alg: "ES256", use: "sig" };
    this.jwks = JSON.stringify({ keys: [jwk] });
  }

  /** Signed with ES256. */
  token(claims: Claims): string {
    return signed(claims, this.#key.privateKey);
  }

  /** The same by a key that nobody trusts. */
  forged(claims: Claims): string {
    return signed(claims, this.#other.privateKey);
  }

  textOf({ claims, forged }: GeneratedToken): string {
    return forged ? this.forged(claims) : this.token(claims);
  }
}

function keyPair(): { privateKey: KeyObject; publicKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function signed(claims: Claims, key: KeyObject): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "ES256", kid: KEY_ID, typ: "JWT" })}.${part(claims)}`;
  return `${text}.${sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

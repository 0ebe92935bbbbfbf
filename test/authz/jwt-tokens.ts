/** Issuers, their keys, and tokens that are right or wrong in one of many ways, chosen by a seed. */
import {
  base64url,
  ecSigner,
  rsaSigner,
  secretSigner,
  token,
  type Algorithm,
  type Signer,
} from "../jwt/signing.ts";

/** A choice that repeats itself with its seed (mulberry32). */
export class Choices {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to `count`, exclusive. */
  below(count: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % count;
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  /** True once in so many times. */
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }
}

/** A key of an issuer's, by its name in tokens. */
export interface IssuerKey extends Signer {
  readonly kid: string;
  readonly algorithm: Algorithm;
}

const named = (signer: Signer, kid: string, algorithm: Algorithm): IssuerKey => ({
  ...signer,
  jwk: { ...signer.jwk, kid, alg: algorithm },
  kid,
  algorithm,
});

export class Issuer {
  readonly name: string;
  readonly keys: readonly IssuerKey[];

  constructor(name: string) {
    this.name = name;
    this.keys = [
      named(rsaSigner(), "rsa", "RS256"),
      named(ecSigner("P-256"), "ec", "ES256"),
      named(secretSigner(Buffer.alloc(32, name)), "secret", "HS256"),
    ];
  }

  /** The set of its keys. */
  get jwks(): string {
    return JSON.stringify({ keys: this.keys.map(({ jwk }) => jwk) });
  }

  /** A token with these claims and the issuer's name, good for an hour. */
  sign(claims: Record<string, unknown> = {}, key = this.keys[0]!): string {
    return token(
      key.algorithm,
      key,
      { iss: this.name, sub: "ann", exp: now() + 3600, ...claims },
      { alg: key.algorithm, kid: key.kid, typ: "JWT" },
    );
  }
}

/** Seconds since 1970. */
export const now = (): number => Math.floor(Date.now() / 1000);

export const ALPHA = new Issuer("https://alpha.test");
export const BETA = new Issuer("https://beta.test");
export const STRANGER = new Issuer("https://stranger.test");

const AUDIENCES: readonly unknown[] = [
  "shop",
  "https://shop",
  "http://shop/",
  "shop//",
  "Shop",
  ["shop"],
  ["other", "https://shop/"],
  [],
  ["other"],
];

/** Times that are well inside or outside the 60 seconds of skew. */
const times = (): readonly unknown[] => {
  const at = now();
  return [at - 3600, at - 70, at - 40, at, at + 40, at + 70, at + 3600, at + 0.5, 0, 1.5e18, 1e15];
};
/** What is no time. */
const NO_TIMES: readonly unknown[] = ["1", -1, -0.5, 1e20, true, null, [], {}, 18446744073709551616];
const NO_TEXTS: readonly unknown[] = [1, true, null, [], {}, ["https://alpha.test"]];

/** Claims of which about half make a token wrong. */
function claims(choices: Choices, issuer: Issuer): Record<string, unknown> {
  const made: Record<string, unknown> = {
    iss: issuer.name,
    sub: choices.of(["ann", "bob", "", "a b"]),
    exp: now() + 3600,
  };
  if (choices.oneIn(2)) made.aud = choices.of(AUDIENCES);
  if (choices.oneIn(3)) made.scope = choices.of(["read write", " a  b ", " ", "", ["x"], 7]);
  if (choices.oneIn(3))
    made.groups = choices.of(["admins", ["admins", "staff"], ["a", 1], { in: ["x"] }, 7, true, null]);
  if (choices.oneIn(3)) made.level = choices.of([1, 1.5, -2, 0, -0.25, 1e10, 123456789.5, 0.1, 2 ** 53, "7"]);
  if (choices.oneIn(3))
    made.realm = choices.of([{ role: "lead" }, { role: { deep: "x" } }, "realm", { role: ["a", "b"] }, {}]);
  if (choices.oneIn(4)) {
    const name = choices.of(["exp", "nbf", "iat"]);
    // Envoy does not mind a token that is issued tomorrow.
    made[name] = choices.of(times().filter((time) => name !== "iat" || Number(time) <= now() + 40));
  }
  if (choices.oneIn(8)) made[choices.of(["exp", "nbf", "iat"])] = choices.of(NO_TIMES);
  if (choices.oneIn(10)) made[choices.of(["iss", "sub", "jti", "aud"])] = choices.of(NO_TEXTS);
  if (choices.oneIn(10)) delete made[choices.of(["iss", "sub", "exp"])];
  return made;
}

/** Payloads that are no object, or no JSON. */
const NO_PAYLOADS = ["[]", '"x"', "1", "", "{", '{"iss":"https://alpha.test"', "{} x", '{"a":1e999}'];
const NO_HEADERS: readonly (string | object)[] = [
  "[]",
  "{",
  {},
  { alg: "none" },
  { alg: "NONE" },
  { alg: "rs256" },
  { alg: 1 },
  { alg: "RS256", kid: 1 },
  { alg: "XX256" },
];

/** A token that is right in about a third of all cases. */
export function anyToken(choices: Choices): string {
  const issuer = choices.of([ALPHA, ALPHA, ALPHA, BETA, BETA, STRANGER]);
  const key = choices.of(issuer.keys);
  const payload = choices.oneIn(15) ? choices.of(NO_PAYLOADS) : claims(choices, issuer);
  let header: string | object = { alg: key.algorithm, kid: key.kid, typ: "JWT" };
  if (choices.oneIn(6)) header = { alg: key.algorithm };
  if (choices.oneIn(12)) header = { alg: key.algorithm, kid: choices.of(["rsa", "ec", "nobody", ""]) };
  if (choices.oneIn(15)) header = choices.of(NO_HEADERS);
  const signer = choices.oneIn(12) ? choices.of([...ALPHA.keys, ...BETA.keys]) : key;
  const made = token(key.algorithm, sameKind(signer, key) ? signer : key, payload, header);
  return choices.oneIn(8) ? damaged(choices, made) : made;
}

const sameKind = (one: IssuerKey, other: IssuerKey): boolean => one.algorithm === other.algorithm;

function damaged(choices: Choices, text: string): string {
  const parts = text.split(".");
  switch (choices.below(8)) {
    case 0:
      return parts.slice(0, 2).join(".");
    case 1:
      return `${text}.x`;
    case 2:
      return "token";
    case 3:
      return text.replace(".", "!");
    case 4:
      return `${parts[0]}.${parts[1]}.${base64url("signature")}`;
    case 5:
      return `${parts[0]}.${base64url('{"iss":"https://alpha.test","sub":"admin"}')}.${parts[2]}`;
    case 6:
      return `${text.slice(0, -8)}AAAAAAAA`;
    default:
      return `${text} `.repeat(2);
  }
}

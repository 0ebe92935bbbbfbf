import { ABSENT, Bytes } from "../bytes/bytes";
import { JsonNode } from "../json/node";
import { Algorithm } from "./algorithm";
import { KeySet } from "./jwk";

/** Why a token is none. */
export enum JwsProblem {
  None,
  /** Not three parts of base64url (RFC 7515 §7.1), or longer than 64 KiB. */
  Malformed,
  /** The header is no JSON object without duplicate names, is larger than 8 KiB, or has no `alg` or `kid` of the right type. */
  Header,
  /** `alg` is `none`, in whatever spelling. */
  Unsecured,
  /** `alg` is registered, but the proxy has it not: {@link Jws.unsupported} names it. */
  Unsupported,
  /** `alg` is none that is registered. */
  UnknownAlgorithm,
  /** The header has `crit`, of whose extensions none is understood (RFC 7515 §4.1.11), or `b64` (RFC 7797). */
  Critical,
  /** The payload is no JSON object without duplicate names (RFC 7519 §7.2). */
  Payload,
}

/** What a verification has come to. */
export enum JwsVerdict {
  /** One of the keys has signed this very token. */
  Right,
  /** None of those that could has. */
  WrongSignature,
  /** There is no key of this name for this algorithm. */
  NoKey,
  /** The proxy could not say. */
  HostFailed,
}

/** The token that was parsed last. What it holds lives in the arena. */
@final
export class Jws {
  algorithm: Algorithm = Algorithm.None;
  /** The name of an algorithm that is {@link JwsProblem.Unsupported}: ours, not the client's spelling. */
  unsupported: Bytes = ABSENT;
  /** The key's name; {@link ABSENT} when there is none (or an empty one). */
  kid: Bytes = ABSENT;
  /** The payload's JSON text. */
  payload: Bytes = ABSENT;
  /** The payload as it stands in the token, in base64url. */
  encodedPayload: Bytes = ABSENT;
  /** The payload's members. */
  claims: JsonNode = changetype<JsonNode>(0);
  signature: Bytes = ABSENT;
  /** What was signed: header and payload as they stand in the token, with the dot. */
  signingInput: Bytes = ABSENT;
}

// @ts-ignore: decorator
@lazy export const jws = new Jws();

/** Takes a token apart into {@link jws}, whose fields hold only after {@link JwsProblem.None}. Allocates in the arena alone; never traps. */
export function parseJws(token: Bytes): JwsProblem {
  return JwsProblem.Malformed;
}

/** Whether one of the keys has signed the token in {@link jws}. */
export function verifyJws(keys: KeySet): JwsVerdict {
  return JwsVerdict.NoKey;
}

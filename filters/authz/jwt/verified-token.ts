import { arenaAllocate } from "../../../assembly/bytes/arena";
import { ABSENT, Bytes, bytesOf, copyTo, lengthOf, pointerOf } from "../../../assembly/bytes/bytes";
import { JsonKind, JsonNode } from "../../../assembly/json/node";
import { jsonToStruct } from "../../../assembly/json/json-struct";
import { jws } from "../../../assembly/jwt/jws";
import { ClaimKind, ClaimPaths, Claims } from "../claims";
import { claimAt, claimHeader } from "./claim-text";
import { registered } from "./registered-claims";
import { splitWords } from "./words";

/**
 * What is kept of a token that a rule has verified: one block of memory, in which everything is found by its distance from the beginning, so that
 * a copy is as good. It is made in the arena; the cache copies it.
 *
 * Parts are two `u32`: where it begins and how long it is, 0 and 0 for none. Tables are lists of parts; in that of the claims the kind stands in
 * front of each, and a list is itself a table, whose length is that of the list.
 */

/** How long the whole block is. */
const SIZE: usize = 0;
/** The rule that has verified it, and the version of the keys: it is good for no others. */
const RULE: usize = 4;
const VERSION: usize = 8;
const EXPIRY: usize = 16;
const NOT_BEFORE: usize = 24;
const TOKEN: usize = 32;
const ISSUER: usize = 40;
const SUBJECT: usize = 48;
/** Of the token, what stands between the dots. */
const PAYLOAD: usize = 56;
/** The claims as `google.protobuf.Struct`. */
const STRUCT: usize = 64;
/** Where the table of the values of output headers begins. */
const OUTPUTS: usize = 72;
/** Likewise of the claims. */
const CLAIMS: usize = 76;
const HEAD: u32 = 80;
const PART: u32 = 8;
/** A kind and a part. */
const CLAIM: u32 = 12;

export function sizeOfToken(token: usize): u32 {
  return load<u32>(token, SIZE);
}

export function ruleOfToken(token: usize): u32 {
  return load<u32>(token, RULE);
}

export function versionOfToken(token: usize): u32 {
  return load<u32>(token, VERSION);
}

/** `exp` in seconds since 1970; 0 for never. */
export function expiryOfToken(token: usize): u64 {
  return load<u64>(token, EXPIRY);
}

/** `nbf` in seconds since 1970. */
export function notBeforeOfToken(token: usize): u64 {
  return load<u64>(token, NOT_BEFORE);
}

/** The token as it came. */
export function textOfToken(token: usize): Bytes {
  return partAt(token, token + TOKEN);
}

/** `iss`; {@link ABSENT} without. */
export function issuerOfToken(token: usize): Bytes {
  return partAt(token, token + ISSUER);
}

/** The payload as it stands in the token, in base64url. */
export function payloadOfToken(token: usize): Bytes {
  return partAt(token, token + PAYLOAD);
}

/** All claims as `google.protobuf.Struct`. */
export function structOfToken(token: usize): Bytes {
  return partAt(token, token + STRUCT);
}

/** The value of the rule's output header of this number; {@link ABSENT} for none. */
export function outputOfToken(token: usize, number: i32): Bytes {
  return partAt(token, token + load<u32>(token, OUTPUTS) + <usize>number * PART);
}

function partAt(token: usize, part: usize): Bytes {
  const from = load<u32>(part);
  return from == 0 ? ABSENT : bytesOf(token + from, load<u32>(part, 4));
}

/** The claims of a verified token, of which there is one at a time. */
@final
export class TokenClaims extends Claims {
  /** The token whose claims they are. */
  token: usize = 0;
  private list: usize = 0;

  read(number: i32): ClaimKind {
    const token = this.token;
    const claim = token + load<u32>(token, CLAIMS) + <usize>number * CLAIM;
    const kind = <ClaimKind>load<u32>(claim);
    if (kind == ClaimKind.Text) this.text = partAt(token, claim + 4);
    else if (kind == ClaimKind.List) {
      this.list = token + load<u32>(claim, 4);
      this.count = load<u32>(claim, 8);
    }
    return kind;
  }

  element(at: u32): Bytes {
    return partAt(this.token, this.list + <usize>at * PART);
  }

  issuer(): Bytes {
    return partAt(this.token, this.token + ISSUER);
  }

  subject(): Bytes {
    return partAt(this.token, this.token + SUBJECT);
  }
}

/** The block that is written, and how much of it is. */
let start: usize = 0;
let length: u32 = 0;
let room: u32 = 0;

/**
 * Makes the block of the token that was parsed last ({@link jws}, {@link registered}), whose nodes it uses up, in the arena. `outputs` are the paths of
 * the claims that the rule writes into headers, `words` the claims whose text is a list of words.
 */
export function keepToken(
  text: Bytes,
  rule: u32,
  version: u32,
  outputs: StaticArray<StaticArray<Bytes>>,
  words: StaticArray<Bytes>,
  paths: ClaimPaths,
): usize {
  const claims = jws.claims;
  room = HEAD + 2 * lengthOf(text);
  start = arenaAllocate(room);
  memory.fill(start, 0, HEAD);
  length = HEAD;
  put(TOKEN, text);
  put(ISSUER, registered.issuer);
  put(SUBJECT, registered.subject);
  store<u32>(
    start,
    load<u32>(start, TOKEN) + <u32>(pointerOf(jws.encodedPayload) - pointerOf(text)),
    PAYLOAD,
  );
  store<u32>(start, lengthOf(jws.encodedPayload), PAYLOAD + 4);
  const headers = table(<u32>outputs.length * PART);
  store<u32>(start, headers, OUTPUTS);
  // Headers have texts as they are, the claims that rules compare have their words: as in Envoy.
  for (let at = 0; at < outputs.length; at++) {
    put(headers + <u32>at * PART, claimHeader(claims, unchecked(outputs[at])));
  }
  splitWords(claims, words);
  const values = table(<u32>paths.size * CLAIM);
  store<u32>(start, values, CLAIMS);
  for (let at = 0; at < paths.size; at++)
    putClaim(values + <u32>at * CLAIM, claimAt(claims, paths.pathOf(at)));
  put(STRUCT, jsonToStruct(claims));
  store<u32>(start, length, SIZE);
  store<u32>(start, rule, RULE);
  store<u32>(start, version, VERSION);
  store<u64>(start, registered.expiry, EXPIRY);
  store<u64>(start, registered.notBefore, NOT_BEFORE);
  return start;
}

function putClaim(at: u32, claim: JsonNode | null): void {
  let kind = ClaimKind.Other;
  if (claim == null) kind = ClaimKind.Absent;
  else if (claim.kind == JsonKind.String) {
    kind = ClaimKind.Text;
    put(at + 4, claim.text);
  } else if (claim.kind == JsonKind.Array) {
    kind = ClaimKind.List;
    const list = table(claim.count * PART);
    store<u32>(start + at, list, 4);
    store<u32>(start + at, claim.count, 8);
    let item = claim.first;
    for (let part = list; item != null; part += PART) {
      if (item.kind == JsonKind.String) put(part, item.text);
      item = item.next;
    }
  }
  store<u32>(start + at, kind);
}

/** Appends the bytes, and notes them as the part at `part`. */
function put(part: usize, bytes: Bytes): void {
  if (bytes == ABSENT) return;
  const at = table(lengthOf(bytes));
  copyTo(start + at, bytes);
  store<u32>(start + part, at);
  store<u32>(start + part, lengthOf(bytes), 4);
}

/** Room for so many bytes, which are 0: where they begin, at a multiple of 4. */
function table(size: u32): u32 {
  const at = (length + 3) & ~3;
  length = at + size;
  if (length > room) {
    room = max(room * 2, length);
    const larger = arenaAllocate(room);
    memory.copy(larger, start, at);
    start = larger;
  }
  memory.fill(start + at, 0, size);
  return at;
}

import {
  ABSENT,
  byteAt,
  byteString,
  Bytes,
  indexOfByte,
  lengthOf,
  literal,
  slice,
  startsWith,
} from "../../../assembly/bytes/bytes";
import { concatenate } from "../../../assembly/bytes/arena";
import { ConfigReader } from "../../../assembly/json/config-reader";
import { JsonNode } from "../../../assembly/json/node";
import { isWord, positionAmong } from "../../../assembly/json/words";
import { emptyList } from "../../../assembly/list";
import { ClaimClause, ClaimOperand, Operand, SameClause } from "./claims-clause";
import { AddressClause, Clause, Cost, HeaderClause, TextClause, Truth } from "./clause";
import { MetadataClause } from "./metadata-clause";
import { AttributeOperand, PeerOperand, PeerPart, RequestPrincipalOperand } from "./operands";
import { Wildcard } from "./patterns";
import { portClause } from "./read-operation";
import { accountClause, namespaceClause, principalClause, trustDomainClause } from "./read-peers";
import { directClause, readBlocks, remoteClause, requestPrincipalClause } from "./read-source";
import { patternsOf, readTexts } from "./read-texts";
import { AUTHORITY, Vocabulary } from "./vocabulary";

/** Keys of `when` without a name in brackets. */
const KEYS =
  "source.principal source.namespace source.serviceAccount source.trustDomain request.auth.principal request.auth.audiences request.auth.presenter " +
  "source.ip remote.ip destination.ip destination.port connection.sni";
/** Those that a CUSTOM policy must not have; and `request.auth.claims`. */
const CUSTOM_KEYS = 7;
/** `request.auth.principal`, which begins those with several values. */
const PRINCIPAL = 4;
const CONDITION_FIELDS = "key values notValues valuesFrom notValuesFrom match";
const EXPECTED =
  "source.ip, source.namespace, source.serviceAccount, source.principal, source.trustDomain, remote.ip, request.headers[..], request.auth.principal, " +
  "request.auth.audiences, request.auth.presenter, request.auth.claims[..], destination.ip, destination.port, connection.sni or " +
  "experimental.envoy.filters.<name>[..]";

/** Reads an entry of `when`, and adds what it demands. */
export function readCondition(
  vocabulary: Vocabulary,
  node: JsonNode,
  namespace: Bytes,
  isCustom: bool,
  place: string,
  clauses: Clause[],
): void {
  const reader = vocabulary.reader;
  if (!reader.object(node, CONDITION_FIELDS)) return;
  const keyNode = reader.required(node, "key", "a key, like request.headers[x-user]");
  if (keyNode == null) return;
  const key = reader.text(keyNode);
  if (key == ABSENT) return;
  const all = reader.choice(node, "match", "any all", 0) == 1;
  const fixed = positionAmong(key, KEYS);
  if (all && !isList(key, fixed)) {
    reader.problem(
      node,
      "match: all with a key that has no list; expected it with request.auth.claims[..], request.auth.principal, " +
        "request.auth.audiences, request.auth.presenter or experimental.envoy.filters.<name>[..]",
    );
  }
  if (isCustom) refuseAuthenticated(reader, keyNode);
  const text = byteString(key);
  let some = false;
  for (let negated = 0; negated < 2; negated++) {
    // One that is forbidden is one too many, however many others there are.
    const ofAll = all && negated == 0;
    const texts = readTexts(reader, node, negated == 1 ? "notValues" : "values");
    const name = place + " " + text + (negated == 1 ? " notValues" : "");
    if (texts != null) {
      some = true;
      const clause = clauseOf(vocabulary, keyNode, key, fixed, texts, namespace, negated == 1, name, ofAll);
      if (clause != null) clauses.push(clause);
    }
    const froms = readTexts(reader, node, negated == 1 ? "notValuesFrom" : "valuesFrom");
    if (froms != null) {
      some = true;
      const left = operandOf(vocabulary, keyNode, key);
      const rights = emptyList<Operand>();
      for (let at = 0; at < froms.length; at++) {
        if (isCustom) refuseAuthenticated(reader, froms[at]);
        const right = operandOf(vocabulary, froms[at], reader.keeper.keep(froms[at].text));
        if (right != null) rights.push(right);
      }
      if (left != null && rights.length == froms.length) {
        const others = StaticArray.fromArray(rights);
        clauses.push(new SameClause(negated == 1, Cost.Property, name + "From", left, others, ofAll));
      }
    }
  }
  if (!some) {
    reader.problem(
      node,
      "has no values; expected at least one of values, notValues, valuesFrom or notValuesFrom",
    );
  }
}

/** Whether the key may have several values, for `match: all`. A header's are compared one by one, or joined. */
function isList(key: Bytes, fixed: i32): bool {
  return (
    (fixed >= PRINCIPAL && fixed < CUSTOM_KEYS) || startsWith(key, CLAIMS) || startsWith(key, EXPERIMENTAL)
  );
}

/** Tells of a key that says something only when it is known who calls. */
function refuseAuthenticated(reader: ConfigReader, node: JsonNode): void {
  const fixed = positionAmong(node.text, KEYS);
  if ((fixed >= 0 && fixed < CUSTOM_KEYS) || startsWith(node.text, CLAIMS))
    reader.problem(node, "not with action CUSTOM, which is asked before anybody is authenticated");
}

/** What a key with values demands; null where it is wrong. */
function clauseOf(
  vocabulary: Vocabulary,
  node: JsonNode,
  key: Bytes,
  fixed: i32,
  texts: JsonNode[],
  namespace: Bytes,
  negated: bool,
  name: string,
  all: bool,
): Clause | null {
  const reader = vocabulary.reader;
  switch (fixed) {
    case 0:
      return principalClause(vocabulary, texts, negated, name);
    case 1:
      return namespaceClause(vocabulary, texts, negated, name);
    case 2:
      return accountClause(vocabulary, texts, namespace, negated, name);
    case 3:
      return trustDomainClause(vocabulary, texts, negated, name, true);
    case 4:
      return requestPrincipalClause(vocabulary, texts, negated, name, all);
    case 5:
      return claimClause(vocabulary, [reader.keeper.keepText("aud")], texts, negated, name, all);
    case 6:
      return claimClause(vocabulary, [reader.keeper.keepText("azp")], texts, negated, name, all);
    case 7:
      return directClause(vocabulary, texts, negated, name);
    case 8:
      return remoteClause(vocabulary, texts, negated, name);
    case 9: {
      const blocks = readBlocks(vocabulary, texts);
      return new AddressClause(negated, name, vocabulary.destinationAddress, blocks, Truth.No);
    }
    case 10:
      return portClause(vocabulary, texts, negated, name);
    case 11: {
      const names = patternsOf(reader, texts, Wildcard.NotEmpty);
      return new TextClause(negated, Cost.Property, name, vocabulary.serverName, names, false);
    }
  }
  if (startsWith(key, HEADERS)) {
    const header = headerIn(reader, key);
    if (header == ABSENT) return wrongKey(reader, node);
    const values = patternsOf(reader, texts, Wildcard.Present);
    return new HeaderClause(negated, name, vocabulary.header(header), values);
  }
  if (startsWith(key, CLAIMS)) {
    const path = claimIn(key);
    if (path == null) return wrongKey(reader, node);
    return claimClause(vocabulary, path, texts, negated, name, all);
  }
  if (startsWith(key, EXPERIMENTAL)) {
    const clause = MetadataClause.read(vocabulary, key, texts, negated, name, all);
    return clause == null ? wrongKey(reader, node) : clause;
  }
  return wrongKey(reader, node);
}

function wrongKey(reader: ConfigReader, node: JsonNode): Clause | null {
  reader.unexpected(node, EXPECTED);
  return null;
}

function claimClause(
  vocabulary: Vocabulary,
  path: Bytes[],
  texts: JsonNode[],
  negated: bool,
  name: string,
  all: bool,
): Clause {
  const number = vocabulary.claims.add(StaticArray.fromArray(path));
  const values = patternsOf(vocabulary.reader, texts, Wildcard.NotEmpty);
  return new ClaimClause(negated, name, number, values, all);
}

/** What `valuesFrom` compares; null, and told, where it is nothing that has texts. */
function operandOf(vocabulary: Vocabulary, node: JsonNode, key: Bytes): Operand | null {
  const reader = vocabulary.reader;
  if (startsWith(key, HEADERS)) {
    const header = headerIn(reader, key);
    if (header != ABSENT) return new AttributeOperand(vocabulary.header(header));
  } else if (startsWith(key, CLAIMS)) {
    const path = claimIn(key);
    if (path != null) return new ClaimOperand(vocabulary.claims.add(StaticArray.fromArray(path)));
  } else {
    switch (positionAmong(key, COMPARABLE)) {
      case 0:
        return new PeerOperand(vocabulary.caller.peer, PeerPart.Principal);
      case 1:
        return new PeerOperand(vocabulary.caller.peer, PeerPart.Namespace);
      case 2:
        return new PeerOperand(vocabulary.caller.peer, PeerPart.ServiceAccount);
      case 3:
        return new PeerOperand(vocabulary.caller.peer, PeerPart.TrustDomain);
      case 4:
        return new RequestPrincipalOperand();
      case 5:
        return new ClaimOperand(vocabulary.claims.add([reader.keeper.keepText("aud")]));
      case 6:
        return new ClaimOperand(vocabulary.claims.add([reader.keeper.keepText("azp")]));
      case 7:
        return new AttributeOperand(vocabulary.serverName);
    }
  }
  reader.unexpected(
    node,
    "an attribute with a text: request.headers[..], request.auth.claims[..], request.auth.principal, request.auth.audiences, " +
      "request.auth.presenter, source.principal, source.namespace, source.serviceAccount, source.trustDomain or connection.sni",
  );
  return null;
}

/** In the order of {@link KEYS}. */
const COMPARABLE =
  "source.principal source.namespace source.serviceAccount source.trustDomain request.auth.principal request.auth.audiences request.auth.presenter " +
  "connection.sni";

/** The header of `request.headers[<name>]` in lower case; {@link ABSENT} where there is none. Envoy has `host` as `:authority`. */
function headerIn(reader: ConfigReader, key: Bytes): Bytes {
  const name = bracketed(slice(key, lengthOf(HEADERS), lengthOf(key)));
  if (lengthOf(name) == 0) return ABSENT;
  const isPseudo = byteAt(name, 0) == 0x3a;
  const plain = reader.headerNameOf(isPseudo ? slice(name, 1, lengthOf(name)) : name);
  if (plain == ABSENT) return ABSENT;
  if (isPseudo) return reader.keeper.keep(concatenate(COLON, plain, ABSENT));
  return isWord(plain, "host") ? AUTHORITY : plain;
}

/** The names of members in `request.auth.claims[a][b]`; null where there are none. One that is not well-formed is one name (istiod's `util.go`). */
function claimIn(key: Bytes): Bytes[] | null {
  const text = slice(key, lengthOf(CLAIMS), lengthOf(key));
  const whole = bracketed(text);
  if (lengthOf(whole) == 0) return null;
  const names = emptyList<Bytes>();
  let at: u32 = 0;
  while (at < lengthOf(text)) {
    const end = byteAt(text, at) == 0x5b ? indexOfByte(text, 0x5d, at) : -1;
    const next = end < 0 ? -1 : indexOfByte(text, 0x5b, at + 1);
    if (end < 0 || (next >= 0 && next < end)) return [whole];
    names.push(slice(text, at + 1, end));
    at = end + 1;
  }
  return names;
}

/** What stands between a bracket in front and one at the end; {@link ABSENT} where they are missing. */
function bracketed(text: Bytes): Bytes {
  const length = lengthOf(text);
  if (length < 2 || byteAt(text, 0) != 0x5b || byteAt(text, length - 1) != 0x5d) return ABSENT;
  return slice(text, 1, length - 1);
}

// @ts-ignore: decorator
@lazy const HEADERS = literal("request.headers");
// @ts-ignore: decorator
@lazy const CLAIMS = literal("request.auth.claims");
// @ts-ignore: decorator
@lazy const EXPERIMENTAL = literal("experimental.envoy.filters.");
// @ts-ignore: decorator
@lazy const COLON = literal(":");

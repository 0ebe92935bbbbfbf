import {
  ABSENT,
  byteAt,
  byteString,
  Bytes,
  lastIndexOfByte,
  lengthOf,
  slice,
} from "../../../assembly/bytes/bytes";
import { Keeper } from "../../../assembly/bytes/keeper";
import { JsonNode } from "../../../assembly/json/node";
import { positionAmong } from "../../../assembly/json/words";
import { emptyList } from "../../../assembly/list";
import { RequestPrincipal, RequestPrincipalClause } from "./claims-clause";
import { AddressBlocks, AddressClause, Clause, Truth } from "./clause";
import { Patterns, Wildcard } from "./patterns";
import { accountClause, namespaceClause, principalClause, trustDomainClause } from "./read-peers";
import { textsOf } from "./read-texts";
import { Vocabulary } from "./vocabulary";

/** Each with its contrary behind it. */
export const SOURCE_FIELDS =
  "principals notPrincipals requestPrincipals notRequestPrincipals namespaces notNamespaces serviceAccounts notServiceAccounts " +
  "trustDomains notTrustDomains ipBlocks notIpBlocks remoteIpBlocks notRemoteIpBlocks";
/** Those that a CUSTOM policy may have: nobody is authenticated when it is asked (istiod's `ValidateAuthorizationPolicy`). */
const CUSTOM_FIELDS = 10;

/** Reads `source: {principals, ..}`. */
export function readSource(
  vocabulary: Vocabulary,
  source: JsonNode,
  namespace: Bytes,
  isCustom: bool,
): StaticArray<Clause> {
  const reader = vocabulary.reader;
  const clauses = emptyList<Clause>();
  if (!reader.object(source, SOURCE_FIELDS)) return new StaticArray<Clause>(0);
  let identities = 0;
  let accounts = 0;
  let next = source.first;
  while (next != null) {
    const list = next;
    next = next.next;
    const field = positionAmong(list.name, SOURCE_FIELDS);
    if (field < 0) continue;
    const texts = textsOf(reader, list);
    if (texts == null) continue;
    const name = byteString(list.name);
    if (isCustom && field < CUSTOM_FIELDS) {
      reader.problem(list, "not with action CUSTOM, which is asked before anybody is authenticated");
    }
    const negated = (field & 1) == 1;
    switch (field >> 1) {
      case 0:
        identities++;
        clauses.push(principalClause(vocabulary, texts, negated, name));
        break;
      case 1:
        clauses.push(requestPrincipalClause(vocabulary, texts, negated, name, false));
        break;
      case 2:
        identities++;
        clauses.push(namespaceClause(vocabulary, texts, negated, name));
        break;
      case 3:
        accounts++;
        clauses.push(accountClause(vocabulary, texts, namespace, negated, name));
        break;
      case 4:
        clauses.push(trustDomainClause(vocabulary, texts, negated, name, false));
        break;
      case 5:
        clauses.push(directClause(vocabulary, texts, negated, name));
        break;
      default:
        clauses.push(remoteClause(vocabulary, texts, negated, name));
    }
  }
  if (identities > 0 && accounts > 0) {
    reader.problem(source, "has both serviceAccounts and principals or namespaces; expected one of them");
  }
  if (clauses.length == 0) reader.problem(source, "empty; expected at least one field with values");
  return StaticArray.fromArray(clauses);
}

/** The connection's peer. Without the companion on the listener nobody knows it, and neither contrary holds. */
export function directClause(vocabulary: Vocabulary, texts: JsonNode[], negated: bool, name: string): Clause {
  return new AddressClause(
    negated,
    name,
    vocabulary.directAddress,
    readBlocks(vocabulary, texts),
    Truth.Unknown,
  );
}

/** The client, as far as X-Forwarded-For is trusted. */
export function remoteClause(vocabulary: Vocabulary, texts: JsonNode[], negated: bool, name: string): Clause {
  return new AddressClause(negated, name, vocabulary.remoteAddress, readBlocks(vocabulary, texts), Truth.No);
}

/** Addresses and blocks of them. */
export function readBlocks(vocabulary: Vocabulary, texts: JsonNode[]): AddressBlocks {
  const blocks = new AddressBlocks();
  for (let at = 0; at < texts.length; at++) {
    if (!blocks.add(texts[at].text)) {
      vocabulary.reader.unexpected(texts[at], "an IP address or a block, like 10.0.0.0/8");
    }
  }
  return blocks;
}

/** `<issuer>/<subject>`, with a star at one end: how it is cut, and what a star means then, is istiod's `requestPrincipalGenerator`. */
export function requestPrincipalClause(
  vocabulary: Vocabulary,
  texts: JsonNode[],
  negated: bool,
  name: string,
  all: bool,
): Clause {
  const principals = new StaticArray<RequestPrincipal>(texts.length);
  for (let at = 0; at < texts.length; at++) principals[at] = requestPrincipal(vocabulary, texts[at].text);
  return new RequestPrincipalClause(negated, name, principals, all);
}

function requestPrincipal(vocabulary: Vocabulary, value: Bytes): RequestPrincipal {
  const keeper = vocabulary.reader.keeper;
  const length = lengthOf(value);
  // Behind the last slash, since the issuer may be a URL.
  const slash = lastIndexOfByte(value, 0x2f);
  const isWhole = slash < 0;
  const issuer = isWhole ? value : slice(value, 0, slash);
  const subject = isWhole ? slice(value, length, length) : slice(value, slash + 1, length);
  if (byteAt(value, 0) == STAR) {
    if (isWhole) return new RequestPrincipal(anything(), suffixed(keeper, value));
    return new RequestPrincipal(suffixed(keeper, issuer), exactly(keeper, subject));
  }
  if (byteAt(value, length - 1) == STAR) {
    if (isWhole) return new RequestPrincipal(prefixed(keeper, value), anything());
    return new RequestPrincipal(exactly(keeper, issuer), prefixed(keeper, subject));
  }
  return new RequestPrincipal(exactly(keeper, issuer), exactly(keeper, subject));
}

function anything(): Patterns {
  const none = emptyList<Bytes>();
  return new Patterns(ABSENT, Wildcard.NotEmpty).fill(none, none, none, true);
}

function exactly(keeper: Keeper, text: Bytes): Patterns {
  const none = emptyList<Bytes>();
  return new Patterns(ABSENT, Wildcard.NotEmpty).fill([keeper.keep(text)], none, none, false);
}

/** `*abc`, or anything for a lone star. */
function suffixed(keeper: Keeper, text: Bytes): Patterns {
  if (lengthOf(text) == 1) return anything();
  const none = emptyList<Bytes>();
  const suffix = keeper.keep(slice(text, 1, lengthOf(text)));
  return new Patterns(ABSENT, Wildcard.NotEmpty).fill(none, none, [suffix], false);
}

/** `abc*`, or anything for a lone star. */
function prefixed(keeper: Keeper, text: Bytes): Patterns {
  if (lengthOf(text) == 1) return anything();
  const none = emptyList<Bytes>();
  const prefix = keeper.keep(slice(text, 0, lengthOf(text) - 1));
  return new Patterns(ABSENT, Wildcard.NotEmpty).fill(none, [prefix], none, false);
}

const STAR: u8 = 0x2a;

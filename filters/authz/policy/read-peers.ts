import { concatenate } from "../../../assembly/bytes/arena";
import {
  ABSENT,
  byteAt,
  Bytes,
  indexOfByte,
  lastIndexOfByte,
  lengthOf,
  literal,
  slice,
} from "../../../assembly/bytes/bytes";
import { JsonNode } from "../../../assembly/json/node";
import { emptyList } from "../../../assembly/list";
import { compileRegex } from "../../../assembly/regex/compile";
import { Regex } from "../../../assembly/regex/regex";
import { Clause } from "./clause";
import { PatternsBuilder, Wildcard } from "./patterns";
import { NamespaceClause, PrincipalClause, ServiceAccountClause, SPIFFE, TrustDomainClause } from "./peer";
import { Vocabulary } from "./vocabulary";

const STAR: u8 = 0x2a;
const SLASH: u8 = 0x2f;
/** As istiod's validation has it. */
const MOST_ACCOUNTS = 16;
const LONGEST_ACCOUNT: u32 = 320;

/** `principals`: those of aliases of the trust domain are among them. */
export function principalClause(
  vocabulary: Vocabulary,
  texts: JsonNode[],
  negated: bool,
  name: string,
): Clause {
  const builder = new PatternsBuilder(vocabulary.reader.keeper, Wildcard.NotEmpty, false, SPIFFE);
  for (let at = 0; at < texts.length; at++) {
    const all = vocabulary.trustDomains.principals(texts[at].text);
    for (let one = 0; one < all.length; one++) builder.add(all[one]);
  }
  return new PrincipalClause(negated, name, vocabulary.caller, builder.finish());
}

/** `namespaces`. */
export function namespaceClause(
  vocabulary: Vocabulary,
  texts: JsonNode[],
  negated: bool,
  name: string,
): Clause {
  const keeper = vocabulary.reader.keeper;
  const runs = new StaticArray<StaticArray<Bytes>>(texts.length);
  for (let at = 0; at < texts.length; at++) {
    const text = keeper.keep(concatenate(NAMESPACE, texts[at].text, END));
    const run = emptyList<Bytes>();
    let start: u32 = 0;
    while (start <= lengthOf(text)) {
      const star = start < lengthOf(text) ? indexOfByte(text, STAR, start) : -1;
      const end: u32 = star < 0 ? lengthOf(text) : star;
      if (end > start) run.push(slice(text, start, end));
      start = end + 1;
    }
    runs[at] = StaticArray.fromArray(run);
  }
  return new NamespaceClause(negated, name, vocabulary.caller, runs);
}

/** `serviceAccounts`: `<name>` of the policy's own namespace, or `<namespace>/<name>`. */
export function accountClause(
  vocabulary: Vocabulary,
  texts: JsonNode[],
  namespace: Bytes,
  negated: bool,
  name: string,
): Clause {
  const reader = vocabulary.reader;
  const namespaces = new StaticArray<Bytes>(texts.length);
  const accounts = new StaticArray<Bytes>(texts.length);
  if (texts.length > MOST_ACCOUNTS) reader.problem(texts[MOST_ACCOUNTS], "more than 16 service accounts");
  for (let at = 0; at < texts.length; at++) {
    const text = texts[at].text;
    const slash = indexOfByte(text, SLASH);
    const isRight =
      indexOfByte(text, STAR) < 0 &&
      lengthOf(text) <= LONGEST_ACCOUNT &&
      slash == lastIndexOfByte(text, SLASH) &&
      slash != 0 &&
      slash != <i32>lengthOf(text) - 1;
    if (!isRight) {
      reader.unexpected(
        texts[at],
        "a service account, like productpage or my-app/productpage, without wildcards",
      );
    } else if (slash < 0 && namespace == ABSENT) {
      reader.problem(texts[at], "a service account without a namespace, in a policy without `namespace`");
    }
    const own = slash < 0 ? namespace : slice(text, 0, slash);
    const account = slice(text, slash + 1, lengthOf(text));
    namespaces[at] = reader.keeper.keep(concatenate(NAMESPACE, own, END));
    accounts[at] = reader.keeper.keep(concatenate(ACCOUNT, account, ABSENT));
  }
  return new ServiceAccountClause(negated, name, vocabulary.caller, namespaces, accounts);
}

/** `trustDomains`, with those that are aliases of one another. */
export function trustDomainClause(
  vocabulary: Vocabulary,
  texts: JsonNode[],
  negated: bool,
  name: string,
  /** Of `when`, whose values istiod does not check for it. */
  mayHaveSlash: bool,
): Clause {
  const reader = vocabulary.reader;
  const prefixes = emptyList<Bytes>();
  const expressions = emptyList<Regex>();
  for (let at = 0; at < texts.length; at++) {
    if (!isTrustDomain(texts[at].text, mayHaveSlash)) {
      reader.unexpected(texts[at], "a trust domain, with at most one * at its start or end");
      continue;
    }
    const all = vocabulary.trustDomains.expand(texts[at].text);
    for (let one = 0; one < all.length; one++) {
      const domain = all[one];
      const star = indexOfByte(domain, STAR);
      if (lengthOf(domain) == 1 && star == 0) prefixes.push(SPIFFE);
      else if (star < 0) prefixes.push(reader.keeper.keep(concatenate(SPIFFE, domain, END)));
      else {
        const regex = compileRegex(expressionOf(domain, star));
        if (regex != null) expressions.push(regex);
        else reader.problem(texts[at], "longer than can be looked for");
      }
    }
  }
  return new TrustDomainClause(
    negated,
    name,
    vocabulary.caller,
    StaticArray.fromArray(prefixes),
    StaticArray.fromArray(expressions),
  );
}

function isTrustDomain(text: Bytes, mayHaveSlash: bool): bool {
  const star = indexOfByte(text, STAR);
  const last = <i32>lengthOf(text) - 1;
  if (star != lastIndexOfByte(text, STAR) || (star > 0 && star < last)) return false;
  return mayHaveSlash || indexOfByte(text, SLASH) < 0;
}

/** `spiffe://<before>[^/]*<after>/.*`, as istiod writes it. */
function expressionOf(domain: Bytes, star: i32): Bytes {
  const before = quoted(slice(domain, 0, star));
  const after = quoted(slice(domain, star + 1, lengthOf(domain)));
  const start = concatenate(SPIFFE, before, ANY_SEGMENT);
  return concatenate(start, after, ANY_PATH);
}

/** With a backslash in front of what means something in an expression (Go's `regexp.QuoteMeta`). */
function quoted(text: Bytes): Bytes {
  let result = slice(text, 0, 0);
  for (let at: u32 = 0; at < lengthOf(text); at++) {
    const byte = byteAt(text, at);
    const isPlain =
      <u32>((byte | 0x20) - 0x61) < 26 || <u32>(byte - 0x30) < 10 || byte == 0x2d || byte == 0x5f;
    const isAscii = byte < 0x80;
    result = concatenate(result, isPlain || !isAscii ? ABSENT : BACKSLASH, slice(text, at, at + 1));
  }
  return result;
}

// @ts-ignore: decorator
@lazy const NAMESPACE = literal("/ns/");
// @ts-ignore: decorator
@lazy const ACCOUNT = literal("/sa/");
// @ts-ignore: decorator
@lazy const END = literal("/");
// @ts-ignore: decorator
@lazy const ANY_SEGMENT = literal("[^/]*");
// @ts-ignore: decorator
@lazy const ANY_PATH = literal("/.*");
// @ts-ignore: decorator
@lazy const BACKSLASH = literal("\\");

import {
  ABSENT,
  byteAt,
  Bytes,
  bytesOf,
  copyTo,
  equals,
  indexOfByte,
  lengthOf,
  literal,
  slice,
} from "../../../assembly/bytes/bytes";
import { ConfigReader } from "../../../assembly/json/config-reader";
import { readDuration } from "../../../assembly/json/duration";
import { JsonKind, JsonNode } from "../../../assembly/json/node";
import { positionAmong } from "../../../assembly/json/words";
import { keySetProblem, parseKeySet } from "../../../assembly/jwt/jwk";
import { emptyList } from "../../../assembly/list";
import { comparedAudience } from "./audience";
import { KeySource, LocalKeys, warnOfSkipped } from "./key-source";
import { RemoteSources } from "./remote-sources";
import { JwtRule } from "./rule";
import { PlaceKind, TokenLocation, TokenPlace } from "./token-place";

/** Istio's bound for a RequestAuthentication. */
const MOST_RULES: u32 = 4096;
/** Places, outputs and the like of a rule. */
const MOST_OF_A_RULE: u32 = 64;
/** A minute, and an hour, in milliseconds. */
const MOST_TIMEOUT: f64 = 60000;
const MOST_SKEW: f64 = 3600000;

const RULE_FIELDS =
  "issuer audiences jwks jwksUri jwks_uri jwksCluster fromHeaders fromParams fromCookies forwardOriginalToken " +
  "outputPayloadToHeader outputClaimToHeaders timeout spaceDelimitedClaims " +
  "clockSkew jwksRefresh jwksMaxStale";
/** Headers that say how a request travels: a claim must not. */
const RESERVED =
  "host connection content-length transfer-encoding te trailer upgrade keep-alive proxy-connection expect cookie";

/** Reads `jwtRules`, the list of Istio's RequestAuthentication, whole, and what we add to it. */
@final
export class JwtRulesReader {
  readonly rules: JwtRule[] = emptyList<JwtRule>();
  /** Where tokens of any rule stand. */
  readonly places: TokenPlace[] = emptyList<TokenPlace>();
  readonly locations: TokenLocation[] = emptyList<TokenLocation>();
  /** Headers that rules write; a client's own are removed. */
  readonly outputs: Bytes[] = emptyList<Bytes>();
  readonly sources: RemoteSources = new RemoteSources();
  /** Where each of {@link outputs} is in the configuration. */
  private readonly outputNodes: JsonNode[] = emptyList<JsonNode>();

  constructor(private readonly reader: ConfigReader) {}

  /** Reads all of them; what is wrong is told. istiod sorts rules by their issuer, and so does this: the first that takes a token has it. */
  read(list: JsonNode): void {
    if (list.kind != JsonKind.Array || list.count > MOST_RULES) {
      this.reader.unexpected(list, "a list of up to 4096 rules");
      return;
    }
    let node = list.first;
    while (node != null) {
      if (this.reader.object(node, RULE_FIELDS)) this.insert(this.readRule(node));
      node = node.next;
    }
    this.checkOutputs();
  }

  /** Behind those whose issuer is not greater. */
  private insert(rule: JwtRule): void {
    const rules = this.rules;
    rules.push(rule);
    for (let at = rules.length - 1; at > 0 && isLess(rule.issuer, rules[at - 1].issuer); at--) {
      rules[at] = rules[at - 1];
      rules[at - 1] = rule;
    }
  }

  private readRule(node: JsonNode): JwtRule {
    const reader = this.reader;
    const rule = new JwtRule();
    const issuer = reader.member(node, "issuer");
    if (issuer != null) rule.issuer = this.filled(issuer, "an issuer");
    rule.audiences = this.texts(node, "audiences", "an audience");
    for (let at = 0; at < rule.audiences.length; at++)
      rule.audiences[at] = comparedAudience(rule.audiences[at]);
    rule.forward = reader.boolean(node, "forwardOriginalToken", false);
    const skew = reader.member(node, "clockSkew");
    if (skew != null)
      rule.clockSkew = <u64>(readDuration(reader, skew, 0, MOST_SKEW, '"60s", up to "1h"') / 1000);
    rule.words = this.wordsOf(node);
    rule.locations = this.readLocations(node);
    this.readOutputs(node, rule);
    const keys = this.readKeys(node, issuer != null);
    if (keys != null) rule.keys = keys;
    rule.timeout = this.sources.timeout;
    return rule;
  }

  /** Null where they are wrong. */
  private readKeys(node: JsonNode, hasIssuer: bool): KeySource | null {
    const reader = this.reader;
    const inline = reader.member(node, "jwks");
    const uri = reader.member(node, "jwksUri");
    const oldUri = reader.member(node, "jwks_uri");
    let given = inline != null ? 1 : 0;
    if (uri != null) given++;
    if (oldUri != null) given++;
    if (given > 1) {
      reader.problem(node, "only one of jwks and jwksUri may be given");
      return null;
    }
    const from = uri != null ? uri : oldUri;
    if (from != null) return this.sources.read(reader, node, from);
    if (inline == null) {
      reader.missing(
        node,
        "jwksUri",
        "the URL of the issuer's keys (or `jwks`): they are not discovered by its name",
      );
      return null;
    }
    if (!hasIssuer) reader.missing(node, "issuer", "the issuer of the tokens");
    this.checkUnused(node);
    if (inline.kind != JsonKind.String) {
      reader.unexpected(inline, "the text of a JSON Web Key Set");
      return null;
    }
    const keys = parseKeySet(inline.text);
    if (keys != null) {
      warnOfSkipped(keys);
      return new LocalKeys(keys);
    }
    reader.problem(inline, keySetProblem);
    return null;
  }

  /** What is about fetching, in a rule whose keys are there: Istio takes `timeout` in any rule. */
  private checkUnused(node: JsonNode): void {
    const reader = this.reader;
    const timeout = reader.member(node, "timeout");
    if (timeout != null) readDuration(reader, timeout, 1, MOST_TIMEOUT, '"5s", from "1ms" to "60s"');
    const fields = ["jwksCluster", "jwksRefresh", "jwksMaxStale"];
    for (let at = 0; at < fields.length; at++) {
      const unused = reader.member(node, fields[at]);
      if (unused != null) reader.problem(unused, "only with jwksUri");
    }
  }

  /** From where else than usual, sorted as Envoy looks at them: from the last to the first, cookies first and headers last. */
  private readLocations(node: JsonNode): StaticArray<TokenLocation> {
    const found = emptyList<TokenLocation>();
    const headers = this.reader.list(node, "fromHeaders");
    if (headers != null) this.readHeaders(headers, found);
    this.addNamed(
      this.texts(node, "fromParams", "the name of a query parameter"),
      PlaceKind.QueryParam,
      found,
    );
    this.addNamed(this.texts(node, "fromCookies", "the name of a cookie"), PlaceKind.Cookie, found);
    if (found.length == 0) {
      this.add(found, this.place(PlaceKind.Header, AUTHORIZATION), BEARER);
      this.add(found, this.place(PlaceKind.QueryParam, ACCESS_TOKEN), EMPTY);
    }
    return StaticArray.fromArray(found);
  }

  private readHeaders(list: JsonNode, found: TokenLocation[]): void {
    const reader = this.reader;
    if (list.count > MOST_OF_A_RULE) reader.unexpected(list, "up to 64 headers");
    let node = list.first;
    while (node != null) {
      if (reader.object(node, "name prefix")) {
        const name = reader.required(node, "name", "the name of a header");
        const prefix = reader.member(node, "prefix");
        const start = prefix == null ? EMPTY : reader.text(prefix);
        const header = name == null ? ABSENT : reader.headerName(name);
        if (header != ABSENT) this.add(found, this.place(PlaceKind.Header, header), start);
      }
      node = node.next;
    }
  }

  private addNamed(names: StaticArray<Bytes>, kind: PlaceKind, found: TokenLocation[]): void {
    for (let at = 0; at < names.length; at++) this.add(found, this.place(kind, names[at]), EMPTY);
  }

  /** Once each, sorted. */
  private add(found: TokenLocation[], place: TokenPlace, prefix: Bytes): void {
    const location = this.location(place, prefix);
    if (found.includes(location)) return;
    found.push(location);
    for (let at = found.length - 1; at > 0 && comesBefore(location, found[at - 1]); at--) {
      found[at] = found[at - 1];
      found[at - 1] = location;
    }
  }

  private location(place: TokenPlace, prefix: Bytes): TokenLocation {
    const locations = this.locations;
    for (let at = 0; at < locations.length; at++) {
      if (locations[at].place == place && equals(locations[at].prefix, prefix)) return locations[at];
    }
    const location = new TokenLocation(place, prefix);
    locations.push(location);
    return location;
  }

  private place(kind: PlaceKind, name: Bytes): TokenPlace {
    const places = this.places;
    for (let at = 0; at < places.length; at++) {
      if (places[at].kind == kind && equals(places[at].name, name)) return places[at];
    }
    const place = new TokenPlace(kind, name);
    places.push(place);
    return place;
  }

  private readOutputs(node: JsonNode, rule: JwtRule): void {
    const reader = this.reader;
    const payload = reader.member(node, "outputPayloadToHeader");
    if (payload != null) rule.payloadHeader = this.outputName(payload);
    const list = reader.list(node, "outputClaimToHeaders");
    if (list == null) return;
    if (list.count > MOST_OF_A_RULE) reader.unexpected(list, "up to 64 claims");
    const headers = emptyList<Bytes>();
    const paths = emptyList<StaticArray<Bytes>>();
    let item = list.first;
    while (item != null) {
      if (reader.object(item, "header claim")) {
        const header = reader.required(item, "header", "the name of a header");
        const claim = reader.required(item, "claim", "the name of a claim");
        if (header != null) headers.push(this.outputName(header));
        if (claim != null) paths.push(namesIn(this.filled(claim, "the name of a claim")));
      }
      item = item.next;
    }
    if (reader.failed) return;
    rule.claimHeaders = StaticArray.fromArray(headers);
    rule.claimHeaderPaths = StaticArray.fromArray(paths);
  }

  private outputName(node: JsonNode): Bytes {
    const name = this.reader.headerName(node);
    if (name == ABSENT) return ABSENT;
    if (positionAmong(name, RESERVED) >= 0) {
      this.reader.problem(
        node,
        "a header that has another meaning; expected one for the claim alone, like x-jwt-sub",
      );
    }
    this.outputs.push(name);
    this.outputNodes.push(node);
    return name;
  }

  /** A client's own values of output headers are removed, and with them would go the tokens. */
  private checkOutputs(): void {
    for (let at = 0; at < this.outputs.length; at++) {
      for (let other = 0; other < this.places.length; other++) {
        const place = this.places[other];
        if (place.kind != PlaceKind.Header || !equals(place.name, this.outputs[at])) continue;
        this.reader.problem(this.outputNodes[at], "a header that tokens are taken from");
      }
    }
  }

  private wordsOf(node: JsonNode): StaticArray<Bytes> {
    const more = this.texts(node, "spaceDelimitedClaims", "the name of a claim");
    const words = new StaticArray<Bytes>(more.length + 2);
    for (let at = 0; at < more.length; at++) words[at] = more[at];
    words[more.length] = SCOPE;
    words[more.length + 1] = PERMISSION;
    return words;
  }

  /** The texts of a list that may be left out, none of them empty. */
  private texts(object: JsonNode, name: string, expected: string): StaticArray<Bytes> {
    const list = this.reader.list(object, name);
    if (list == null) return new StaticArray<Bytes>(0);
    if (list.count > MOST_OF_A_RULE) this.reader.unexpected(list, "up to 64 of them");
    const texts = new StaticArray<Bytes>(<i32>list.count);
    let item = list.first;
    for (let at = 0; item != null; at++) {
      texts[at] = this.filled(item, expected);
      item = item.next;
    }
    return texts;
  }

  /** A text that is not empty. */
  private filled(node: JsonNode, expected: string): Bytes {
    if (node.kind == JsonKind.String && lengthOf(node.text) > 0) return this.reader.keeper.keep(node.text);
    this.reader.unexpected(node, expected);
    return EMPTY;
  }
}

/** The names of members that a claim's name is made of: dots lead further down (Envoy `StructUtils::GetValue`). */
function namesIn(claim: Bytes): StaticArray<Bytes> {
  const names = emptyList<Bytes>();
  const length = lengthOf(claim);
  for (let start: u32 = 0; start <= length;) {
    const dot = indexOfByte(claim, 0x2e, start);
    const end: u32 = dot < 0 ? length : dot;
    names.push(slice(claim, start, end));
    start = end + 1;
  }
  return StaticArray.fromArray(names);
}

/**
 * Envoy finds the tokens of headers, parameters and cookies in this order, and in each the names in that of their bytes (a header's with its
 * prefix behind), and then begins at the end (`ExtractorImpl::extract`, `AuthenticatorImpl::startVerify`).
 */
function comesBefore(left: TokenLocation, right: TokenLocation): bool {
  const a = left.place;
  const b = right.place;
  if (a.kind != b.kind) return a.kind > b.kind;
  return isLess(joined(b.name, right.prefix), joined(a.name, left.prefix));
}

function joined(name: Bytes, prefix: Bytes): Bytes {
  const target = changetype<usize>(new StaticArray<u8>(<i32>(lengthOf(name) + lengthOf(prefix))));
  const length = copyTo(target, name);
  return bytesOf(target, length + copyTo(target + length, prefix));
}

/** By their bytes; what another begins with comes first. */
function isLess(left: Bytes, right: Bytes): bool {
  const length = min(lengthOf(left), lengthOf(right));
  for (let at: u32 = 0; at < length; at++) {
    if (byteAt(left, at) != byteAt(right, at)) return byteAt(left, at) < byteAt(right, at);
  }
  return lengthOf(left) < lengthOf(right);
}

// @ts-ignore: decorator
@lazy const AUTHORIZATION = literal("authorization");
// @ts-ignore: decorator
@lazy const BEARER = literal("Bearer ");
// @ts-ignore: decorator
@lazy const ACCESS_TOKEN = literal("access_token");
// @ts-ignore: decorator
@lazy const SCOPE = literal("scope");
// @ts-ignore: decorator
@lazy const PERMISSION = literal("permission");
// @ts-ignore: decorator
@lazy const EMPTY = literal("");

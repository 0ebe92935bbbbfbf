import { Annotate, readAnnotate } from "../../assembly/annotate";
import { ByteMap } from "../../assembly/bytes/byte-map";
import { ABSENT, byteAt, byteString, Bytes, lengthOf } from "../../assembly/bytes/bytes";
import { ConfigReader, isWord } from "../../assembly/json/config-reader";
import { JsonKind, JsonNode } from "../../assembly/json/node";
import { readRequestMatch, RequestMatcher } from "../../assembly/match/request-match";
import { RuleIndex } from "../../assembly/match/rule-index";
import { Mode, readMode } from "../../assembly/mode";
import { Outcome } from "./outcome";

/** The configuration of `dark-launch`; `schema.json` describes its JSON form. */
@final
export class DarkLaunchConfig {
  /** The routing header, in lower case. */
  header: Bytes = ABSENT;
  trustInbound: bool = false;
  mode: Mode = Mode.Enforce;
  annotate: Annotate = Annotate.Decisions;
  /** What every request gets; null while the launch is on. */
  disabled: Outcome | null = null;
  /** The rules in force, in their order, and the index of their matches. */
  rules: StaticArray<Outcome> = new StaticArray<Outcome>(0);
  index: RuleIndex = new RuleIndex([]);
  /** The rules on trial, in their order. */
  trials: StaticArray<Trial> = new StaticArray<Trial>(0);
  /** What a request gets that no rule matches. */
  fallback!: Outcome;
  /** For a trusted variant that came in: from the variant to its position in {@link inbound}. */
  variants: ByteMap = new ByteMap();
  inbound: Outcome[] = [];

  /** Reads all of it; what is wrong goes to the reader, and the configuration is then not to be used. */
  read(config: JsonNode, reader: ConfigReader): void {
    if (!reader.object(config, FIELDS)) return;
    this.header = readHeader(config, reader);
    this.trustInbound = reader.boolean(config, "trustInbound", false);
    this.mode = readMode(reader, config);
    this.annotate = readAnnotate(reader, config);
    const node = reader.member(config, "default");
    const variant = node == null ? ABSENT : readVariant(node, reader);
    this.fallback = new Outcome(reader.keeper, variant == ABSENT ? "none" : "default", variant, this.mode);
    if (reader.boolean(config, "disabled", false)) {
      this.disabled = new Outcome(reader.keeper, "disabled", variant, this.mode);
    }
    this.addInbound(variant, reader);
    this.readRules(config, reader);
    if (!reader.failed) this.defineMetrics();
  }

  private defineMetrics(): void {
    const disabled = this.disabled;
    if (disabled != null) disabled.define();
    this.fallback.define();
    for (let at = 0; at < this.rules.length; at++) this.rules[at].define();
    for (let at = 0; at < this.trials.length; at++) this.trials[at].outcome.define();
    for (let at = 0; at < this.inbound.length; at++) this.inbound[at].define();
  }

  private readRules(config: JsonNode, reader: ConfigReader): void {
    const list = reader.list(config, "rules");
    if (list == null) return;
    const outcomes: Outcome[] = [];
    const matches: RequestMatcher[] = [];
    const trials: Trial[] = [];
    const names = new ByteMap(list.count);
    let item = list.first;
    while (item != null) {
      if (reader.object(item, RULE_FIELDS)) {
        const mode = readMode(reader, item);
        const outcome = this.readOutcome(item, mode, names, reader);
        const node = reader.member(item, "match");
        const match = node == null ? new RequestMatcher() : readRequestMatch(reader, node);
        if (outcome != null && mode == Mode.Enforce) {
          outcomes.push(outcome);
          matches.push(match);
        } else if (outcome != null) trials.push(new Trial(outcomes.length, match, outcome));
      }
      item = item.next;
    }
    if (reader.failed) return;
    this.rules = StaticArray.fromArray(outcomes);
    this.index = new RuleIndex(matches);
    this.trials = StaticArray.fromArray(trials);
  }

  private readOutcome(node: JsonNode, mode: Mode, names: ByteMap, reader: ConfigReader): Outcome | null {
    const nameNode = reader.member(node, "name");
    const variantNode = reader.member(node, "variant");
    if (nameNode == null) reader.missing(node, "name", "a name");
    if (variantNode == null) reader.missing(node, "variant", "a variant");
    const name = nameNode == null ? ABSENT : readName(nameNode, names, reader);
    const variant = variantNode == null ? ABSENT : readVariant(variantNode, reader);
    if (name == ABSENT || variant == ABSENT) return null;
    this.addInbound(variant, reader);
    const shadowed = mode == Mode.Shadow || this.mode == Mode.Shadow;
    return new Outcome(reader.keeper, byteString(name), variant, shadowed ? Mode.Shadow : Mode.Enforce);
  }

  private addInbound(variant: Bytes, reader: ConfigReader): void {
    if (!this.trustInbound || variant == ABSENT || this.variants.has(variant)) return;
    this.variants.set(variant, this.inbound.length);
    this.inbound.push(new Outcome(reader.keeper, "inbound", variant, Mode.Enforce));
  }
}

/** A rule in shadow mode. */
@final
export class Trial {
  constructor(
    /** How many rules in force come before it. */
    readonly position: i32,
    readonly match: RequestMatcher,
    readonly outcome: Outcome,
  ) {}
}

const FIELDS = ["header", "trustInbound", "default", "disabled", "mode", "annotate", "rules"];
const RULE_FIELDS = ["name", "variant", "mode", "match"];

/** Reasons of the filter's own: a rule of this name could not be told from them. */
const OWN_NAMES = ["default", "none", "disabled", "inbound"];

/** Headers that belong to the proxy, or without which a request is not what it was; one that ends in `-` is a prefix. */
const RESERVED =
  "host connection content-length transfer-encoding upgrade te trailer expect keep-alive proxy-connection " +
  "http2-settings cookie authorization x-request-id x-envoy- x-forwarded- ";

function isReserved(name: Bytes): bool {
  let word = 0;
  for (let at = 0; at < RESERVED.length; at++) {
    if (RESERVED.charCodeAt(at) != 0x20) continue;
    const isPrefix = RESERVED.charCodeAt(at - 1) == 0x2d;
    const length = at - word;
    let same = isPrefix ? <i32>lengthOf(name) >= length : <i32>lengthOf(name) == length;
    for (let i = 0; same && i < length; i++) same = byteAt(name, i) == <u8>RESERVED.charCodeAt(word + i);
    if (same) return true;
    word = at + 1;
  }
  return false;
}

function readName(node: JsonNode, names: ByteMap, reader: ConfigReader): Bytes {
  const name = reader.name(node);
  if (name == ABSENT) return name;
  for (let at = 0; at < OWN_NAMES.length; at++) {
    if (isWord(name, OWN_NAMES[at]))
      reader.problem(node, "a reason of the filter's own; expected another name");
  }
  if (names.has(name)) reader.problem(node, "another rule has this name");
  names.set(name, 0);
  return name;
}

function readHeader(config: JsonNode, reader: ConfigReader): Bytes {
  const node = reader.member(config, "header");
  if (node == null) return reader.keeper.keepText("x-variant");
  const name = reader.headerName(node);
  if (isReserved(name)) {
    reader.problem(node, "not the filter's to write; expected another");
  }
  return name;
}

/** Reads a variant: what may stand in a header, a cookie and a metric's label alike (`cookie-octet` of RFC 6265 §4.1.1). */
function readVariant(node: JsonNode, reader: ConfigReader): Bytes {
  if (node.kind == JsonKind.String && isVariant(node.text)) return reader.keeper.keep(node.text);
  reader.unexpected(node, "a variant of 1 to 63 visible ASCII characters but , ; quote and backslash");
  return ABSENT;
}

function isVariant(text: Bytes): bool {
  const length = lengthOf(text);
  if (length == 0 || length > 63) return false;
  for (let at: u32 = 0; at < length; at++) {
    const byte = byteAt(text, at);
    if (byte <= 0x20 || byte >= 0x7f) return false;
    if (byte == 0x22 || byte == 0x2c || byte == 0x3b || byte == 0x5c) return false;
  }
  return true;
}

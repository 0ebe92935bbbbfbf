import { Annotate, readAnnotate } from "../../assembly/annotate";
import { ByteMap } from "../../assembly/bytes/byte-map";
import { ABSENT, byteAt, byteString, Bytes, lengthOf, slice } from "../../assembly/bytes/bytes";
import { ConfigReader } from "../../assembly/json/config-reader";
import { positionAmong } from "../../assembly/json/words";
import { JsonKind, JsonNode } from "../../assembly/json/node";
import { parseTimestamp } from "../../assembly/json/timestamp";
import { Key, readRequiredKey } from "../../assembly/key";
import { readSalt } from "../../assembly/match/percentage";
import { readRequestMatch, RequestMatcher } from "../../assembly/match/request-match";
import { RuleIndex } from "../../assembly/match/rule-index";
import { Mode, readMode } from "../../assembly/mode";
import { Outcome } from "./outcome";
import { HasKey, Rule } from "./rule";
import { Sticky } from "./sticky";
import { isVariant } from "./text";
import { emptyList } from "../../assembly/list";

/** The configuration of `dark-launch`; `schema.json` describes its JSON form. */
@final
export class DarkLaunchConfig {
  /** The routing header, in lower case. */
  header: Bytes = ABSENT;
  trustInbound: bool = false;
  mode: Mode = Mode.Enforce;
  annotate: Annotate = Annotate.Decisions;
  /** The baggage member that carries the variant too, or {@link ABSENT}. */
  baggage: Bytes = ABSENT;
  exposeResponse: bool = false;
  sticky: Sticky | null = null;
  /** What every request gets; null while the launch is on. */
  disabled: Outcome | null = null;
  /** When the launch ends, in milliseconds since 1970; infinity for never. */
  expires: f64 = Infinity;
  /** What every request gets from then on; null without an end. */
  expired: Outcome | null = null;
  /** The rules in force, in their order, and the index of their matches. */
  rules: StaticArray<Rule> = new StaticArray<Rule>(0);
  index: RuleIndex = new RuleIndex(emptyList<RequestMatcher>());
  /** The rules on trial, in their order. */
  trials: StaticArray<Trial> = new StaticArray<Trial>(0);
  /** What a request gets that no rule matches. (With `!`, each use would be checked.) */
  fallback: Outcome = changetype<Outcome>(0);
  /** For a trusted variant that came in: from the variant to its position in {@link inbound}. */
  variants: ByteMap = new ByteMap();
  inbound: Outcome[] = emptyList<Outcome>();
  /** All outcomes, by their number. */
  readonly outcomes: Outcome[] = emptyList<Outcome>();

  /** Reads all of it; what is wrong goes to the reader, and the configuration is then not to be used. */
  read(config: JsonNode, reader: ConfigReader): void {
    if (!reader.object(config, FIELDS)) return;
    this.header = readHeader(config, reader);
    this.trustInbound = reader.boolean(config, "trustInbound", false);
    this.mode = readMode(reader, config);
    this.annotate = readAnnotate(reader, config);
    this.exposeResponse = reader.boolean(config, "exposeResponse", false);
    this.baggage = readBaggage(config, reader);
    const sticky = reader.member(config, "sticky");
    if (sticky != null) this.sticky = Sticky.read(reader, sticky);
    const node = reader.member(config, "default");
    const variant = node == null ? ABSENT : readVariant(node, reader);
    this.fallback = this.outcome(reader, variant == ABSENT ? "none" : "default", variant, this.mode);
    if (reader.boolean(config, "disabled", false)) {
      this.disabled = this.outcome(reader, "disabled", variant, this.mode);
    }
    this.expires = readExpires(config, reader);
    if (this.expires != Infinity) this.expired = this.outcome(reader, "expired", variant, this.mode);
    this.addInbound(variant, reader);
    this.readRules(config, reader);
    if (reader.failed) return;
    for (let at = 0; at < this.outcomes.length; at++) this.outcomes[at].define();
  }

  private outcome(reader: ConfigReader, name: string, variant: Bytes, mode: Mode): Outcome {
    const outcome = new Outcome(reader.keeper, name, variant, mode);
    outcome.number = this.outcomes.length;
    this.outcomes.push(outcome);
    return outcome;
  }

  private readRules(config: JsonNode, reader: ConfigReader): void {
    const list = reader.list(config, "rules");
    if (list == null) return;
    if (list.count > MAX_RULES) {
      reader.problem(list, "more than 20000 rules");
      return;
    }
    const rules = emptyList<Rule>();
    const matches = emptyList<RequestMatcher>();
    const trials = emptyList<Trial>();
    const names = new ByteMap(list.count);
    let item = list.first;
    while (item != null) {
      if (reader.object(item, RULE_FIELDS)) {
        const mode = readMode(reader, item);
        const rule = this.readRule(item, mode, names, reader);
        let match = readRequestMatch(reader, reader.member(item, "match"));
        if (rule != null) {
          const key = rule.key;
          if (key != null) match = match.and(new HasKey(key));
          if (mode == Mode.Enforce) {
            rules.push(rule);
            matches.push(match);
          } else trials.push(new Trial(rules.length, match, rule));
        }
      }
      item = item.next;
    }
    if (reader.failed) return;
    this.rules = StaticArray.fromArray(rules);
    this.index = new RuleIndex(matches);
    this.trials = StaticArray.fromArray(trials);
  }

  private readRule(node: JsonNode, mode: Mode, names: ByteMap, reader: ConfigReader): Rule | null {
    const nameNode = reader.required(node, "name", "a name");
    const name = nameNode == null ? ABSENT : readName(nameNode, names, reader);
    const text = name == ABSENT ? "" : byteString(name);
    const told = mode == Mode.Shadow || this.mode == Mode.Shadow ? Mode.Shadow : Mode.Enforce;
    const variantNode = reader.member(node, "variant");
    const variantsNode = reader.member(node, "variants");
    const byNode = reader.member(node, "by");
    if (variantNode != null && variantsNode != null) {
      reader.problem(node, "has both variant and variants; expected one of them");
      return null;
    }
    if (variantsNode != null) {
      const key = readRequiredKey(reader, node);
      const salt = readSalt(reader, node);
      return this.readVariants(variantsNode, text, told, key, salt, reader);
    }
    const salt = reader.member(node, "salt");
    if (byNode != null) reader.problem(byNode, "chooses among `variants`: there are none");
    if (salt != null) reader.problem(salt, "chooses among `variants`: there are none");
    if (variantNode == null) {
      reader.missing(node, "variant", "a variant (or `variants`)");
      return null;
    }
    const variant = readVariant(variantNode, reader);
    if (name == ABSENT || variant == ABSENT) return null;
    this.addInbound(variant, reader);
    const outcome = this.outcome(reader, text, variant, told);
    return new Rule([outcome], [1], reader.keeper.keepText(""), null);
  }

  /** Reads `[{name, weight}, ..]`. */
  private readVariants(
    list: JsonNode,
    rule: string,
    mode: Mode,
    key: Key | null,
    salt: Bytes,
    reader: ConfigReader,
  ): Rule | null {
    if (list.kind != JsonKind.Array || list.count == 0) {
      reader.unexpected(list, "a list of at least one variant, like {name: v2, weight: 10}");
      return null;
    }
    const outcomes = emptyList<Outcome>();
    const weights = emptyList<f64>();
    const names = new ByteMap(list.count);
    let sum: f64 = 0;
    let item = list.first;
    while (item != null) {
      if (reader.object(item, "name weight")) {
        const nameNode = reader.required(item, "name", "a variant");
        const weightNode = reader.required(item, "weight", "a number");
        const name = nameNode == null ? ABSENT : readVariant(nameNode, reader);
        const weight = weightNode == null ? NaN : reader.number(weightNode, 0, MAX_WEIGHT);
        // One that is no number is told by itself.
        sum += isNaN(weight) ? 1 : weight;
        if (name != ABSENT) {
          if (names.has(name)) reader.problem(item, "another of the variants has this name");
          names.set(name, 0);
          this.addInbound(name, reader);
          if (weight > 0 && rule.length > 0) {
            const outcome = this.outcome(reader, rule, name, mode);
            const sticky = this.sticky;
            if (sticky != null) outcome.stick(sticky, reader.keeper);
            outcomes.push(outcome);
            weights.push(weight);
          }
        }
      }
      item = item.next;
    }
    if (sum == 0) reader.problem(list, "the weights sum to 0; expected one above 0");
    if (outcomes.length == 0 || key == null) return null;
    return new Rule(StaticArray.fromArray(outcomes), StaticArray.fromArray(weights), salt, key);
  }

  /** The outcome for a variant that came in and is one of the configured ones; the header's before the member's. */
  trusted(header: Bytes, member: Bytes): Outcome | null {
    let known = header == ABSENT ? -1 : this.variants.get(header);
    if (known < 0 && member != ABSENT) known = this.variants.get(member);
    return known < 0 ? null : unchecked(this.inbound[known]);
  }

  private addInbound(variant: Bytes, reader: ConfigReader): void {
    if (!this.trustInbound || variant == ABSENT || this.variants.has(variant)) return;
    this.variants.set(variant, this.inbound.length);
    this.inbound.push(this.outcome(reader, "inbound", variant, Mode.Enforce));
  }
}

/** A rule in shadow mode. */
@final
export class Trial {
  constructor(
    /** How many rules in force come before it. */
    readonly position: i32,
    readonly match: RequestMatcher,
    readonly rule: Rule,
  ) {}
}

const FIELDS =
  "header trustInbound default expires disabled mode annotate rules sticky baggage exposeResponse";
const RULE_FIELDS = "name variant variants by salt mode match";
const MAX_WEIGHT: i32 = 1000000;
/** A rule takes some KiB while it is read, and a VM has 1 GiB (proxy-wasm-cpp-host `limits.h`). */
const MAX_RULES: u32 = 20000;

/** Reasons of the filter's own: a rule of this name could not be told from them. */
const OWN_NAMES = "default none disabled expired inbound";

/** Headers that belong to the proxy, or without which a request, or a response that tells the variant, is not what it was. */
const RESERVED =
  "host connection transfer-encoding upgrade te trailer expect keep-alive http2-settings cookie set-cookie authorization " +
  "x-request-id baggage traceparent tracestate origin range location";
/** What the names of more of them begin with. */
const RESERVED_FAMILIES = "x-envoy- x-forwarded- content- accept- proxy- sec- grpc- if- access-control-";

function isReserved(name: Bytes): bool {
  if (positionAmong(name, RESERVED) >= 0) return true;
  // Families end with a hyphen.
  for (let at: u32 = 0; at < lengthOf(name); at++) {
    if (byteAt(name, at) == 0x2d && positionAmong(slice(name, 0, at + 1), RESERVED_FAMILIES) >= 0)
      return true;
  }
  return false;
}

function readName(node: JsonNode, names: ByteMap, reader: ConfigReader): Bytes {
  const name = reader.name(node);
  if (name == ABSENT) return name;
  if (positionAmong(name, OWN_NAMES) >= 0) {
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

/** The member's name, or {@link ABSENT}. */
function readBaggage(config: JsonNode, reader: ConfigReader): Bytes {
  const node = reader.member(config, "baggage");
  if (node == null) return ABSENT;
  const name = node.kind == JsonKind.String ? reader.tokenOf(node.text) : ABSENT;
  if (name == ABSENT) reader.unexpected(node, "the name of a baggage member");
  return name;
}

function readExpires(config: JsonNode, reader: ConfigReader): f64 {
  const node = reader.member(config, "expires");
  if (node == null) return Infinity;
  const time = node.kind == JsonKind.String ? parseTimestamp(node.text) : NaN;
  if (isNaN(time)) reader.unexpected(node, "a time like 2026-12-31T00:00:00Z");
  return time;
}

function readVariant(node: JsonNode, reader: ConfigReader): Bytes {
  if (node.kind == JsonKind.String && isVariant(node.text)) return reader.keeper.keep(node.text);
  reader.unexpected(node, "a variant of 1 to 63 visible ASCII characters but , ; quote and backslash");
  return ABSENT;
}

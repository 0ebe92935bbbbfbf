import { Annotate, readAnnotate } from "../../assembly/annotate";
import { ByteMap } from "../../assembly/bytes/byte-map";
import { ABSENT, byteAt, Bytes, lengthOf, textOf } from "../../assembly/bytes/bytes";
import { ConfigReader, isWord } from "../../assembly/json/config-reader";
import { JsonKind, JsonNode } from "../../assembly/json/node";
import { quoted } from "../../assembly/json/parse";
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
  rules: Rule[] = [];
  index: RuleIndex = new RuleIndex([]);
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
  }

  private readRules(config: JsonNode, reader: ConfigReader): void {
    const list = reader.list(config, "rules");
    if (list == null) return;
    const matches: RequestMatcher[] = [];
    const names = new ByteMap(list.count);
    let item = list.first;
    while (item != null) {
      if (reader.object(item, RULE_FIELDS)) {
        const rule = this.readRule(item, names, reader);
        const match = reader.member(item, "match");
        matches.push(match == null ? new RequestMatcher() : readRequestMatch(reader, match));
        if (rule != null) this.rules.push(rule);
      }
      item = item.next;
    }
    if (!reader.failed) this.index = new RuleIndex(matches);
  }

  private readRule(node: JsonNode, names: ByteMap, reader: ConfigReader): Rule | null {
    const mode = readMode(reader, node);
    const nameNode = reader.member(node, "name");
    const variantNode = reader.member(node, "variant");
    if (nameNode == null) reader.missing(node, "name", "a name for reasons and metrics");
    if (variantNode == null) reader.missing(node, "variant", "the variant for requests that match");
    const name = nameNode == null ? ABSENT : reader.name(nameNode);
    const variant = variantNode == null ? ABSENT : readVariant(variantNode, reader);
    if (nameNode != null && name != ABSENT) {
      if (names.has(name)) reader.problem(nameNode, "another rule has the name " + quoted(name) + " already");
      names.set(name, 0);
    }
    if (name == ABSENT || variant == ABSENT) return null;
    this.addInbound(variant, reader);
    const shadowed = mode == Mode.Shadow || this.mode == Mode.Shadow;
    return new Rule(
      mode,
      new Outcome(reader.keeper, textOf(name), variant, shadowed ? Mode.Shadow : Mode.Enforce),
    );
  }

  private addInbound(variant: Bytes, reader: ConfigReader): void {
    if (!this.trustInbound || variant == ABSENT || this.variants.has(variant)) return;
    this.variants.set(variant, this.inbound.length);
    this.inbound.push(new Outcome(reader.keeper, "inbound", variant, Mode.Enforce));
  }
}


@final
export class Rule {
  constructor(
    readonly mode: Mode,
    readonly outcome: Outcome,
  ) {}
}

const FIELDS = ["header", "trustInbound", "default", "disabled", "mode", "annotate", "rules"];
const RULE_FIELDS = ["name", "variant", "mode", "match"];

/** Headers which the proxy itself needs: a filter that rewrote them would break the request. */
const RESERVED = ["host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "keep-alive"];

function readHeader(config: JsonNode, reader: ConfigReader): Bytes {
  const node = reader.member(config, "header");
  if (node == null) return reader.keeper.keepText("x-variant");
  const name = reader.headerName(node);
  for (let at = 0; at < RESERVED.length; at++) {
    if (isWord(name, RESERVED[at]))
      reader.problem(node, `${RESERVED[at]} belongs to the proxy; expected another header`);
  }
  return name;
}

/** Reads a variant: what may stand in a header, a cookie and a metric's label alike (`cookie-octet` of RFC 6265 §4.1.1). */
function readVariant(node: JsonNode, reader: ConfigReader): Bytes {
  if (node.kind == JsonKind.String && isVariant(node.text)) return reader.keeper.keep(node.text);
  reader.unexpected(
    node,
    "a variant: 1 to 63 visible ASCII characters without comma, semicolon, quote or backslash",
  );
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

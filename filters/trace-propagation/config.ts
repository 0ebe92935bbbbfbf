import { Annotate, readAnnotate } from "../../assembly/annotate";
import { ByteMap } from "../../assembly/bytes/byte-map";
import { ABSENT } from "../../assembly/bytes/bytes";
import { ConfigReader } from "../../assembly/json/config-reader";
import { readDuration } from "../../assembly/json/duration";
import { JsonKind, JsonNode } from "../../assembly/json/node";
import { positionAmong } from "../../assembly/json/words";
import { emptyList } from "../../assembly/list";
import { readRequestMatch } from "../../assembly/match/request-match";
import { Mode, readMode } from "../../assembly/mode";
import { BaggageFilter } from "./baggage";
import { Correlation } from "./correlation";
import { B3, B3Single } from "./formats/b3";
import { Datadog } from "./formats/datadog";
import { Format } from "./formats/format";
import { Jaeger } from "./formats/jaeger";
import { W3c } from "./formats/w3c";
import { XRay } from "./formats/xray";
import { readReport, Report } from "./report/config";
import { Sampling, SamplingRule, thresholdOf } from "./sampling";

/** Which side of the application the proxy's listener is on. */
export enum Direction {
  /** The listener says so. */
  Auto,
  /** It takes requests in. */
  Inbound,
  /** It sends the application's own requests out. */
  Outbound,
}

/** The configuration of `trace-propagation`; `schema.json` describes its JSON form. */
@final
export class TracePropagationConfig {
  mode: Mode = Mode.Enforce;
  annotate: Annotate = Annotate.Decisions;
  trustInbound: bool = true;
  direction: Direction = Direction.Auto;
  /** All formats, in the order of {@link FORMATS}. */
  readonly formats: StaticArray<Format> = [
    new W3c(),
    new B3(),
    new B3Single(),
    new Jaeger(),
    new Datadog(),
    new XRay(),
  ];
  /** Positions of formats: those that are read, in their order, those that are written, and those that are neither here nor there. */
  extract: StaticArray<i32> = new StaticArray<i32>(0);
  inject: StaticArray<i32> = new StaticArray<i32>(0);
  remove: StaticArray<i32> = new StaticArray<i32>(0);
  /** Null: baggage passes as it is. */
  baggage: BaggageFilter | null = null;
  correlation: Correlation | null = null;
  readonly sampling: Sampling = new Sampling();
  report: Report | null = null;

  /** A new trace id begins with the time, as X-Ray wants it. */
  get timesTraces(): bool {
    return this.inject.includes(XRAY);
  }

  /** Reads all of it; what is wrong goes to the reader, and the configuration is then not to be used. */
  read(config: JsonNode, reader: ConfigReader): void {
    if (!reader.object(config, FIELDS)) return;
    this.mode = readMode(reader, config);
    this.annotate = readAnnotate(reader, config);
    this.trustInbound = reader.boolean(config, "trustInbound", true);
    this.direction = reader.choice(config, "direction", "auto inbound outbound", Direction.Auto);
    this.extract = readFormats(reader, config, "extract", ALL);
    this.inject = readFormats(reader, config, "inject", W3C_AND_B3);
    const removed = emptyList<i32>();
    for (let at = 0; at < this.formats.length; at++) if (!this.inject.includes(at)) removed.push(at);
    this.remove = StaticArray.fromArray(removed);
    const baggage = reader.member(config, "baggage");
    if (baggage != null) this.baggage = readBaggage(reader, baggage);
    const correlate = reader.member(config, "correlate");
    if (correlate != null) this.correlation = readCorrelation(reader, correlate);
    const sampling = reader.member(config, "sampling");
    if (sampling != null) this.readSampling(reader, sampling);
    const report = reader.member(config, "report");
    if (report != null) this.report = readReport(reader, report);
  }

  private readSampling(reader: ConfigReader, node: JsonNode): void {
    if (!reader.object(node, "default rules")) return;
    const share = reader.member(node, "default");
    if (share != null) this.sampling.threshold = readThreshold(reader, share);
    const list = reader.list(node, "rules");
    if (list == null) return;
    if (list.count > MOST_RULES) {
      reader.problem(list, "more than 1000 rules");
      return;
    }
    const rules = emptyList<SamplingRule>();
    const names = new ByteMap(list.count);
    let item = list.first;
    while (item != null) {
      if (reader.object(item, "name match percent")) {
        const nameNode = reader.required(item, "name", "a name");
        const name = nameNode == null ? ABSENT : reader.name(nameNode);
        if (nameNode != null && name != ABSENT) {
          if (names.has(name)) reader.problem(nameNode, "another rule has this name");
          names.set(name, 0);
        }
        const match = readRequestMatch(reader, reader.member(item, "match"));
        const percent = reader.required(item, "percent", "a number from 0 to 100");
        if (percent != null) rules.push(new SamplingRule(match, readThreshold(reader, percent)));
      }
      item = item.next;
    }
    this.sampling.rules = StaticArray.fromArray(rules);
  }
}

const FIELDS = "mode annotate trustInbound direction extract inject baggage correlate sampling report";
/** The names of formats. */
const FORMATS = "w3c b3 b3single jaeger datadog xray";
const ALL = 6;
const W3C_AND_B3 = 2;
export const W3C = 0;
export const DATADOG = 4;
const XRAY = 5;
const MOST_RULES: u32 = 1000;

/** Reads a list of formats, each at most once: their positions. Left out, it is the first so many formats. */
function readFormats(reader: ConfigReader, config: JsonNode, name: string, otherwise: i32): StaticArray<i32> {
  const positions = emptyList<i32>();
  const node = reader.member(config, name);
  if (node == null) {
    for (let at = 0; at < otherwise; at++) positions.push(at);
    return StaticArray.fromArray(positions);
  }
  if (node.kind != JsonKind.Array) {
    reader.unexpected(node, "a list of formats");
    return StaticArray.fromArray(positions);
  }
  let item = node.first;
  while (item != null) {
    const position = item.kind == JsonKind.String ? positionAmong(item.text, FORMATS) : -1;
    if (position < 0) reader.unexpected(item, "w3c, b3, b3single, jaeger, datadog or xray");
    else if (positions.includes(position)) reader.problem(item, "stands there already");
    else positions.push(position);
    item = item.next;
  }
  return StaticArray.fromArray(positions);
}

/** Reads `{allow: [names], maxBytes}`. */
function readBaggage(reader: ConfigReader, node: JsonNode): BaggageFilter | null {
  if (!reader.object(node, "allow maxBytes")) return null;
  const most = reader.member(node, "maxBytes");
  const maxBytes = most == null ? BAGGAGE_BYTES : reader.integer(most, 1, MOST_BAGGAGE_BYTES);
  const list = reader.required(node, "allow", "a list of members");
  if (list == null) return null;
  if (list.kind != JsonKind.Array || list.count > MOST_MEMBERS) {
    reader.unexpected(list, "a list of up to 1000 members");
    return null;
  }
  const allowed = new ByteMap(list.count);
  let item = list.first;
  while (item != null) {
    const name = item.kind == JsonKind.String ? reader.tokenOf(item.text) : ABSENT;
    if (name == ABSENT) reader.unexpected(item, "the name of a baggage member");
    else if (allowed.has(name)) reader.problem(item, "stands there already");
    else allowed.set(name, allowed.size);
    item = item.next;
  }
  return new BaggageFilter(allowed, maxBytes);
}

const BAGGAGE_BYTES: i32 = 8192;
const MOST_BAGGAGE_BYTES: i32 = 65536;
const MOST_MEMBERS: u32 = 1000;

/** Reads `{by, ttl, maxEntries}`. */
function readCorrelation(reader: ConfigReader, node: JsonNode): Correlation | null {
  if (!reader.object(node, "by ttl maxEntries")) return null;
  const by = reader.member(node, "by");
  const header = by == null ? reader.keeper.keepText("x-request-id") : reader.headerName(by);
  const ttlNode = reader.member(node, "ttl");
  const ttl = ttlNode == null ? 60000 : readDuration(reader, ttlNode, 1000, 86400000, "60s (1s to 24h)");
  const entriesNode = reader.member(node, "maxEntries");
  const entries = entriesNode == null ? ENTRIES : reader.integer(entriesNode, 1, MOST_ENTRIES);
  if (isNaN(ttl)) return null;
  return Correlation.create(reader, node, header, <u64>(ttl * 1e6), entries);
}

const ENTRIES: i32 = 100000;
const MOST_ENTRIES: i32 = 1000000;

function readThreshold(reader: ConfigReader, node: JsonNode): u64 {
  const percent = reader.number(node, 0, 100);
  return isNaN(percent) ? 0 : thresholdOf(percent);
}

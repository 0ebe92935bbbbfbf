import { Root } from "./abi/root";
import { registerRoot } from "./abi/roots";
import { BufferTypeValues, FilterHeadersStatusValues } from "./abi/values";
import { literal } from "./bytes/bytes";
import { Keeper } from "./bytes/keeper";
import { Filter, reply, Verdict } from "./filter";
import { getBuffer } from "./host/buffers";
import { setTickPeriod } from "./host/clock";
import { sendLocalResponse } from "./host/local-response";
import { log, LogLevelValues, refreshLogLevel } from "./host/log";
import { flushCounters } from "./host/metrics";
import { alternatives, ConfigReader, isWord } from "./json/config-reader";
import { JsonNode } from "./json/node";
import { jsonProblem, parseJson } from "./json/parse";
import { pluginRootId } from "./properties";
import { RequestView } from "./request-view";

/** Milliseconds between two flushes of the counters. */
const TICK = 1000;

/** The root id under which one plugin runs several filters in the order of its configuration. */
const SUITE = "suite";

/** How the filters of this module are made, by name. */
class FilterKind {
  constructor(
    /** As in root ids and reasons: `dark-launch`. */
    readonly name: string,
    /** As in a suite's configuration: `darkLaunch`. */
    readonly field: string,
    readonly create: () => Filter,
  ) {}
}

const kinds: FilterKind[] = [];

/**
 * Makes a filter part of the module, under its name as root id. A module with one filter and no suite runs it under
 * any root id.
 */
export function registerFilter(name: string, create: () => Filter): void {
  kinds.push(new FilterKind(name, camelCase(name), create));
  const factory: (id: u32) => Root = (id) => new FilterRoot(id);
  registerRoot(name, factory.index);
}

/** Gives the module the root id `suite` too, under which one plugin runs several of its filters. */
export function registerSuite(): void {
  hasSuite = true;
  const factory: (id: u32) => Root = (id) => new FilterRoot(id);
  registerRoot(SUITE, factory.index);
}

let hasSuite = false;

/** The one view of a request: the host runs one callback at a time. */
const request = new RequestView();

/** A plugin that runs one filter, or a suite of them with one read of the headers. */
@final
export class FilterRoot extends Root {
  private filters: StaticArray<Filter> = new StaticArray<Filter>(0);
  /** Holds what the filters' configuration says in texts. */
  private keeper: Keeper = new Keeper();

  configured(size: u32): bool {
    refreshLogLevel();
    const keeper = new Keeper();
    const reader = new ConfigReader(keeper);
    const filters: Filter[] = [];
    const document = parseJson(getBuffer(BufferTypeValues.PluginConfiguration, 0, size));
    if (document == null) {
      log(LogLevelValues.error, "configuration refused: " + jsonProblem);
      return false;
    }
    this.readFilters(document, reader, filters);
    if (reader.failed) {
      log(LogLevelValues.error, "configuration refused:\n" + reader.report());
      return false;
    }
    this.keeper = keeper;
    this.filters = StaticArray.fromArray(filters);
    setTickPeriod(TICK);
    return true;
  }

  ticked(): void {
    refreshLogLevel();
    flushCounters();
  }

  deleted(): void {
    flushCounters();
  }

  requestHeaders(_id: u32, _state: usize, _count: u32, _endOfStream: bool): u32 {
    if (!request.load()) {
      // Never seen on Envoy: the host gave no headers, or not in the form of the ABI.
      sendLocalResponse(500, INTERNAL_ERROR, 0, 0);
      return FilterHeadersStatusValues.StopIteration;
    }
    const filters = this.filters;
    for (let at = 0, count = filters.length; at < count; at++) {
      if (unchecked(filters[at]).onRequest(request) == Verdict.Reply) {
        sendLocalResponse(reply.status, reply.details, reply.body, reply.headers);
        return FilterHeadersStatusValues.StopIteration;
      }
    }
    return FilterHeadersStatusValues.Continue;
  }

  /** Makes the filters that the configuration is for, and lets them read it. */
  private readFilters(document: JsonNode, reader: ConfigReader, filters: Filter[]): void {
    if (kinds.length == 1 && !hasSuite) {
      configureFilter(kinds[0], document, reader, filters);
      return;
    }
    const rootId = pluginRootId();
    if (isWord(rootId, SUITE)) {
      readSuite(document, reader, filters);
      return;
    }
    for (let at = 0; at < kinds.length; at++) {
      if (isWord(rootId, kinds[at].name)) configureFilter(kinds[at], document, reader, filters);
    }
  }
}

// @ts-ignore: decorator
@lazy const INTERNAL_ERROR = literal("outrigger:internal");

function configureFilter(kind: FilterKind, config: JsonNode, reader: ConfigReader, filters: Filter[]): void {
  const filter = kind.create();
  filter.configure(config, reader);
  filters.push(filter);
}

/** Reads `filters: [{darkLaunch: {..}}, ..]`: objects of one field, in the order in which they run. */
function readSuite(document: JsonNode, reader: ConfigReader, filters: Filter[]): void {
  if (!reader.object(document, ["filters"])) return;
  if (reader.member(document, "filters") == null) reader.missing(document, "filters", "a list of filters");
  const list = reader.list(document, "filters");
  if (list == null) return;
  const fields = kinds.map<string>((kind) => kind.field);
  let item = list.first;
  while (item != null) {
    if (reader.object(item, fields)) {
      const config = item.first;
      if (config == null || item.count != 1)
        reader.problem(item, "expected exactly one of " + alternatives(fields));
      else {
        for (let at = 0; at < kinds.length; at++) {
          if (isWord(config.name, kinds[at].field)) configureFilter(kinds[at], config, reader, filters);
        }
      }
    }
    item = item.next;
  }
}

/** `dark-launch` as `darkLaunch`. */
function camelCase(name: string): string {
  let field = "";
  for (let at = 0; at < name.length; at++) {
    let unit = name.charCodeAt(at);
    // The letter behind a hyphen, in upper case.
    if (unit == 0x2d) unit = name.charCodeAt(++at) & ~0x20;
    field += String.fromCharCode(unit);
  }
  return field;
}

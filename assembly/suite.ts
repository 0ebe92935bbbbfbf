import { Filter } from "./filter";
import { configureFilter, kinds, registerSuiteReader } from "./filter-root";
import { ConfigReader } from "./json/config-reader";
import { alternatives, positionAmong } from "./json/words";
import { JsonNode } from "./json/node";

/**
 * Gives a module of several filters the root id `suite`, under which one plugin runs several of them with one read of
 * the headers: `filters: [{darkLaunch: {..}}, ..]`, in the order in which they run, repeats allowed.
 */
export function registerSuite(): void {
  registerSuiteReader(readSuite);
}

function readSuite(document: JsonNode, reader: ConfigReader, filters: Filter[]): void {
  if (!reader.object(document, "filters")) return;
  if (reader.member(document, "filters") == null) reader.missing(document, "filters", "a list of filters");
  const list = reader.list(document, "filters");
  if (list == null) return;
  let fields = "";
  for (let at = 0; at < kinds.length; at++) fields += (at > 0 ? " " : "") + camelCase(kinds[at].name);
  let item = list.first;
  while (item != null) {
    if (reader.object(item, fields)) readEntry(item, fields, reader, filters);
    item = item.next;
  }
}

/** Reads `{darkLaunch: {..}}`: the one field names the filter, its value is the configuration. */
function readEntry(item: JsonNode, fields: string, reader: ConfigReader, filters: Filter[]): void {
  const config = item.first;
  if (config == null || item.count != 1) {
    reader.problem(item, "expected exactly one of " + alternatives(fields));
    return;
  }
  const kind = positionAmong(config.name, fields);
  if (kind >= 0) configureFilter(kinds[kind], config, reader, filters);
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

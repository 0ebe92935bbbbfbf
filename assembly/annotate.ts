import { ConfigReader } from "./json/config-reader";
import { JsonNode } from "./json/node";

/** For which requests a filter writes its reason into the property `outrigger.<filter>`: it costs a host call. */
export enum Annotate {
  /** Where somebody will ask: a denial, a limit, a shadowed decision. */
  Decisions,
  Always,
}

/** Reads a filter's field `annotate`. */
export function readAnnotate(reader: ConfigReader, object: JsonNode): Annotate {
  return reader.choice(object, "annotate", "decisions always", Annotate.Decisions);
}

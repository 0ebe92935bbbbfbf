import { ConfigReader } from "./json/config-reader";
import { JsonNode } from "./json/node";

/** What becomes of a decision. */
export enum Mode {
  Enforce,
  /** It is counted, logged and put into the property, and changes nothing for the request. */
  Shadow,
}

/** Reads the field `mode` of a filter or a rule. */
export function readMode(reader: ConfigReader, object: JsonNode): Mode {
  return reader.choice(object, "mode", "enforce shadow", Mode.Enforce);
}

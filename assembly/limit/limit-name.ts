import { ByteMap } from "../bytes/byte-map";
import { ABSENT, Bytes } from "../bytes/bytes";
import { ConfigReader } from "../json/config-reader";
import { JsonNode } from "../json/node";
import { positionAmong } from "../json/words";

/**
 * Reads the name of a limit, which none of `names` is, to which it is added, and none of `own`: reasons of the filter's own, words with a
 * space between. {@link ABSENT} where it is no name.
 */
export function readLimitName(reader: ConfigReader, node: JsonNode, names: ByteMap, own: string): Bytes {
  const name = reader.name(node);
  if (name == ABSENT) return name;
  if (positionAmong(name, own) >= 0) {
    reader.problem(node, "a reason of the filter's own; expected another name");
  }
  if (names.has(name)) reader.problem(node, "another limit has this name");
  names.set(name, 0);
  return name;
}

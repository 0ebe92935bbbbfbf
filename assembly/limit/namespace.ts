import { byteString, equals, lengthOf } from "../bytes/bytes";
import { decimalText } from "../bytes/decimal";
import { JsonNode } from "../json/node";
import { pluginName } from "../stream-properties";

/**
 * What the keys of a filter's shared data begin with, so that they are its own in the proxy: the filter, the plugin, and which of its kind
 * it is in a suite. Parts end with NUL, which no name has. `config` is the filter's configuration; only while that is read.
 */
export function namespaceOf(filter: string, config: JsonNode): string {
  const name = pluginName();
  const plugin = lengthOf(name) == 0 ? "" : byteString(name);
  return "outrigger/" + filter + "/" + plugin + "\0" + decimalText(numberOf(config)) + "\0";
}

/** How many filters of this kind come before this one in a suite; 0 outside of one. */
function numberOf(config: JsonNode): i32 {
  const entry = config.parent;
  if (entry == null) return 0;
  const list = entry.parent;
  if (list == null) return 0;
  let number = 0;
  let item = list.first;
  while (item != null && item != entry) {
    const other = item.first;
    if (other != null && equals(other.name, config.name)) number++;
    item = item.next;
  }
  return number;
}

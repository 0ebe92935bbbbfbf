import { ByteMap } from "../../../assembly/bytes/byte-map";
import { byteAt, Bytes, endsWith, lengthOf, slice, startsWith } from "../../../assembly/bytes/bytes";
import { ConfigReader } from "../../../assembly/json/config-reader";
import { JsonKind, JsonNode } from "../../../assembly/json/node";
import { emptyList } from "../../../assembly/list";

const STAR: u8 = 0x2a;

/**
 * Which headers go from one side to the other: names, prefixes (`x-ext-*`) and suffixes (`*-id`), whatever their case, as istiod translates
 * them (`generateHeaders` in `extauthz.go`). A lone `*` is refused, as there.
 */
@final
export class HeaderList {
  private readonly names: ByteMap = new ByteMap();
  private readonly prefixes: Bytes[] = emptyList<Bytes>();
  private readonly suffixes: Bytes[] = emptyList<Bytes>();
  /** How many entries there are. */
  size: i32 = 0;

  /** Reads the member `field` of a provider; an empty list where it is missing. */
  static read(reader: ConfigReader, provider: JsonNode, field: string): HeaderList {
    const headers = new HeaderList();
    const list = reader.list(provider, field);
    if (list == null) return headers;
    let item = list.first;
    while (item != null) {
      headers.add(reader, item);
      item = item.next;
    }
    return headers;
  }

  /** Whether a header of this name, which is in lower case, is in the list. */
  matches(name: Bytes): bool {
    if (this.names.has(name)) return true;
    for (let at = 0; at < this.prefixes.length; at++) {
      if (startsWith(name, unchecked(this.prefixes[at]))) return true;
    }
    for (let at = 0; at < this.suffixes.length; at++) {
      if (endsWith(name, unchecked(this.suffixes[at]))) return true;
    }
    return false;
  }

  private add(reader: ConfigReader, item: JsonNode): void {
    const text = item.kind == JsonKind.String ? item.text : 0;
    const length = lengthOf(text);
    const isSuffix = length > 1 && byteAt(text, 0) == STAR;
    const isPrefix = length > 1 && !isSuffix && byteAt(text, length - 1) == STAR;
    const name = reader.headerNameOf(slice(text, isSuffix ? 1 : 0, isPrefix ? length - 1 : length));
    // A star is a character of names (RFC 9110 §5.6.2), which nobody means here.
    if (length == 0 || name == 0 || hasStar(name)) {
      reader.unexpected(item, "the name of a header, a prefix like x-ext-*, or a suffix like *-id");
      return;
    }
    this.size++;
    if (isPrefix) this.prefixes.push(name);
    else if (isSuffix) this.suffixes.push(name);
    else this.names.set(name, 0);
  }
}

function hasStar(name: Bytes): bool {
  for (let at: u32 = 0; at < lengthOf(name); at++) if (byteAt(name, at) == STAR) return true;
  return false;
}

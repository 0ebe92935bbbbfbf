import { ABSENT, byteAt, Bytes, equals, lengthOf } from "./bytes/bytes";
import { pairs, PairsWriter } from "./host/pairs";
import { ConfigReader } from "./json/config-reader";
import { JsonKind, JsonNode } from "./json/node";
import { positionAmong } from "./json/words";
import { emptyList } from "./list";

/** Status and headers of an answer that the configuration gives: `{status: 429, headers: {x-reason: quota}}`. */
@final
export class ConfiguredReply {
  private readonly names: Bytes[] = emptyList<Bytes>();
  private readonly values: Bytes[] = emptyList<Bytes>();

  constructor(public status: u32) {}

  /** Reads the fields `status` (400 to 599) and `headers`, each of which may be left out. */
  read(reader: ConfigReader, node: JsonNode): void {
    const status = reader.member(node, "status");
    if (status != null) this.status = reader.integer(status, 400, 599);
    const headers = reader.member(node, "headers");
    if (headers != null) this.readHeaders(reader, headers);
  }

  /** Whether the configuration has given the header, whose name is in lower case. */
  has(name: Bytes): bool {
    for (let at = 0; at < this.names.length; at++) if (equals(this.names[at], name)) return true;
    return false;
  }

  /** Begins the pairs of the answer with the headers; more can be added before they are finished. */
  begin(): PairsWriter {
    pairs.begin();
    for (let at = 0; at < this.names.length; at++) {
      pairs.add(unchecked(this.names[at]), unchecked(this.values[at]));
    }
    return pairs;
  }

  private readHeaders(reader: ConfigReader, node: JsonNode): void {
    if (node.kind != JsonKind.Object) {
      reader.unexpected(node, "headers, like {x-reason: quota}");
      return;
    }
    let header = node.first;
    while (header != null) {
      const name = reader.headerNameOf(header.name);
      if (name == ABSENT || positionAmong(name, RESERVED) >= 0) {
        reader.problem(header, "not a header that a response can set");
      } else if (header.kind != JsonKind.String || !isHeaderValue(header.text)) {
        reader.unexpected(header, "a text without control characters");
      } else {
        this.names.push(name);
        this.values.push(reader.keeper.keep(header.text));
      }
      header = header.next;
    }
  }
}

/** Headers that the proxy or the filter writes itself. */
const RESERVED =
  "content-length transfer-encoding connection host te trailer upgrade keep-alive retry-after grpc-status grpc-message";

/** What a header may be: RFC 9110 §5.5, obs-text allowed. */
export function isHeaderValue(value: Bytes): bool {
  for (let at: u32 = 0; at < lengthOf(value); at++) {
    const byte = byteAt(value, at);
    if ((byte < 0x20 && byte != 0x09) || byte == 0x7f) return false;
  }
  return true;
}

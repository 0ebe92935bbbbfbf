import { ABSENT, Bytes, lengthOf } from "../../../assembly/bytes/bytes";
import { ConfigReader } from "../../../assembly/json/config-reader";
import { JsonKind, JsonNode } from "../../../assembly/json/node";
import { emptyList } from "../../../assembly/list";
import { Patterns, PatternsBuilder, Wildcard } from "./patterns";

/** Reads a member that is a list of texts of at least one character; null where there are none, and where it is wrong. */
export function readTexts(reader: ConfigReader, object: JsonNode, field: string): JsonNode[] | null {
  const list = reader.list(object, field);
  return list == null ? null : textsOf(reader, list);
}

/** The same of the list itself. */
export function textsOf(reader: ConfigReader, list: JsonNode): JsonNode[] | null {
  if (list.kind != JsonKind.Array) {
    reader.unexpected(list, "a list");
    return null;
  }
  if (list.count == 0) return null;
  const texts = emptyList<JsonNode>();
  let item = list.first;
  while (item != null) {
    if (item.kind != JsonKind.String || lengthOf(item.text) == 0) {
      reader.unexpected(item, "a text of at least one character");
    } else texts.push(item);
    item = item.next;
  }
  return texts.length > 0 ? texts : null;
}

/** The texts as patterns, with what each begins with (see {@link Patterns}). */
export function patternsOf(
  reader: ConfigReader,
  texts: JsonNode[],
  wildcard: Wildcard,
  fold: bool = false,
  base: Bytes = ABSENT,
): Patterns {
  const builder = new PatternsBuilder(reader.keeper, wildcard, fold, base);
  for (let at = 0; at < texts.length; at++) builder.add(texts[at].text);
  return builder.finish();
}

import { arenaAllocate } from "../../../assembly/bytes/arena";
import { ABSENT, Bytes, bytesOf, byteAt, hexDigit, lengthOf } from "../../../assembly/bytes/bytes";
import { decimalText } from "../../../assembly/bytes/decimal";
import { ConfigReader } from "../../../assembly/json/config-reader";
import { JsonKind, JsonNode } from "../../../assembly/json/node";

/**
 * Reads what stands beside secrets. What is wrong is told without the value that is there: whoever puts a key or a password where its hash
 * belongs must not find it in the proxy's log.
 */

/** The list `name` of `object`, which must have 1 to `most` elements, all of them objects. Null, and told, otherwise. */
export function readSecrets(
  reader: ConfigReader,
  object: JsonNode,
  name: string,
  most: u32,
): JsonNode | null {
  const list = reader.required(object, name, EXPECTED_LIST);
  if (list == null) return null;
  if (list.kind != JsonKind.Array || list.count == 0) {
    reader.problem(list, "expected " + EXPECTED_LIST);
    return null;
  }
  if (list.count > most) {
    reader.problem(list, "too many: expected at most " + decimalText(most));
    return null;
  }
  return list;
}

const EXPECTED_LIST = "a list of objects with a name and a sha256";

/** Whether an element is an object of `fields`; told without the element when it is none. */
export function isSecret(reader: ConfigReader, item: JsonNode, fields: string): bool {
  if (item.kind == JsonKind.Object) return reader.knows(item, fields);
  reader.problem(item, "expected an object with a name and a sha256, and never the secret itself");
  return false;
}

/**
 * The bytes that a member of `least` to `most` bytes stands for, as twice as many hexadecimal digits in either case, kept; {@link ABSENT},
 * and told, otherwise.
 */
export function readHex(reader: ConfigReader, object: JsonNode, name: string, least: u32, most: u32): Bytes {
  const expected = digits(least, most);
  const node = reader.required(object, name, expected);
  if (node == null) return ABSENT;
  const bytes = node.kind == JsonKind.String ? fromHex(node.text) : ABSENT;
  if (bytes != ABSENT && lengthOf(bytes) >= least && lengthOf(bytes) <= most)
    return reader.keeper.keep(bytes);
  reader.problem(node, "expected " + expected);
  return ABSENT;
}

function digits(least: u32, most: u32): string {
  const from = decimalText(2 * least);
  return (least == most ? from : from + " to " + decimalText(2 * most)) + " hexadecimal digits";
}

/** In the arena; {@link ABSENT} where the text is none of pairs of digits. */
function fromHex(text: Bytes): Bytes {
  const length = lengthOf(text);
  if (length % 2 != 0) return ABSENT;
  const target = arenaAllocate(length / 2);
  for (let at: u32 = 0; at < length; at += 2) {
    const value = (hexDigit(byteAt(text, at)) << 4) | hexDigit(byteAt(text, at + 1));
    // A digit that is none is -1, and so is whatever has it in.
    if (value < 0) return ABSENT;
    store<u8>(target + at / 2, <u8>value);
  }
  return bytesOf(target, length / 2);
}

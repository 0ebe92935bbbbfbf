import { byteAt, byteString, Bytes, lengthOf } from "../../assembly/bytes/bytes";
import { JsonKind, JsonNode } from "../../assembly/json/node";

/** The value as JSON, as a byte string (`byteString`); to be called while a configuration is read. */
export function jsonText(node: JsonNode): string {
  if (node.kind == JsonKind.String) return quotedText(node.text);
  if (node.kind != JsonKind.Array && node.kind != JsonKind.Object) return byteString(node.text);
  const isObject = node.kind == JsonKind.Object;
  let text = isObject ? "{" : "[";
  let child = node.first;
  while (child != null) {
    if (child != node.first) text += ",";
    if (isObject) text += quotedText(child.name) + ":";
    text += jsonText(child);
    child = child.next;
  }
  return text + (isObject ? "}" : "]");
}

/** A string of RFC 8259 §7. */
function quotedText(bytes: Bytes): string {
  let text = '"';
  for (let at: u32 = 0; at < lengthOf(bytes); at++) {
    const byte = byteAt(bytes, at);
    if (byte == 0x22 || byte == 0x5c) text += "\\" + String.fromCharCode(byte);
    else if (byte < 0x20) text += "\\u00" + (byte < 16 ? "0" : "1") + "0123456789abcdef".charAt(byte & 15);
    else text += String.fromCharCode(byte);
  }
  return text + '"';
}

import { arenaAllocate } from "../../../assembly/bytes/arena";
import { ABSENT, byteAt, Bytes, lengthOf, slice } from "../../../assembly/bytes/bytes";
import { JsonKind, JsonNode } from "../../../assembly/json/node";

/**
 * Makes lists of those claims of these names that are texts of words with spaces between, such as `scope` (RFC 8693 §4.2), as istiod tells
 * jwt_authn to (`normalize_payload_in_metadata`). A text without a word stays one. Names are those of members of the payload itself.
 */
export function splitWords(claims: JsonNode, names: StaticArray<Bytes>): void {
  for (let at = 0; at < names.length; at++) {
    const claim = claims.member(unchecked(names[at]));
    if (claim != null && claim.kind == JsonKind.String) splitClaim(claim);
  }
}

function splitClaim(claim: JsonNode): void {
  const text = claim.text;
  const length = lengthOf(text);
  for (let start: u32 = 0; start < length;) {
    let end = start;
    while (end < length && byteAt(text, end) != 0x20) end++;
    if (end > start) appendWord(claim, slice(text, start, end));
    start = end + 1;
  }
  if (claim.count == 0) return;
  claim.kind = JsonKind.Array;
  claim.text = ABSENT;
}

function appendWord(list: JsonNode, text: Bytes): void {
  const node = changetype<JsonNode>(arenaAllocate(offsetof<JsonNode>()));
  memory.fill(changetype<usize>(node), 0, offsetof<JsonNode>());
  node.kind = JsonKind.String;
  node.parent = list;
  node.text = text;
  const last = list.last;
  if (last == null) list.first = node;
  else last.next = node;
  list.last = node;
  list.count++;
}

/** Configuration for tests, as a filter reads it. */
import { resetArena } from "../../assembly/bytes/arena";
import { Bytes } from "../../assembly/bytes/bytes";
import { Keeper } from "../../assembly/bytes/keeper";
import { ConfigReader } from "../../assembly/json/config-reader";
import { JsonNode } from "../../assembly/json/node";
import { jsonProblem, parseJson } from "../../assembly/json/parse";

let keeper = new Keeper();

export function newReader(): ConfigReader {
  keeper = new Keeper();
  return new ConfigReader(keeper);
}

/** The document's value. Fails the test when it is no JSON. */
export function parsed(document: Bytes): JsonNode {
  resetArena();
  const node = parseJson(document);
  if (node == null) {
    expect(jsonProblem).toBe("", "the document of the test itself");
    unreachable();
  }
  return node!;
}

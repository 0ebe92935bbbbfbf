import {
  byteAt,
  byteString,
  Bytes,
  indexOf,
  indexOfByte,
  lengthOf,
  literal,
} from "../../../assembly/bytes/bytes";
import { JsonNode } from "../../../assembly/json/node";
import { positionAmong } from "../../../assembly/json/words";
import { emptyList } from "../../../assembly/list";
import { Clause, Cost, PathClause, PortClause, TextClause } from "./clause";
import { PathTemplate } from "./path-template";
import { PatternsBuilder, Wildcard } from "./patterns";
import { patternsOf, textsOf } from "./read-texts";
import { Vocabulary } from "./vocabulary";

/** Each with its contrary behind it. */
export const OPERATION_FIELDS = "hosts notHosts ports notPorts methods notMethods paths notPaths";

/** Reads `operation: {methods, ..}`. */
export function readOperation(vocabulary: Vocabulary, operation: JsonNode): StaticArray<Clause> {
  const reader = vocabulary.reader;
  if (!reader.object(operation, OPERATION_FIELDS)) return new StaticArray<Clause>(0);
  const clauses = emptyList<Clause>();
  let next = operation.first;
  while (next != null) {
    const list = next;
    next = next.next;
    const field = positionAmong(list.name, OPERATION_FIELDS);
    if (field < 0) continue;
    const texts = textsOf(reader, list);
    if (texts == null) continue;
    const name = byteString(list.name);
    const negated = (field & 1) == 1;
    switch (field >> 1) {
      case 0: {
        const hosts = patternsOf(reader, texts, Wildcard.Present, true);
        clauses.push(new TextClause(negated, Cost.Headers, name, vocabulary.host, hosts, true));
        break;
      }
      case 1:
        clauses.push(portClause(vocabulary, texts, negated, name));
        break;
      case 2: {
        const methods = patternsOf(reader, texts, Wildcard.Present);
        clauses.push(new TextClause(negated, Cost.Headers, name, vocabulary.method, methods, false));
        break;
      }
      default:
        clauses.push(pathClause(vocabulary, texts, negated, name));
    }
  }
  if (clauses.length == 0) reader.problem(operation, "empty; expected at least one field with values");
  return StaticArray.fromArray(clauses);
}

/** `ports`, as texts. */
export function portClause(vocabulary: Vocabulary, texts: JsonNode[], negated: bool, name: string): Clause {
  const ports = new StaticArray<i32>(texts.length);
  for (let at = 0; at < texts.length; at++) {
    ports[at] = portOf(texts[at].text);
    if (ports[at] < 0) vocabulary.reader.unexpected(texts[at], 'a port from "0" to "65535"');
  }
  return new PortClause(negated, name, vocabulary.destinationPort, ports);
}

/** The number that the digits are (Go's `ParseUint`, which takes zeros in front), or -1. */
function portOf(text: Bytes): i32 {
  let port = 0;
  for (let at: u32 = 0; at < lengthOf(text); at++) {
    const digit = <u32>byteAt(text, at) - 0x30;
    if (digit > 9) return -1;
    port = port * 10 + digit;
    if (port > 65535) return -1;
  }
  return port;
}

function pathClause(vocabulary: Vocabulary, texts: JsonNode[], negated: bool, name: string): Clause {
  const reader = vocabulary.reader;
  const builder = new PatternsBuilder(reader.keeper, Wildcard.NotEmpty);
  const templates = emptyList<PathTemplate>();
  for (let at = 0; at < texts.length; at++) {
    const text = texts[at].text;
    if (indexOf(text, ONE) < 0 && indexOf(text, ANY) < 0) {
      if (indexOfByte(text, 0x7b) >= 0 || indexOfByte(text, 0x7d) >= 0) {
        reader.unexpected(texts[at], "a path without { and } but for the segments {*} and {**}");
      }
      builder.add(text);
      continue;
    }
    const template = PathTemplate.read(reader.keeper, text);
    if (template != null) templates.push(template);
    else {
      reader.unexpected(
        texts[at],
        "a path template that begins with /, of segments of a path, {*} and at most one {**}, which is the last of them",
      );
    }
  }
  return new PathClause(negated, name, vocabulary.path, builder.finish(), StaticArray.fromArray(templates));
}

// @ts-ignore: decorator
@lazy const ONE = literal("{*}");
// @ts-ignore: decorator
@lazy const ANY = literal("{**}");

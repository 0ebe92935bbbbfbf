import { ABSENT, byteAt, Bytes, lengthOf } from "../../assembly/bytes/bytes";
import { ConfigReader } from "../../assembly/json/config-reader";
import { JsonKind, JsonNode } from "../../assembly/json/node";

/** Where a request's cost stands. */
export enum CostSource {
  /** In the configuration: the same for all. */
  Fixed,
  /** In a header of the request. */
  Request,
  /** In a header of the response: 1 at first, and the difference when the response comes. */
  Response,
}

/** How many units a request takes. */
@final
export class Cost {
  constructor(
    readonly source: CostSource,
    /** Of {@link CostSource.Fixed} the cost, of the others the most that a header can make it. */
    readonly most: u32,
    readonly header: Bytes,
  ) {}

  /** The cost that a request's header says: 1 to {@link most}; 1 where it says no whole number. */
  ofRequest(value: Bytes): u32 {
    return max<u32>(wholeNumber(value, this.most, 1), 1);
  }

  /** The cost that a response's header says: 0 to {@link most}; 1 where it says no whole number. */
  ofResponse(value: Bytes): u32 {
    return wholeNumber(value, this.most, 1);
  }
}

/** The decimal number that `text` is, at most `most`; `otherwise` where it is none. */
function wholeNumber(text: Bytes, most: u32, otherwise: u32): u32 {
  const length = lengthOf(text);
  if (text == ABSENT || length == 0) return otherwise;
  let value: u64 = 0;
  for (let at: u32 = 0; at < length; at++) {
    const digit = <u32>byteAt(text, at) - 0x30;
    if (digit > 9) return otherwise;
    value = min<u64>(value * 10 + digit, most);
  }
  return <u32>value;
}

const MOST: i32 = 1000000000;
/** Of a response's cost, where the configuration does not say. */
const MOST_OF_RESPONSE: u32 = 1000;

/** Reads `1`, `{header: x-cost, max: 50}` or `{responseHeader: x-cost, max: 50}`; 1 where `node` is null or wrong. */
export function readCost(reader: ConfigReader, node: JsonNode | null): Cost {
  const one = new Cost(CostSource.Fixed, 1, ABSENT);
  if (node == null) return one;
  if (node.kind == JsonKind.Number) {
    return new Cost(CostSource.Fixed, reader.integer(node, 1, MOST), ABSENT);
  }
  if (node.kind != JsonKind.Object) {
    reader.unexpected(node, "a whole number, {header: x-cost, max: 50} or {responseHeader: x-cost}");
    return one;
  }
  if (!reader.knows(node, "header responseHeader max")) return one;
  const request = reader.member(node, "header");
  const response = reader.member(node, "responseHeader");
  const most = reader.member(node, "max");
  const limit = most == null ? MOST_OF_RESPONSE : <u32>reader.integer(most, 1, MOST);
  if (request != null && response == null) {
    if (most == null) reader.missing(node, "max", "the most that a client can make it cost");
    return new Cost(CostSource.Request, limit, reader.headerName(request));
  }
  if (response != null && request == null) {
    return new Cost(CostSource.Response, limit, reader.headerName(response));
  }
  reader.problem(node, "expected exactly one of header or responseHeader");
  return one;
}

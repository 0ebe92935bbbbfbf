import { ABSENT, Bytes } from "../bytes/bytes";
import { fractionOf, seedOf } from "../cohort";
import { ConfigReader } from "../json/config-reader";
import { JsonNode } from "../json/node";
import { Key, readRequiredKey } from "../key";
import { RequestView } from "../request-view";
import { Condition, Conditions } from "./condition";

/** The key belongs to the first so many percent of all keys. Without a key it does not hold. */
@final
class PercentageCondition extends Condition {
  constructor(
    private readonly key: Key,
    private readonly seed: u64,
    /** 0 to 1. */
    private readonly share: f64,
  ) {
    super();
  }

  matches(request: RequestView): bool {
    const key = this.key.read(request);
    return key != ABSENT && fractionOf(key, this.seed) < this.share;
  }
}

/** Reads `{value: 12.5, by: <key>, salt: ".."}`. */
export function readPercentage(reader: ConfigReader, object: JsonNode, conditions: Conditions): void {
  if (!reader.object(object, "value by salt")) return;
  const value = reader.required(object, "value", "a number from 0 to 100");
  const key = readRequiredKey(reader, object);
  const share = value == null ? 0 : reader.number(value, 0, 100) / 100;
  const seed = seedOf(readSalt(reader, object));
  if (key != null) conditions.others.push(new PercentageCondition(key, seed, share));
}

/** The member `salt`, the empty text without one. */
export function readSalt(reader: ConfigReader, object: JsonNode): Bytes {
  const node = reader.member(object, "salt");
  return node == null ? reader.keeper.keepText("") : reader.text(node);
}

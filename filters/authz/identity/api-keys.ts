import { ByteMap } from "../../../assembly/bytes/byte-map";
import { ABSENT, Bytes, bytesOf, lengthOf, pointerOf } from "../../../assembly/bytes/bytes";
import { equalsInConstantTime } from "../../../assembly/bytes/constant-time";
import { Keeper } from "../../../assembly/bytes/keeper";
import { sha256, SHA256_SIZE } from "../../../assembly/bytes/sha256";
import { ConfigReader, isName } from "../../../assembly/json/config-reader";
import { JsonKind, JsonNode } from "../../../assembly/json/node";
import { emptyList } from "../../../assembly/list";
import { RequestView } from "../../../assembly/request-view";
import { Authentication, identity, Rejection } from "../identity";
import { Challenge } from "./challenge";
import { Place, readPlace } from "./place";
import { isSecret, readHex, readSecrets } from "./secret-config";

/** Keys that a configuration has at most. */
const MOST_KEYS: u32 = 100000;
/** Places that are looked at. */
const MOST_PLACES: u32 = 16;
/** A longer key is refused without being hashed: no client decides how long that takes. In bytes. */
const LONGEST_KEY: u32 = 4096;
/** As many bytes of a hash find its key; no two keys have them in common. */
const FINDING: u32 = 8;
/** The hash of the key at hand. */
const DIGEST: usize = memory.data(32, 8);

/**
 * API keys, of which the configuration knows the SHA-256: `{from: [{header: x-api-key}], forward: false, keys: [{name: ci, sha256: ".."}]}`.
 * Plain SHA-256 is enough for keys of 128 random bits, which nobody can guess from their hashes, and for no others.
 *
 * Time tells nothing of a key that its sender does not know. Up to the hash it hangs on the length of what was sent, and behind that on its
 * hash, by whose first 64 bits a table finds the key: the time may show that some of these are those of a configured hash. But who wants n
 * bits in common has to try 2^n keys until a hash has them, and learns n bits of a hash, which help nobody to a key out of 2^128. Were keys
 * themselves compared, they could be found out byte by byte. The whole hashes are compared in constant time, and no less often for a key
 * that is not known.
 */
@final
export class ApiKeys {
  readonly rejection: Rejection;
  private readonly places: Place[] = emptyList<Place>();
  private forward: bool = false;
  /** The numbers of the keys by the first bytes of their hashes. */
  private numbers: ByteMap = new ByteMap(0, 0);
  private readonly hashes: Bytes[] = emptyList<Bytes>();
  private readonly names: Bytes[] = emptyList<Bytes>();

  constructor(keeper: Keeper) {
    // No scheme is registered for API keys, and RFC 9110 §15.5.2 demands a challenge: §11.1 leaves the schemes open, and clients pass over
    // those that they do not know.
    this.rejection = new Challenge(keeper, "api-key", "ApiKey", "API key refused");
  }

  /** Reads the field `apiKeys`. Null where it is none; what is wrong in it is told. */
  static read(reader: ConfigReader, node: JsonNode): ApiKeys | null {
    if (!reader.object(node, "from forward keys")) return null;
    const keys = new ApiKeys(reader.keeper);
    keys.forward = reader.boolean(node, "forward", false);
    keys.readPlaces(reader, node);
    keys.readKeys(reader, node);
    return keys;
  }

  /** Defines its metrics: only for a configuration that is taken. */
  define(): void {
    this.rejection.define();
  }

  /**
   * Looks for a key in the places, in their order: the first that is there counts, and is refused unless it is known. Changes nothing in
   * the request, which may be looked at again when it has waited for something else.
   */
  authenticate(request: RequestView): Authentication {
    const places = this.places;
    for (let at = 0; at < places.length; at++) {
      const place = unchecked(places[at]);
      const key = place.find(request);
      if (key == ABSENT) continue;
      // In this order: how long a key may be bounds what is done about it.
      identity.apiKey = this.nameOf(key);
      if (identity.apiKey != ABSENT && place.isRepeated(request)) identity.apiKey = ABSENT;
      return identity.apiKey == ABSENT ? Authentication.Refused : Authentication.Passed;
    }
    return Authentication.Passed;
  }

  /** Takes the key out of a request that goes on, wherever it stands, unless it is to be forwarded. */
  strip(request: RequestView): void {
    if (this.forward || identity.apiKey == ABSENT) return;
    const places = this.places;
    for (let at = 0; at < places.length; at++) unchecked(places[at]).remove(request);
  }

  /** {@link ABSENT} for a key that is not known. */
  private nameOf(key: Bytes): Bytes {
    if (lengthOf(key) == 0 || lengthOf(key) > LONGEST_KEY) return ABSENT;
    sha256(key, DIGEST);
    const found = this.numbers.get(bytesOf(DIGEST, FINDING));
    const number = max(found, 0);
    const same = equalsInConstantTime(bytesOf(DIGEST, SHA256_SIZE), unchecked(this.hashes[number]));
    return same && found >= 0 ? unchecked(this.names[number]) : ABSENT;
  }

  private readPlaces(reader: ConfigReader, node: JsonNode): void {
    const list = reader.required(node, "from", EXPECTED_PLACES);
    if (list == null) return;
    if (list.kind != JsonKind.Array || list.count - 1 >= MOST_PLACES) {
      reader.unexpected(list, EXPECTED_PLACES);
      return;
    }
    let item = list.first;
    while (item != null) {
      const place = readPlace(reader, item);
      if (place != null) this.places.push(place);
      item = item.next;
    }
  }

  private readKeys(reader: ConfigReader, node: JsonNode): void {
    const list = readSecrets(reader, node, "keys", MOST_KEYS);
    if (list == null) return;
    const names = new ByteMap(list.count);
    const numbers = new ByteMap(list.count, list.count * FINDING);
    let item = list.first;
    while (item != null) {
      if (isSecret(reader, item, "name sha256")) {
        const nameNode = reader.required(item, "name", EXPECTED_NAME);
        const name = nameNode == null ? ABSENT : readName(reader, nameNode);
        const hash = readHex(reader, item, "sha256", SHA256_SIZE, SHA256_SIZE);
        if (name != ABSENT) {
          if (names.has(name)) reader.problem(nameNode!, "another key has this name");
          names.set(name, 0);
        }
        if (hash != ABSENT) {
          const finding = bytesOf(pointerOf(hash), FINDING);
          if (numbers.has(finding)) reader.problem(item, "another key has this sha256, or its first 64 bits");
          numbers.set(finding, this.hashes.length);
          this.hashes.push(hash);
          this.names.push(name);
        }
      }
      item = item.next;
    }
    this.numbers = numbers;
  }
}

const EXPECTED_NAME = "a name of 1 to 63 characters out of A-Z a-z 0-9 _ . -";
const EXPECTED_PLACES = "a list of 1 to 16 places, like [{header: x-api-key}]";

/** As `ConfigReader.name`. Whoever pastes the key as its name must not find it in a log. */
function readName(reader: ConfigReader, node: JsonNode): Bytes {
  if (node.kind == JsonKind.String && isName(node.text)) return reader.keeper.keep(node.text);
  reader.problem(node, "expected " + EXPECTED_NAME);
  return ABSENT;
}

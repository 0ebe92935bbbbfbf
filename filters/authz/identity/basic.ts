import { arenaAllocate } from "../../../assembly/bytes/arena";
import { decodeBase64 } from "../../../assembly/bytes/base64";
import { ByteMap } from "../../../assembly/bytes/byte-map";
import {
  ABSENT,
  byteAt,
  Bytes,
  bytesOf,
  byteString,
  copyTo,
  indexOfByte,
  lengthOf,
  literal,
  lowerByte,
  slice,
} from "../../../assembly/bytes/bytes";
import { equalsInConstantTime } from "../../../assembly/bytes/constant-time";
import { sha256, SHA256_SIZE } from "../../../assembly/bytes/sha256";
import { isTokenByte } from "../../../assembly/bytes/token";
import { ConfigReader } from "../../../assembly/json/config-reader";
import { JsonKind, JsonNode } from "../../../assembly/json/node";
import { emptyList } from "../../../assembly/list";
import { RequestView } from "../../../assembly/request-view";
import { Authentication, identity, Rejection } from "../identity";
import { Challenge } from "./challenge";
import { isSecret, readHex, readSecrets } from "./secret-config";

/** Users that a configuration has at most. */
const MOST_USERS: u32 = 100000;
/** Longer credentials, in base64, are refused without being looked at. */
const LONGEST_CREDENTIALS: u32 = 4096;
const LEAST_SALT: u32 = 16;
const MOST_SALT: u32 = 64;
const LONGEST_USER: u32 = 255;
const LONGEST_REALM: u32 = 255;
/** The hash of the password at hand. */
const DIGEST: usize = memory.data(32, 8);

/**
 * HTTP basic authentication (RFC 7617): `{realm: "..", forward: false, users: [{name: ann, salt: "<hex>", sha256: "<hex>"}]}`, where the hash
 * is that of the salt's bytes and the password's behind one another. A filter cannot afford a hash that is slow by design, such as bcrypt or
 * Argon2: each request would hold up a worker of the proxy for as long. So passwords have to be random ones, which nobody can guess from
 * their hashes; the salt only keeps one guess from being tried on several users at once.
 *
 * A user that is not known costs what others do, with a salt as long as theirs.
 */
@final
export class BasicUsers {
  private readonly numbers: ByteMap = new ByteMap(0);
  private readonly names: Bytes[] = emptyList<Bytes>();
  /** Of each user, and behind them of nobody. */
  private readonly salts: Bytes[] = emptyList<Bytes>();
  private readonly hashes: Bytes[] = emptyList<Bytes>();
  private forward: bool = false;

  constructor(readonly rejection: Rejection) {}

  /** Reads the field `basicAuth`. Null where it is none; what is wrong in it is told. */
  static read(reader: ConfigReader, node: JsonNode): BasicUsers | null {
    if (!reader.object(node, "realm forward users")) return null;
    const challenge = 'Basic realm="' + readRealm(reader, node) + '", charset="UTF-8"';
    const users = new BasicUsers(
      new Challenge(reader.keeper, "basic", challenge, "user or password refused"),
    );
    users.forward = reader.boolean(node, "forward", false);
    users.readUsers(reader, node);
    return users;
  }

  /** Defines its metrics: only for a configuration that is taken. */
  define(): void {
    this.rejection.define();
  }

  /**
   * Looks at `authorization` where its scheme is `Basic`: others, such as `Bearer`, are not its business. A header that came twice arrives
   * joined by a comma, which is in no base64. Changes nothing in the request, as `ApiKeys.authenticate`.
   */
  authenticate(request: RequestView): Authentication {
    const header = request.headers.get(AUTHORIZATION);
    if (header == ABSENT || !isBasic(header)) return Authentication.Passed;
    identity.user = this.userOf(header);
    return identity.user == ABSENT ? Authentication.Refused : Authentication.Passed;
  }

  /** Takes the credentials out of a request that goes on, unless they are to be forwarded. */
  strip(request: RequestView): void {
    if (!this.forward && identity.user != ABSENT) request.headers.remove(AUTHORIZATION);
  }

  /** {@link ABSENT} for credentials that are not right. */
  private userOf(header: Bytes): Bytes {
    // RFC 9110 §11.4: one space or more.
    let start: u32 = lengthOf(BASIC);
    while (start < lengthOf(header) && byteAt(header, start) == 0x20) start++;
    const encoded = slice(header, start, lengthOf(header));
    if (start == lengthOf(BASIC) || lengthOf(encoded) > LONGEST_CREDENTIALS) return ABSENT;
    const credentials = decodeBase64(encoded);
    if (credentials == ABSENT) return ABSENT;
    const colon = indexOfByte(credentials, 0x3a);
    if (colon < 0) return ABSENT;
    const found = this.numbers.get(slice(credentials, 0, colon));
    const number = found < 0 ? this.names.length : found;
    hashSalted(unchecked(this.salts[number]), slice(credentials, colon + 1, lengthOf(credentials)));
    const same = equalsInConstantTime(bytesOf(DIGEST, SHA256_SIZE), unchecked(this.hashes[number]));
    return same && found >= 0 ? unchecked(this.names[found]) : ABSENT;
  }

  private readUsers(reader: ConfigReader, node: JsonNode): void {
    const list = readSecrets(reader, node, "users", MOST_USERS);
    if (list == null) return;
    let saltSize: u32 = 0;
    let item = list.first;
    while (item != null) {
      if (isSecret(reader, item, "name salt sha256")) {
        const name = readUser(reader, item);
        const salt = readHex(reader, item, "salt", LEAST_SALT, MOST_SALT);
        const hash = readHex(reader, item, "sha256", SHA256_SIZE, SHA256_SIZE);
        if (saltSize == 0) saltSize = lengthOf(salt);
        else if (salt != ABSENT && lengthOf(salt) != saltSize) {
          reader.problem(item, "expected a salt as long as those before: the time would tell who is a user");
        }
        if (name != ABSENT && this.numbers.has(name)) reader.problem(item, "another user has this name");
        this.numbers.set(name, this.names.length);
        this.names.push(name);
        this.salts.push(salt);
        this.hashes.push(hash);
      }
      item = item.next;
    }
    this.salts.push(reader.keeper.keep(zeros(saltSize)));
    this.hashes.push(reader.keeper.keep(zeros(SHA256_SIZE)));
  }
}

// @ts-ignore: decorator
@lazy const AUTHORIZATION = literal("authorization");
// @ts-ignore: decorator
@lazy const BASIC = literal("basic");

/**
 * Whether the scheme is `Basic`, in any case (RFC 9110 §11.1), whatever comes behind it: what a lenient reader could take for it is refused
 * here rather than passed on.
 */
function isBasic(header: Bytes): bool {
  const length = lengthOf(BASIC);
  if (lengthOf(header) < length) return false;
  for (let at: u32 = 0; at < length; at++)
    if (lowerByte(byteAt(header, at)) != byteAt(BASIC, at)) return false;
  return lengthOf(header) == length || !isTokenByte(byteAt(header, length));
}

/** Puts the hash of the salt and the password into {@link DIGEST}. */
function hashSalted(salt: Bytes, password: Bytes): void {
  const length = lengthOf(salt) + lengthOf(password);
  const salted = arenaAllocate(length);
  copyTo(salted + copyTo(salted, salt), password);
  sha256(bytesOf(salted, length), DIGEST);
}

function zeros(length: u32): Bytes {
  const start = arenaAllocate(length);
  memory.fill(start, 0, length);
  return bytesOf(start, length);
}

/** The realm as it stands within quotes (RFC 9110 §5.6.4). */
function readRealm(reader: ConfigReader, node: JsonNode): string {
  const member = reader.member(node, "realm");
  if (member == null) return "restricted";
  if (member.kind == JsonKind.String && isVisible(member.text, LONGEST_REALM)) {
    return byteString(member.text).replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  }
  reader.unexpected(member, "a text of 1 to 255 bytes without control characters");
  return "";
}

/** RFC 7617 §2: a user's name has neither a colon nor control characters. */
function readUser(reader: ConfigReader, object: JsonNode): Bytes {
  const expected = "a name of 1 to 255 bytes without colon and control characters";
  const node = reader.required(object, "name", expected);
  if (node == null) return ABSENT;
  const right: bool =
    node.kind == JsonKind.String && isVisible(node.text, LONGEST_USER) && indexOfByte(node.text, 0x3a) < 0;
  if (right) return reader.keeper.keep(node.text);
  // Whoever pastes `user:password` as the name must not find it in a log.
  reader.problem(node, "expected " + expected);
  return ABSENT;
}

function isVisible(text: Bytes, most: u32): bool {
  const length = lengthOf(text);
  for (let at: u32 = 0; at < length; at++) {
    const byte = byteAt(text, at);
    if (byte < 0x20 || byte == 0x7f) return false;
  }
  return length - 1 < most;
}

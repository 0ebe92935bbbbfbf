/** `outrigger api-key` and `outrigger basic-user`: new credentials, and what `authz` is told of them. */
import { createHash, randomBytes } from "node:crypto";
import { UserError } from "./errors.ts";
import { readText } from "./source.ts";
import { stderr, stdout } from "./terminal.ts";

/** Bytes of what is made: 128 bits, which nobody guesses from their hash, however fast it is. */
const SECRET_SIZE = 16;
const SALT_SIZE = 16;
/** Tells scanners of code and logs that a text is a key of ours. */
const PREFIX = "ork_";
/** As long as a password that is typed has to be, in characters, for us to say nothing about it. */
const LONG_ENOUGH = 20;
/** What the filter takes at most, with a user of 255 bytes before it. */
const LONGEST_PASSWORD = 2048;

export interface ApiKeyOptions {
  name?: string;
  json?: boolean;
}

/** Prints a new API key, and the line with its hash for `apiKeys.keys`. Throws {@link UserError} for a name that is none. */
export function makeApiKey(options: ApiKeyOptions): void {
  const key = PREFIX + randomBytes(SECRET_SIZE).toString("hex");
  const sha256 = createHash("sha256").update(key).digest("hex");
  const name = options.name ?? `key-${sha256.slice(0, 8)}`;
  if (!/^[A-Za-z0-9_.-]{1,63}$/.test(name)) {
    throw new UserError(`--name: expected 1 to 63 characters out of A-Z a-z 0-9 _ . -, got "${name}"`);
  }
  if (options.json) {
    stdout.line(JSON.stringify({ key, name, sha256 }));
    return;
  }
  stdout.line(key);
  stdout.line(`- { name: ${JSON.stringify(name)}, sha256: "${sha256}" }`);
  tell("The key is for the client, and is not shown again; the line below it is for apiKeys.keys.");
}

export interface BasicUserOptions {
  stdin?: boolean;
  json?: boolean;
}

/** Prints a new password, unless one is given, and the line for `basicAuth.users`. Throws {@link UserError} for what cannot be sent. */
export function makeBasicUser(user: string, options: BasicUserOptions): void {
  // User agents send both in Unicode's normal form C (RFC 7617 §2.1).
  const name = user.normalize("NFC");
  const size = Buffer.byteLength(name);
  if (size === 0 || size > 255 || name.includes(":") || hasControls(name)) {
    throw new UserError("a user's name has 1 to 255 bytes, and neither colons nor control characters");
  }
  const given = options.stdin ? readPassword() : null;
  const password = given ?? randomBytes(SECRET_SIZE).toString("base64url");
  const salt = randomBytes(SALT_SIZE);
  const sha256 = createHash("sha256").update(salt).update(password).digest("hex");
  const line = { name, salt: salt.toString("hex"), sha256 };
  if (options.json) {
    stdout.line(JSON.stringify(given === null ? { password, ...line } : line));
  } else {
    if (given === null) stdout.line(password);
    stdout.line(`- { name: ${JSON.stringify(name)}, salt: "${line.salt}", sha256: "${sha256}" }`);
    const where = "for basicAuth.users";
    tell(
      given === null
        ? `The password is for the user, and is not shown again; the line below it is ${where}.`
        : `The line is ${where}.`,
    );
  }
  if (given !== null && given.length < LONG_ENOUGH) {
    stderr.line(
      `${stderr.colors.yellow("warning:")} a password of ${given.length} characters: whoever sees its hash can guess it; ` +
        "without --stdin one is made that nobody can",
    );
  }
}

/** The password on standard input: all of it but a line's end. */
function readPassword(): string {
  const password = readText("-")
    .replace(/\r?\n$/, "")
    .normalize("NFC");
  if (password === "") throw new UserError("no password on standard input");
  if (hasControls(password)) throw new UserError("a password has one line, and no control characters");
  if (Buffer.byteLength(password) > LONGEST_PASSWORD) {
    throw new UserError(`a password has at most ${LONGEST_PASSWORD} bytes`);
  }
  return password;
}

function hasControls(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

function tell(note: string): void {
  stderr.line(stderr.colors.dim(note));
}

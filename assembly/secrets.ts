import { byteAt, Bytes, lengthOf, literal, lowerByte } from "./bytes/bytes";
import { JsonKind, JsonNode } from "./json/node";
import { positionAmong } from "./json/words";

/** What a credential's name has in it, in lower case: whole segments, or two of them that stand side by side. */
// @ts-ignore: decorator
@lazy
const WORDS = literal(
  "authorization cookie token accesstoken secret password passwd passphrase apikey api-key access-key auth-key private-key subscription-key functions-key master-key credential credentials jwt bearer dpop session sessionid oidc-data",
);
/** No credential has a name as long as that. */
const LONGEST: u32 = 256;
const HYPHEN: u8 = 0x2d;
const UNDERSCORE: u8 = 0x5f;
const SPACE: u8 = 0x20;

/**
 * Whether a header's value is to be taken for a credential, which must not be shown: not in a log line, a reason, a metric, a property, or
 * an explanation. It is one when a segment of the name, between hyphens or underscores and in any case, is
 * - `authorization` (with `proxy-` too; RFC 9110 §11.6 and §11.7), `cookie` (with `set-` too; RFC 6265), or `dpop` (RFC 9449 §4);
 * - `token` or `accesstoken` (`x-auth-token`, `x-amz-security-token`, `x-csrf-token`, ..), `jwt`, `bearer`, or `oidc-data` (`x-amzn-oidc-data`,
 *   a JWT too);
 * - `secret`, `password`, `passwd`, `passphrase`, `credential`, `credentials`, `session`, or `sessionid`;
 * - `apikey`, or `key` behind `api`, `access`, `auth`, `private`, `subscription`, `functions` or `master` (`x-goog-api-key`,
 *   `ocp-apim-subscription-key`, `x-functions-key`). A `key` alone is none: `idempotency-key` and `sec-websocket-key` are no secrets. Nor
 *   are `tokens`, which models' APIs count (`x-ratelimit-remaining-tokens`).
 *
 * Where it is wrong it hides too much: a name of more than 256 bytes is one as well. It allocates nothing.
 */
export function isSecretHeader(name: Bytes): bool {
  const length = lengthOf(name);
  if (length > LONGEST) return true;
  for (let start: u32 = 0; start < length; start++) {
    if ((start == 0 || isHyphen(byteAt(name, start - 1))) && hasWordAt(name, start)) return true;
  }
  return false;
}

/** Whether a part of a key, like `{header: authorization}`, is a header, a cookie or a parameter whose name is one of a credential. */
export function isSecretPart(part: JsonNode): bool {
  const value = part.first;
  if (value == null || value.kind != JsonKind.String) return false;
  return positionAmong(value.name, "header cookie queryParam") >= 0 && isSecretHeader(value.text);
}

/** Whether one of the words stands in the name from `start` on, up to its end or to the end of a segment. */
function hasWordAt(name: Bytes, start: u32): bool {
  const length = lengthOf(name);
  const words = lengthOf(WORDS);
  let at = start;
  let same = true;
  for (let position: u32 = 0; position <= words; position++) {
    const byte = position < words ? byteAt(WORDS, position) : SPACE;
    if (byte != SPACE) {
      same = same && at < length && folded(byteAt(name, at)) == byte;
      at++;
      continue;
    }
    if (same && (at == length || isHyphen(byteAt(name, at)))) return true;
    at = start;
    same = true;
  }
  return false;
}

function folded(byte: u8): u8 {
  return byte == UNDERSCORE ? HYPHEN : lowerByte(byte);
}

function isHyphen(byte: u8): bool {
  return folded(byte) == HYPHEN;
}

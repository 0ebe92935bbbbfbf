import { byteAt, byteString, Bytes, equals, indexOfByte, lengthOf, slice } from "../bytes/bytes";
import { alternatives, isAt, positionAmong } from "../json/words";

/**
 * What Envoy 1.40 offers to expressions (`source/extensions/filters/common/expr/context.h`, `PROPERTY_TOKENS` of
 * `source/extensions/common/wasm/context.cc`), each line an attribute and, where these are all there are, its fields.
 */
const ATTRIBUTES =
  "request path url_path query host scheme method headers headers_bytes referer useragent time id protocol duration size total_size\n" +
  "response code code_details flags grpc_status headers headers_bytes trailers size total_size backend_latency\n" +
  "source address port\n" +
  "destination address port\n" +
  "connection id mtls requested_server_name tls_version termination_details transport_failure_reason subject_local_certificate " +
  "subject_peer_certificate uri_san_local_certificate uri_san_peer_certificate dns_san_local_certificate dns_san_peer_certificate " +
  "sha256_peer_certificate_digest peer_certificate\n" +
  "upstream address port local_address locality transport_failure_reason request_attempt_count cx_pool_ready_duration num_endpoints\n" +
  "metadata\nfilter_state\nupstream_filter_state\nxds\nnode\nlistener_direction\nlistener_metadata\ncluster_name\ncluster_metadata\n" +
  "route_name\nroute_metadata\nplugin_name\nplugin_root_id\nplugin_vm_id\nconnection_id\nupstream_host_metadata\n";

/** What else stands alone in CEL: literals, an operator, and the names of types. */
const WORDS = "true false null in bool int uint double string bytes list map type";

/**
 * What is wrong with the first attribute that Envoy has not; empty when all are known. Envoy takes an expression with any
 * name and fails at each request, so that a typing error would go unseen. Names which a macro binds
 * (`list.exists(x, ..)`) are its own.
 */
export function unknownCelAttribute(text: Bytes): string {
  const length = lengthOf(text);
  let before: u8 = 0;
  for (let at: u32 = 0; at < length;) {
    const byte = byteAt(text, at);
    if (isQuote(byte)) at = endOfString(text, at, before == 0x72 || before == 0x52);
    else if (byte == 0x2f && byteOr0(text, at + 1) == 0x2f) {
      // A comment.
      const line = indexOfByte(text, 0x0a, at);
      if (line < 0) break;
      at = line;
    } else if (isNameByte(byte)) {
      const end = endOfName(text, at);
      const isPrefix = isQuote(byteOr0(text, end));
      if (byte > 0x39 && before != 0x2e && byteOr0(text, byteFrom(text, end)) != 0x28 && !isPrefix) {
        const problem = problemOf(text, at, end);
        if (problem.length > 0) return problem;
      }
      before = byteAt(text, end - 1);
      at = end;
      continue;
    } else at++;
    if (byte > 0x20) before = byte;
  }
  return "";
}

/** What is wrong with the name from `start` to `end`. */
function problemOf(text: Bytes, start: u32, end: u32): string {
  const name = slice(text, start, end);
  if (positionAmong(name, WORDS) >= 0) return "";
  const length = <i32>lengthOf(name);
  let line = 0;
  for (let at = 0; at < ATTRIBUTES.length; at++) {
    if (ATTRIBUTES.charCodeAt(at) != 0x0a) continue;
    if (at - line >= length && isAt(name, ATTRIBUTES, line)) {
      const behind = ATTRIBUTES.charCodeAt(line + length);
      if (behind == 0x0a) return "";
      if (behind == 0x20) {
        const field = fieldBehind(text, end);
        const fields = ATTRIBUTES.substring(line + length + 1, at);
        if (lengthOf(field) == 0 || positionAmong(field, fields) >= 0) return "";
        return `${byteString(name)} has no ${byteString(field)} in Envoy; expected ${alternatives(fields)}`;
      }
    }
    line = at + 1;
  }
  return isBound(text, name) ? "" : `Envoy has no attribute ${byteString(name)}; expected request.path, say`;
}

/** The field that is selected behind an attribute: `path` of `.path` and of `["path"]`; empty for another index. */
function fieldBehind(text: Bytes, end: u32): Bytes {
  let at = byteFrom(text, end);
  const mark = byteOr0(text, at);
  at = byteFrom(text, at + 1);
  if (mark == 0x5b) {
    if (!isQuote(byteOr0(text, at++))) return 0;
  } else if (mark != 0x2e) return 0;
  return slice(text, at, endOfName(text, at));
}

/** Whether a macro binds the name: `(name,`. */
function isBound(text: Bytes, name: Bytes): bool {
  for (let at = indexOfByte(text, 0x28); at >= 0; at = indexOfByte(text, 0x28, at + 1)) {
    const start = byteFrom(text, at + 1);
    const end = endOfName(text, start);
    if (byteOr0(text, byteFrom(text, end)) == 0x2c && equals(slice(text, start, end), name)) return true;
  }
  return false;
}

/** The first position from `at` on without white space. */
function byteFrom(text: Bytes, at: u32): u32 {
  while (at < lengthOf(text) && byteAt(text, at) <= 0x20) at++;
  return at;
}

function endOfName(text: Bytes, at: u32): u32 {
  while (at < lengthOf(text) && isNameByte(byteAt(text, at))) at++;
  return at;
}

/** Behind the string literal that begins at `at`; of a raw one a backslash is itself. */
function endOfString(text: Bytes, at: u32, raw: bool): u32 {
  const length = lengthOf(text);
  const quote = byteAt(text, at);
  const width: u32 = byteOr0(text, at + 1) == quote && byteOr0(text, at + 2) == quote ? 3 : 1;
  for (at += width; at < length; at++) {
    const byte = byteAt(text, at);
    if (byte == 0x5c && !raw) at++;
    else if (
      byte == quote &&
      (width == 1 || (byteOr0(text, at + 1) == quote && byteOr0(text, at + 2) == quote))
    ) {
      return at + width;
    }
  }
  return length;
}

/** The byte at `at`; 0 at the end. */
function byteOr0(text: Bytes, at: u32): u8 {
  return at < lengthOf(text) ? byteAt(text, at) : 0;
}

function isQuote(byte: u8): bool {
  return byte == 0x22 || byte == 0x27;
}

function isNameByte(byte: u8): bool {
  return byte == 0x5f || <u32>(byte - 0x30) < 10 || <u32>((byte | 0x20) - 0x61) < 26;
}

import { proxy_get_log_level, proxy_log } from "../abi/imports";
import { LogLevelValues, WasmResultValues } from "../abi/values";
import { Bytes, lengthOf, literal, pointerOf, release } from "../bytes/bytes";
import { returnedPointer, returnedU32 } from "./returned";

export { LogLevelValues };

/** The level below which the host drops what is logged, as last asked for; -1 before. */
let level: i32 = -1;

/**
 * Whether the host keeps what is logged at `wanted`. Ask before a message is built:
 * `if (logs(LogLevelValues.debug)) log(LogLevelValues.debug, ...)`. The answer is remembered until
 * {@link refreshLogLevel}, so that a request does not pay a host call for a message that nobody reads.
 */
export function logs(wanted: LogLevelValues): bool {
  if (level < 0) refreshLogLevel();
  return <i32>wanted >= level;
}

/** Asks the host again. Filters do this on their tick, so that a changed level shows within seconds. */
export function refreshLogLevel(): void {
  const answer = proxy_get_log_level(returnedPointer());
  level = answer == WasmResultValues.Ok ? <i32>returnedU32() : LogLevelValues.info;
}

/** Logs bytes that are there already. */
export function logBytes(level: LogLevelValues, text: Bytes): void {
  proxy_log(level, pointerOf(text), lengthOf(text));
}

/** Logs a byte string (see `byteString`) or an ASCII text. Allocates as {@link log} does. */
export function logByteString(level: LogLevelValues, text: string): void {
  const bytes = literal(text);
  logBytes(level, bytes);
  release(bytes);
}

/** Logs a text. Allocates for its UTF-8 form: on the request path only behind {@link logs}. */
export function log(level: LogLevelValues, text: string): void {
  const encoded = String.UTF8.encode(text);
  proxy_log(level, changetype<usize>(encoded), encoded.byteLength);
}

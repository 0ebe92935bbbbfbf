import { logByteString, LogLevelValues } from "../../../assembly/host/log";
import { KeySet } from "../../../assembly/jwt/jwk";

/** Where the keys of a rule come from. */
export abstract class KeySource {
  /** What there is now; null while nothing has come yet, or all of it is too old. */
  keys: KeySet | null = null;
  /** Changes whenever the keys do. */
  version: u32 = 1;

  /** Whether keys may come within `timeout` milliseconds, being fetched now; `unknownKid`: there are some, and the token names another. */
  abstract mayCome(unknownKid: bool, timeout: u32): bool;
}

/** Keys that the configuration has. */
@final
export class LocalKeys extends KeySource {
  constructor(keys: KeySet) {
    super();
    this.keys = keys;
  }

  mayCome(_unknownKid: bool, _timeout: u32): bool {
    return false;
  }
}

/** Logs which keys of a set are left out, and why: tokens that name them will be refused. */
export function warnOfSkipped(keys: KeySet): void {
  if (keys.skipped.length == 0) return;
  logByteString(LogLevelValues.warn, "authz: keys that are left out:\n" + keys.skipped);
}

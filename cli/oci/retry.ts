/** Doing again what failed for a moment. */
import { setTimeout as sleep } from "node:timers/promises";
import { RegistryError } from "./registry-error.ts";

export interface Patience {
  /** Before each further attempt, in milliseconds: so many times is it repeated. */
  waits: readonly number[];
  /** What a registry asks for by `Retry-After` is granted up to this, in milliseconds. */
  longestWait: number;
  sleep: (milliseconds: number) => Promise<unknown>;
}

export const PATIENCE: Patience = { waits: [500, 1000, 2000, 4000], longestWait: 60_000, sleep };

/**
 * Calls until it succeeds, as often as there is patience for. Each wait is lengthened by up to a quarter, so that many who failed
 * together do not come back together. Throws the last error, and at once one that is not transient.
 */
export async function retrying<T>(
  call: () => Promise<T>,
  patience: Patience,
  note: (text: string) => void,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof RegistryError) || !error.details.transient) throw error;
      const asked = error.details.retryAfter ?? 0;
      const wait = patience.waits[attempt];
      if (asked > patience.longestWait) {
        throw new RegistryError(
          `${error.message}, and asks to wait ${Math.ceil(asked / 1000)} s`,
          error.details,
        );
      }
      if (wait === undefined) throw error;
      const milliseconds = Math.max(asked, Math.round(wait * (1 + Math.random() / 4)));
      note(`${error.message.split("\n")[0]}; again in ${(milliseconds / 1000).toFixed(1)} s`);
      await patience.sleep(milliseconds);
    }
  }
}

/** `Retry-After` in milliseconds, which is in seconds or a date (RFC 9110 §10.2.3); undefined without a usable one. */
export function retryAfterOf(value: string | null, now = Date.now()): number | undefined {
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

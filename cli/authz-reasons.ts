/** Reasons that `authz` has of its own, without `authz:`: no policy may have such a name (`filters/authz/policy/read-policies.ts`). */

/** Why credentials are refused. */
const CREDENTIALS: readonly string[] = [
  "jwt-issuer", "jwt-malformed", "jwt-algorithm", "jwt-expired", "jwt-not-yet", "jwt-audience", "jwt-signature", "jwt-unknown-key",
  "jwt-keys-unavailable", "jwt-duplicate", "api-key", "basic",
]; // prettier-ignore
const OTHERS: readonly string[] = ["error", "allowed", "no-allow", "custom-error"];

/** Whether it is the reason of a refusal of credentials. */
export function isOfCredentials(reason: string): boolean {
  return CREDENTIALS.includes(reason);
}

/** Whether it is any of them. */
export function isOwnReason(reason: string): boolean {
  return isOfCredentials(reason) || OTHERS.includes(reason);
}

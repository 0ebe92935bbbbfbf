/** JSON that others wrote. */

export type Json = Record<string, unknown>;

/** Whether it is an object of JSON: neither a list nor null. */
export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value in bytes of UTF-8. Throws `SyntaxError` where they are no JSON. */
export function jsonOf(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes));
}

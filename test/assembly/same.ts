/** `expect(actual).toBe(expected)` for loops: it bothers the host, which costs 50 µs, only for a difference. */
export function same<T>(actual: T, expected: T, message: string = ""): void {
  if (actual != expected) expect(actual).toBe(expected, message);
}

/** The regex engine as a module of its own, for the tests: patterns and values go through {@link room}. */
import { Bytes, bytesOf } from "../../../assembly/bytes/bytes";
import { compileRegex, regexProblem } from "../../../assembly/regex/compile";
import { Regex } from "../../../assembly/regex/regex";

export { TEXTS } from "../../../assembly/bytes/texts";

/** Bytes that a pattern or a value may have. */
const ROOM: i32 = 1024 * 1024;
const bytes = new StaticArray<u8>(ROOM);

let regex: Regex | null = null;

/** Where the pattern or the value is put. */
export function room(): usize {
  return changetype<usize>(bytes);
}

/** Compiles the pattern of `length` bytes. */
export function compile(length: u32, ignoreCase: bool): bool {
  regex = null;
  regex = compileRegex(given(length), ignoreCase);
  return regex != null;
}

/** Whether the value of `length` bytes matches. */
export function matches(length: u32): bool {
  return regex!.matches(given(length));
}

/** Writes what was wrong with the pattern; answers its length in bytes. */
export function problem(): u32 {
  return <u32>String.UTF8.encodeUnsafe(changetype<usize>(regexProblem), regexProblem.length, room());
}

/** Frees what is no longer used. */
export function collect(): void {
  // @ts-ignore: a builtin of the runtime.
  __collect();
}

function given(length: u32): Bytes {
  return bytesOf(room(), length);
}

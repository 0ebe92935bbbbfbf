import { Bytes, lengthOf } from "../bytes/bytes";
import { CLASSES_ROOM, startClasses } from "./char-classes";
import { startFlags } from "./class-syntax";
import { asked, FRAMES_ROOM, parse } from "./parser";
import { failSize, openPattern, regexProblem } from "./pattern";
import { CODE_ROOM, startProgram } from "./program";
import { Regex } from "./regex";

export { regexProblem } from "./pattern";

/** Bytes of a pattern. */
const MAX_BYTES: u32 = 4096;

/**
 * Compiles a regex of RE2's syntax. `ignoreCase` says that ASCII letters match whatever their case, and the pattern's flags.
 * Null when it is refused, with the reason in {@link regexProblem}.
 */
export function compileRegex(pattern: Bytes, ignoreCase: bool = false): Regex | null {
  const room = heap.alloc(CODE_ROOM + CLASSES_ROOM + FRAMES_ROOM);
  startProgram(room);
  startClasses(room + CODE_ROOM);
  startFlags(ignoreCase);
  openPattern(pattern);
  if (lengthOf(pattern) > MAX_BYTES) failSize();
  parse(room + CODE_ROOM + CLASSES_ROOM);
  const regex = regexProblem.length == 0 ? Regex.make(asked) : null;
  heap.free(room);
  return regex;
}

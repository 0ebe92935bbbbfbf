import { Bytes, lengthOf } from "../bytes/bytes";
import { classes, CLASSES_ROOM, classesEnd, startClasses } from "./char-classes";
import { startFlags } from "./class-syntax";
import { countUpTo } from "./code-points";
import { asked, FRAMES_ROOM, parse } from "./parser";
import { failSize, openPattern, regexProblem } from "./pattern";
import { CODE_ROOM, startProgram } from "./program";
import { Regex } from "./regex";

export { regexProblem } from "./pattern";

/** Bytes of a pattern. */
const MAX_BYTES: u32 = 4096;
/** Code points at which some class begins or ends: a state has an entry for what is between each two of them. */
const MAX_BOUNDARIES: u32 = 1000;

/** Where classes begin or end, ascending, each once. More than {@link MAX_BOUNDARIES} when there were more. */
let boundaries: usize = 0;
let boundaryCount: u32 = 0;

/**
 * Compiles a regex of RE2's syntax. `ignoreCase` says that ASCII letters match whatever their case, and the pattern's flags.
 * Null when it is refused, with the reason in {@link regexProblem}.
 */
export function compileRegex(pattern: Bytes, ignoreCase: bool = false): Regex | null {
  const room = heap.alloc(CLASSES_ROOM + CODE_ROOM + FRAMES_ROOM + (MAX_BOUNDARIES + 1) * 4);
  boundaries = room;
  boundaryCount = 0;
  startProgram(room + (MAX_BOUNDARIES + 1) * 4);
  startClasses(room + (MAX_BOUNDARIES + 1) * 4 + CODE_ROOM);
  startFlags(ignoreCase);
  openPattern(pattern);
  if (lengthOf(pattern) > MAX_BYTES) failSize();
  parse(room + (MAX_BOUNDARIES + 1) * 4 + CODE_ROOM + CLASSES_ROOM);
  for (let at = classes; at < classesEnd;) {
    const count = load<u32>(at);
    addBoundaries(at + 4, count);
    at += 4 + ((<usize>count) << 2);
  }
  if (boundaryCount > MAX_BOUNDARIES) failSize();
  const regex = regexProblem.length == 0 ? new Regex(boundaries, boundaryCount, asked) : null;
  heap.free(room);
  return regex;
}

function addBoundaries(words: usize, count: u32): void {
  for (const end = words + ((<usize>count) << 2); words < end; words += 4) {
    const point = load<u32>(words);
    const before = countUpTo(boundaries, boundaryCount, point);
    const place = boundaries + ((<usize>before) << 2);
    if ((before > 0 && load<u32>(place - 4) == point) || boundaryCount > MAX_BOUNDARIES) continue;
    memory.copy(place + 4, place, (<usize>(boundaryCount - before)) << 2);
    store<u32>(place, point);
    boundaryCount++;
  }
}

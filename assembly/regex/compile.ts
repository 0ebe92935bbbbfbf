import { Bytes } from "../bytes/bytes";
import { countUpTo } from "./code-points";
import { Parser } from "./parser";
import { Regex } from "./regex";

/** Code points at which some class begins or ends: a state has an entry for what is between each two of them. */
const MAX_BOUNDARIES: u32 = 1000;

/** Where the characters begin and end that `\b`, `(?m)^` and `(?m)$` look for: the line feed, digits, letters and `_`. */
const ASSERTED: usize = memory.data<u32>([0x0a, 0x0b, 0x30, 0x3a, 0x41, 0x5b, 0x5f, 0x60, 0x61, 0x7b]);

/** What is wrong with the pattern that {@link compileRegex} refused, and where, counted in bytes from 1. */
export let regexProblem: string = "";

/**
 * Compiles a regex of RE2's syntax. `ignoreCase` says that ASCII letters match whatever their case, and the pattern's flags.
 * Null when it is refused, with the reason in {@link regexProblem}.
 */
export function compileRegex(pattern: Bytes, ignoreCase: bool = false): Regex | null {
  const parser = new Parser(pattern, ignoreCase);
  parser.parse();
  regexProblem = parser.problem;
  let regex: Regex | null = null;
  if (regexProblem.length == 0) {
    const boundaries = new Boundaries();
    const classes = parser.classes;
    for (let at = classes.words; at < classes.end; ) {
      const count = load<u32>(at);
      at += 4;
      boundaries.add(at, count);
      at += <usize>count << 2;
    }
    if (parser.asksCharacters) boundaries.add(ASSERTED, 10);
    if (boundaries.count > MAX_BOUNDARIES) regexProblem = "too many different characters";
    else regex = new Regex(parser.program, classes, boundaries.words, boundaries.count, parser.asked);
    heap.free(boundaries.words);
  }
  parser.free();
  return regex;
}

/** Code points, ascending, each once. */
@final
class Boundaries {
  readonly words: usize = heap.alloc((MAX_BOUNDARIES + 1) * 4);
  /** Above {@link MAX_BOUNDARIES} when there were more. */
  count: u32 = 0;

  add(words: usize, count: u32): void {
    for (const end = words + (<usize>count << 2); words < end; words += 4) this.insert(load<u32>(words));
  }

  private insert(point: u32): void {
    const before = countUpTo(this.words, this.count, point);
    const place = this.words + (<usize>before << 2);
    if ((before > 0 && load<u32>(place - 4) == point) || this.count > MAX_BOUNDARIES) return;
    memory.copy(place + 4, place, <usize>(this.count - before) << 2);
    store<u32>(place, point);
    this.count++;
  }
}

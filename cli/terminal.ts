/** Writing for people: colours and progress where a terminal is, plain text elsewhere. */
import pc from "picocolors";

type Colors = ReturnType<typeof pc.createColors>;

export interface Output {
  readonly colors: Colors;
  line(text?: string): void;
}

/** What a command answers. */
export const stdout: Output = outputOn(process.stdout);
/** What is said beside the answer: errors, notes, progress. */
export const stderr: Output = outputOn(process.stderr);

function outputOn(stream: NodeJS.WriteStream): Output {
  return {
    colors: pc.createColors(wantsColors(stream)),
    line: (text = "") => void stream.write(`${text}\n`),
  };
}

/** `NO_COLOR` (no-color.org), then `FORCE_COLOR` as Node has it, then whether a terminal is there. */
function wantsColors(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  if (NO_COLOR) return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== "0" && FORCE_COLOR !== "false";
  // Undefined where there is none, for which picocolors would look for itself, and take CI for a terminal.
  return Boolean(stream.isTTY) && TERM !== "dumb";
}

/** One line on a terminal's stderr that is overwritten as work goes on; nothing where there is no terminal. */
export class Progress {
  private shown = false;

  show(text: string): void {
    if (!process.stderr.isTTY) return;
    const width = process.stderr.columns || 80;
    process.stderr.write(`\r\u001b[2K${stderr.colors.dim(text.slice(0, width - 1))}`);
    this.shown = true;
  }

  /** Takes the line away; to be called before anything else is written. */
  clear(): void {
    if (this.shown) process.stderr.write("\r\u001b[2K");
    this.shown = false;
  }
}

/** `1 problem`, `2 problems`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Text of others with control characters made visible, so that a file's contents cannot steer a terminal. */
export function printable(text: string): string {
  return text.replace(/[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, (c) => {
    return `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

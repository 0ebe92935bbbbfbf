/** Writing for people: colours and progress where a terminal is, plain text elsewhere. */
import pc from "picocolors";
import { ExitCode, reasonOf } from "./errors.ts";

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

/**
 * Has the process end in order where nothing can be written any more: quietly where the reader of a pipe has read enough (`outrigger .. | head`),
 * and else with what is in the way.
 */
export function endWhereOutputEnds(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(process.exitCode ?? ExitCode.Ok);
      if (stream === process.stdout) tellUnwritten(error);
      process.exit(ExitCode.Failed);
    });
  }
}

/** Says that standard output cannot be written. */
export function tellUnwritten(error: Error): void {
  stderr.line(`${stderr.colors.red("error:")} cannot write the answer: ${reasonOf(error)}`);
}

/** One line on a terminal's stderr that is overwritten as work goes on; nothing where there is no terminal. */
export class Progress {
  private shown = false;

  show(text: string): void {
    if (!process.stderr.isTTY) return;
    const width = process.stderr.columns || 80;
    process.stderr.write(`\r\u001b[2K${stderr.colors.dim(printable(text).slice(0, width - 1))}`);
    this.shown = true;
  }

  /** What is worth a line of its own where there is no terminal: why nothing goes on for a while. */
  note(text: string): void {
    if (process.stderr.isTTY) this.show(text);
    else stderr.line(`note: ${printable(text)}`);
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
  return text.replace(/[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, escaped);
}

/** {@link printable}, on one line without tabs, so that it cannot pass for other lines of ours either. */
export function printableLine(text: string): string {
  return printable(text).replace(/[\t\n\u2028\u2029]/g, escaped);
}

/** `\u000a`, of one UTF-16 unit. */
function escaped(c: string): string {
  return `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** What is written beside a command's answer, with and without a terminal. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Progress } from "../../cli/terminal.ts";

let written = "";
const { isTTY, columns } = process.stderr;

beforeEach(() => {
  written = "";
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    written += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  Object.assign(process.stderr, { isTTY, columns });
});

/** Without colours. */
function plain(): string {
  return written.replace(/\u001b\[\d+m/g, "");
}

const CLEARED = "\r\u001b[2K";

describe("progress", () => {
  test("is one line of a terminal, cut to its width, that is taken away in the end", () => {
    Object.assign(process.stderr, { isTTY: true, columns: 12 });
    const progress = new Progress();
    progress.show("one of two pieces");
    progress.note("waiting");
    progress.clear();
    progress.clear();
    expect(plain()).toBe(`${CLEARED}one of two ${CLEARED}waiting${CLEARED}`);
  });

  test("does not let others steer the terminal", () => {
    Object.assign(process.stderr, { isTTY: true, columns: 80 });
    new Progress().note("500: \u001b]0;title\u0007");
    expect(plain()).toBe(`${CLEARED}500: \\u001b]0;title\\u0007`);
  });

  test("is nothing but its notes where there is no terminal", () => {
    Object.assign(process.stderr, { isTTY: false });
    const progress = new Progress();
    progress.show("one of two pieces");
    progress.note("503; again in 0.5 s");
    progress.clear();
    expect(written).toBe("note: 503; again in 0.5 s\n");
  });
});

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";

const pages = execFileSync("git", ["ls-files", "*.md"], { encoding: "utf8" }).trim().split("\n");
/** What a page tells the reader to make, and what is in the package that a page is about. */
const ELSEWHERE = ["filters/teapot/module.ts", "scenarios/", "my-scenarios/", "assembly/imports.ts"];

/** A page without its blocks of code; `inline` says whether code in its lines stays. */
function prose(page: string, inline: boolean): string {
  const text = readFileSync(page, "utf8").replace(/^ *```.*?^ *```$/gms, "");
  return inline ? text : text.replace(/`[^`\n]*`/g, "");
}

/** The anchors that GitHub makes of a page's headings. */
function anchorsOf(page: string): string[] {
  return [...prose(page, true).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_\- ]/gu, "")
      .replaceAll(" ", "-"),
  );
}

describe.each(pages)("%s", (page) => {
  test("its links lead to files and headings that are there", () => {
    const broken = [...prose(page, false).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link = ""]) => link)
      .filter((link) => !/^https?:/.test(link))
      .filter((link) => {
        const [path = "", anchor] = link.split("#");
        const target = path === "" ? page : join(dirname(page), path);
        return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
      });
    expect(broken).toEqual([]);
  });

  test("the files that it names are there", () => {
    const missing = [...prose(page, true).matchAll(/`((?:[\w-]+\/)+(?:[\w.-]+\.(?:ts|json|yaml))?)`/g)]
      .map(([, path = ""]) => path)
      .filter((path) => !path.startsWith("build/") && !ELSEWHERE.includes(path))
      .filter((path) => ![path, join("assembly", path), join(dirname(page), path)].some(existsSync));
    expect(missing).toEqual([]);
  });

  test("the targets of make that it names are there", () => {
    const targets = new Set(
      [...readFileSync("Makefile", "utf8").matchAll(/^([a-z0-9-]+):/gm)].map(([, name]) => name),
    );
    const named = [...readFileSync(page, "utf8").matchAll(/(?:`|^\$ |run: )make (?:-C \S+ )?([a-z0-9-]+)/gm)];
    expect(named.map(([, target]) => target).filter((target) => !targets.has(target))).toEqual([]);
  });
});

test("the table of folders in docs/architecture.md has every folder of assembly", () => {
  const folders = new Set(
    execFileSync("git", ["ls-files", "assembly/*/*"], { encoding: "utf8" })
      .trim()
      .split("\n")
      .map((file) => file.split("/")[1]!),
  );
  const page = readFileSync("docs/architecture.md", "utf8");
  const listed = [...page.matchAll(/^\| `([\w-]+)\/` /gm)].map(([, folder]) => folder);
  expect(listed.sort()).toEqual([...folders].sort());
});

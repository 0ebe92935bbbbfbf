/** `outrigger api-key` and `outrigger basic-user` as processes. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { outrigger, type Ran } from "./command.ts";

interface Line {
  name: string;
  salt?: string;
  sha256: string;
}

const sha256 = (...parts: (string | Uint8Array)[]): string => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
};

/** What stands in the YAML line, which is to be pasted into a list. */
const pasted = (line: string | undefined): Line => {
  const list = parse(`users:\n  ${line}\n`) as { users: Line[] };
  expect(list.users).toHaveLength(1);
  return list.users[0]!;
};

/** The password, as the first line says, and what the second one does. */
const made = ({ status, stdout }: Ran): { secret: string; line: Line } => {
  expect(status).toBe(0);
  const lines = stdout.split("\n");
  expect(lines).toHaveLength(3);
  return { secret: lines[0]!, line: pasted(lines[1]) };
};

/** The manual's example of a command, with what is random in it as patterns. */
const example = (command: string): RegExp => {
  const manual = readFileSync("docs/cli.md", "utf8");
  const told = new RegExp(`\\$ npx outrigger ${command}\n([^\`]*)\`\`\``).exec(manual)?.[1];
  expect(told).toBeDefined();
  const pattern = told!
    .replace(/[{}]/g, "\\$&")
    .replace(/[0-9a-f]{64}/g, "[0-9a-f]{64}")
    .replace(/\b[0-9a-f]{32}\b|(?<=ork_)[0-9a-f]{32}/g, "[0-9a-f]{32}")
    .replace(/^[\w-]{22}$/m, "[\\w-]{22}");
  return new RegExp(`^${pattern}$`);
};

describe("outrigger api-key", () => {
  test("makes a key, and the line with its hash", async () => {
    const { secret, line } = made(await outrigger(["api-key", "--name", "ci"]));
    expect(secret).toMatch(/^ork_[0-9a-f]{32}$/);
    expect(line).toEqual({ name: "ci", sha256: sha256(secret) });
  });

  test("makes another one each time, with a name of its own", async () => {
    const [first, second] = [made(await outrigger(["api-key"])), made(await outrigger(["api-key"]))];
    expect(first.secret).not.toBe(second.secret);
    expect(first.line.name).not.toBe(second.line.name);
    expect(first.line.name).toMatch(/^key-[0-9a-f]{8}$/);
  });

  test("answers JSON", async () => {
    const { stdout, stderr } = await outrigger(["api-key", "--name", "ci", "--json"]);
    const { key, ...line } = JSON.parse(stdout) as Line & { key: string };
    expect(line).toEqual({ name: "ci", sha256: sha256(key) });
    expect(stderr).toBe("");
  });

  test("shows the key on standard output alone", async () => {
    const ran = await outrigger(["api-key"]);
    expect(ran.stderr).toContain("not shown again");
    expect(ran.stderr).not.toContain("ork_");
  });

  test("refuses a name that the filter would not take", async () => {
    for (const name of ["", "a b", "a:b", "x".repeat(64)]) {
      const { status, stdout, stderr } = await outrigger(["api-key", "--name", name]);
      expect(status, name).toBe(2);
      expect(stdout).toBe("");
      expect(stderr).toContain("--name: expected 1 to 63 characters");
    }
  });

  test("does as the manual says", async () => {
    const { stdout } = await outrigger(["api-key", "--name", "ci"]);
    expect(stdout).toMatch(example("api-key --name ci"));
  });
});

describe("outrigger basic-user", () => {
  test("makes a password, and the line with its salted hash", async () => {
    const { secret, line } = made(await outrigger(["basic-user", "ann"]));
    expect(Buffer.from(secret, "base64url")).toHaveLength(16);
    expect(line.salt).toMatch(/^[0-9a-f]{32}$/);
    expect(line).toEqual({
      name: "ann",
      salt: line.salt,
      sha256: sha256(Buffer.from(line.salt!, "hex"), secret),
    });
  });

  test("takes a password from standard input, and shows it nowhere", async () => {
    for (const [input, password] of [
      ["correct horse battery staple", "correct horse battery staple"],
      ["correct horse battery staple\n", "correct horse battery staple"],
      ["correct horse battery staple \r\n", "correct horse battery staple "],
    ] as const) {
      const { status, stdout, stderr } = await outrigger(["basic-user", "ann", "--stdin"], { input });
      expect(status).toBe(0);
      const line = pasted(stdout.trimEnd());
      expect(line.sha256).toBe(sha256(Buffer.from(line.salt!, "hex"), password));
      expect(stdout + stderr).not.toContain("horse");
      expect(stderr).not.toContain("warning");
    }
  });

  test("warns of a password that can be guessed", async () => {
    const { status, stderr } = await outrigger(["basic-user", "ann", "--stdin"], { input: "hunter2\n" });
    expect(status).toBe(0);
    expect(stderr).toContain("warning: a password of 7 characters");
    expect(stderr).not.toContain("hunter2");
  });

  test("brings names and passwords into the form that user agents send", async () => {
    const { stdout } = await outrigger(["basic-user", "Ame\u0301lie", "--stdin"], {
      input: "cafe\u0301 au lait, s'il vous plait",
    });
    const line = pasted(stdout.trimEnd());
    expect(line.name).toBe("Am\u00e9lie");
    expect(line.sha256).toBe(sha256(Buffer.from(line.salt!, "hex"), "caf\u00e9 au lait, s'il vous plait"));
  });

  test("quotes names that YAML would take for something else", async () => {
    for (const name of ["on", "1", "a # b", 'say "hi"', "- x", "ann@example.com"]) {
      expect(made(await outrigger(["basic-user", "--", name])).line.name).toBe(name);
    }
  });

  test("answers JSON, with the password only where it made one", async () => {
    const one = JSON.parse((await outrigger(["basic-user", "ann", "--json"])).stdout) as Line & {
      password: string;
    };
    expect(one.sha256).toBe(sha256(Buffer.from(one.salt!, "hex"), one.password));
    const given = await outrigger(["basic-user", "ann", "--json", "--stdin"], { input: "x".repeat(30) });
    expect(Object.keys(JSON.parse(given.stdout) as Line)).toEqual(["name", "salt", "sha256"]);
  });

  test("refuses what cannot be sent", async () => {
    for (const [name, input] of [
      ["a:b", "x"],
      ["", "x"],
      ["a\u0001", "x"],
      ["é".repeat(128), "x"],
      ["ann", ""],
      ["ann", "\n"],
      ["ann", "one\ntwo"],
      ["ann", "tab\there"],
      ["ann", "x".repeat(2049)],
    ] as const) {
      const { status, stdout, stderr } = await outrigger(["basic-user", "--stdin", "--", name], { input });
      expect(status, `${name} ${input}`).toBe(2);
      expect(stdout).toBe("");
      expect(stderr).toMatch(/^error: /);
    }
  });

  test("does as the manual says", async () => {
    const { stdout } = await outrigger(["basic-user", "ann"]);
    expect(stdout).toMatch(example("basic-user ann"));
  });
});

/** What can be told of secrets by the time that it takes to refuse others: counted, since clocks waver. */
import { createHash } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { Host, PluginModule } from "../host/index.ts";
import { compileWorking, WORK } from "./work.ts";

const SALT = "000102030405060708090a0b0c0d0e0f";
const KEY = "ork_00112233445566778899aabbccddeeff";
const PASSWORD = "open sesame";
/** Where hashes are found by: as many of their first bytes. */
const FINDING = 8;

/** What a lookup in a table may add: slots that are taken by others, and a comparison where the hash is the same. */
const LOOKUP = 3;

let module: PluginModule;
beforeAll(async () => {
  module = PluginModule.compile(await compileWorking("filters/authz/module.ts"));
}, 300_000);

function sha256(...parts: (string | Uint8Array)[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** The hash with one byte that is another. */
function spoilt(hash: Buffer, at: number): string {
  const other = Buffer.from(hash);
  other[at]! ^= 0x55;
  return other.toString("hex");
}

/** How much work a filter of this configuration has with a request, whose status is to be this. */
function workOf(configuration: object, headers: [string, string][], status: number): number {
  const host = new Host({ logLevel: 3 });
  const listener = host.listen({
    plugins: [{ module, name: "authz", configuration: JSON.stringify(configuration) }],
  });
  const request = { method: "GET", path: "/", headers };
  const work = (): number => Number((host.workers[0]!.allVms[0]!.exports[WORK] as WebAssembly.Global).value);
  // The first one finds memory that the others need not ask for.
  listener.run(request);
  const before = work();
  expect(listener.run(request).response?.status).toBe(status);
  return work() - before;
}

const keys = (...hashes: string[]): object => ({
  apiKeys: {
    from: [{ header: "x-api-key" }],
    keys: hashes.map((sha256, at) => ({ name: `key-${at}`, sha256 })),
  },
});

const users = (sha256: string): object => ({
  basicAuth: { users: [{ name: "Aladdin", salt: SALT, sha256 }] },
});

const basic = (user: string, password: string): [string, string][] => [
  ["authorization", `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`],
];

const spread = (works: readonly number[]): number => Math.max(...works) - Math.min(...works);

const positions = Array.from({ length: 32 }, (_, at) => at);

describe("the work of refusing", () => {
  test("a key does not hang on where its hash differs, but for finding it by the first 64 bits", () => {
    const hash = sha256(KEY);
    const works = positions.map((at) => workOf(keys(spoilt(hash, at)), [["x-api-key", KEY]], 401));
    expect(works[0]).toBeGreaterThan(100);
    expect(spread(works)).toBeLessThanOrEqual(LOOKUP);
    expect(new Set(works.slice(FINDING)).size).toBe(1);
  });

  test("a key does not hang on how much of it is right", () => {
    const configuration = keys(sha256(KEY).toString("hex"));
    const works = positions.map((at) => {
      const wrong = KEY.slice(0, 4 + at) + (KEY[4 + at] === "0" ? "1" : "0") + KEY.slice(5 + at);
      return workOf(configuration, [["x-api-key", wrong]], 401);
    });
    expect(spread(works)).toBeLessThanOrEqual(LOOKUP);
  });

  test("a password does not hang on where its hash differs", () => {
    const hash = sha256(Buffer.from(SALT, "hex"), PASSWORD);
    const works = positions.map((at) => workOf(users(spoilt(hash, at)), basic("Aladdin", PASSWORD), 401));
    expect(works[0]).toBeGreaterThan(100);
    expect(new Set(works).size).toBe(1);
  });

  test("a password does not hang on how much of it is right", () => {
    const configuration = users(sha256(Buffer.from(SALT, "hex"), PASSWORD).toString("hex"));
    const works = [...PASSWORD].map((_, at) =>
      workOf(configuration, basic("Aladdin", `${PASSWORD.slice(0, at)}#${PASSWORD.slice(at + 1)}`), 401),
    );
    expect(new Set(works).size).toBe(1);
  });

  test("a user who is known is that of refusing one who is not, but for finding the name", () => {
    const configuration = users(sha256(Buffer.from(SALT, "hex"), PASSWORD).toString("hex"));
    for (const length of [0, 1, 30, 38, 39, 40, 47, 48, 100, 1000]) {
      const password = "x".repeat(length);
      const known = workOf(configuration, basic("Aladdin", password), 401);
      const unknown = workOf(configuration, basic("Sinbad7", password), 401);
      expect(Math.abs(known - unknown), `${length}`).toBeLessThanOrEqual(LOOKUP);
      expect(known).toBeGreaterThan(50 * LOOKUP);
    }
  });

  test("a key of more than 4 KiB is less than that of the longest which is hashed", () => {
    const configuration = keys(sha256(KEY).toString("hex"));
    const hashed = workOf(configuration, [["x-api-key", "x".repeat(4096)]], 401);
    expect(workOf(configuration, [["x-api-key", "x".repeat(40_000)]], 401)).toBeLessThan(hashed);
  });
});

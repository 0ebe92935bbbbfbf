import { describe, expect, test } from "vitest";
import { WasmResult } from "./abi.ts";
import type { Context } from "./context.ts";
import { builtInForeignFunctions } from "./foreign.ts";
import { nodeLibraries } from "./node-libraries.ts";
import { bytesField, numberField, readMessage, textField, writeMessage } from "./protobuf.ts";

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);

describe("a protobuf message", () => {
  test("is read back as it was written, at any length", () => {
    const long = new Uint8Array(100_000).fill(7);
    const fields = readMessage(
      writeMessage([
        [1, true],
        [2, long],
        [3, false],
        [4, bytes()],
      ]),
    )!;
    expect(numberField(fields, 1)).toBe(1n);
    expect(bytesField(fields, 2)).toEqual(long);
    expect([...fields.keys()]).toEqual([1, 2]);
  });

  test("has the last value of a field, and nothing of another kind than asked for", () => {
    const fields = readMessage(bytes(0x08, 1, 0x08, 2, 0x12, 1, 0x61))!;
    expect(numberField(fields, 1)).toBe(2n);
    expect(bytesField(fields, 1)).toEqual(bytes());
    expect(numberField(fields, 2)).toBe(0n);
    expect(textField(fields, 2)).toBe("a");
  });

  test("has fixed numbers, and groups that are passed over", () => {
    const fields = readMessage(
      bytes(0x0d, 1, 0, 0, 0x80, 0x11, 2, 0, 0, 0, 0, 0, 0, 0, 0x1b, 0x08, 9, 0x1c),
    )!;
    expect(numberField(fields, 1)).toBe(0x8000_0001n);
    expect(numberField(fields, 2)).toBe(2n);
    expect(fields.size).toBe(2);
  });

  test.each([
    ["ends inside a varint", bytes(0x08, 0x80)],
    ["ends inside a number", bytes(0x0d, 1, 2, 3)],
    ["is shorter than a length says", bytes(0x12, 5, 1)],
    ["has field 0", bytes(0x00, 1)],
    ["has a kind that is none", bytes(0x0f)],
    ["has a group that is not closed", bytes(0x0b)],
    ["closes a group that is not open", bytes(0x0c)],
    ["has a varint of eleven bytes", bytes(0x08, ...new Array<number>(10).fill(0xff), 1)],
  ])("that %s is none", (_what, message) => {
    expect(readMessage(message)).toBeNull();
  });

  test("has no text where it is not UTF-8", () => {
    expect(textField(readMessage(bytes(0x0a, 1, 0xff))!, 1)).toBeNull();
  });
});

describe("foreign functions", () => {
  // None of these asks for anything of the context.
  const context = { vm: null } as unknown as Context;
  const key = nodeLibraries.compression.compress(bytes(1));
  const argument = writeMessage([
    [1, Buffer.from("sha256")],
    [2, key],
  ]);

  test("without the library they need tell who runs the host", () => {
    const functions = builtInForeignFunctions({});
    expect(() => functions.get("verify_signature")!(context, argument)).toThrow("needs `cryptography`");
    expect(() => functions.get("sign")!(context, argument)).toThrow("needs `cryptography`");
    expect(() => functions.get("compress")!(context, argument)).toThrow("needs `compression`");
    // What is wrong already is told without it.
    expect(functions.get("verify_signature")!(context, bytes(0xff))).toBe(WasmResult.BadArgument);
  });

  test("take a key in PEM, and not in both forms", () => {
    const verify = builtInForeignFunctions(nodeLibraries).get("verify_signature")!;
    const pem = Buffer.from("-----BEGIN PUBLIC KEY-----");
    const both = writeMessage([
      [1, Buffer.from("sha256")],
      [2, key],
      [5, pem],
    ]);
    expect(verify(context, both)).toBe(WasmResult.BadArgument);
    const alone = readMessage(
      verify(
        context,
        writeMessage([
          [1, Buffer.from("sha256")],
          [5, pem],
        ]),
      ) as Uint8Array,
    )!;
    expect(textField(alone, 2)).toBe("Failed to initialize digest verify.");
  });
});

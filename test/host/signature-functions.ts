/**
 * The foreign functions `verify_signature` and `sign`, in the words of Envoy 1.40 (`source/common/crypto/utility_impl.cc`). Only an
 * argument without a key, or with two, is BadArgument: one that cannot be read is a result with an error.
 */
import { WasmResult } from "./abi.ts";
import { encodeUtf8, NO_BYTES } from "./bytes.ts";
import type { ForeignFunction } from "./foreign.ts";
import type { Cryptography, HostLibraries, Key } from "./libraries.ts";
import { bytesField, readMessage, textField, writeMessage } from "./protobuf.ts";
import type { Fields } from "./protobuf.ts";

const HASHES: ReadonlySet<string> = new Set(["sha1", "sha224", "sha256", "sha384", "sha512"]);

export function signatureFunctions({ cryptography }: HostLibraries): [string, ForeignFunction][] {
  const library = (): Cryptography => {
    if (cryptography === undefined)
      throw new Error("the host needs `cryptography` for this: see HostOptions");
    return cryptography;
  };
  return [
    [
      "verify_signature",
      (_context, argument) => {
        const fields = readMessage(argument);
        const hash = fields && textField(fields, 1);
        const key = fields && keyIn(fields, 2, 5);
        if (fields === null || hash === null || key === null) return WasmResult.BadArgument;
        const answer = (error: string): Uint8Array =>
          writeMessage([
            [1, error === ""],
            [2, encodeUtf8(error)],
          ]);
        if (!HASHES.has(hash.toLowerCase())) return answer(`${hash} is not supported.`);
        const right = library().verify(hash.toLowerCase(), key, bytesField(fields, 3), bytesField(fields, 4));
        if (right === null) return answer("Failed to initialize digest verify.");
        return answer(right ? "" : "Failed to verify digest. Error code: 0");
      },
    ],
    [
      "sign",
      (_context, argument) => {
        const fields = readMessage(argument);
        const hash = fields && textField(fields, 1);
        const key = fields && keyIn(fields, 2, 4);
        if (fields === null || hash === null || key === null) return WasmResult.BadArgument;
        const answer = (signature: Uint8Array, error: string): Uint8Array =>
          writeMessage([
            [1, error === ""],
            [2, signature],
            [3, encodeUtf8(error)],
          ]);
        if (!HASHES.has(hash.toLowerCase())) return answer(NO_BYTES, `${hash} is not supported.`);
        const signature = library().sign(hash.toLowerCase(), key, bytesField(fields, 3));
        return signature === null
          ? answer(NO_BYTES, "Invalid key type: private key required for signing operation.")
          : answer(signature, "");
      },
    ],
  ];
}

/** Null unless exactly one of the two fields is there. */
function keyIn(fields: Fields, derField: number, pemField: number): Key | null {
  const der = bytesField(fields, derField);
  const pem = textField(fields, pemField);
  if (pem === null || der.length > 0 === (pem !== "")) return null;
  return pem === "" ? { der } : { pem };
}

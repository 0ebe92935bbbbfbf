/** The host's libraries where it runs on Node. */
import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { deflateSync, inflateSync } from "node:zlib";
import type { HostLibraries, Key } from "./libraries.ts";

export const nodeLibraries: Required<HostLibraries> = {
  cryptography: {
    verify(hash, publicKey, signature, text) {
      const key = readKey(publicKey, "spki");
      return key && verify(hash, text, key, signature);
    },
    sign(hash, privateKey, text) {
      const key = readKey(privateKey, "pkcs8");
      return key && sign(hash, text, key);
    },
  },
  compression: {
    compress: (bytes) => deflateSync(bytes),
    uncompress(bytes) {
      try {
        return inflateSync(bytes);
      } catch {
        return null;
      }
    },
  },
};

/** Null for what is no key, or one of another kind than RSA and EC. Bytes behind a DER form are passed over, as by BoringSSL. */
function readKey(key: Key, type: "spki" | "pkcs8"): KeyObject | null {
  const create = (input: Buffer | string): KeyObject => {
    if (typeof input === "string") return type === "spki" ? createPublicKey(input) : createPrivateKey(input);
    return type === "spki"
      ? createPublicKey({ key: input, format: "der", type })
      : createPrivateKey({ key: input, format: "der", type });
  };
  try {
    const object = create("pem" in key ? key.pem : Buffer.from(key.der));
    return object.asymmetricKeyType === "rsa" || object.asymmetricKeyType === "ec" ? object : null;
  } catch {
    return null;
  }
}

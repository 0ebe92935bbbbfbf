/** The target of a gRPC call: a serialized `envoy.config.core.v3.GrpcService`, or what does not parse as one: a cluster's name. */
import { readByteString } from "./bytes.ts";

/** Such a target ends a real Envoy: the module must never give it. */
export class FatalTarget extends Error {
  override name = "FatalTarget";
  constructor(bytes: Uint8Array) {
    super(
      `proxy_grpc_call to ${JSON.stringify(readByteString(bytes, 0, bytes.length))}, which parses as a GrpcService without a cluster: ` +
        "Envoy 1.40 aborts",
    );
  }
}

/** The cluster's name; null when the bytes neither are that message nor name a cluster. */
export function clusterOfTarget(bytes: Uint8Array, clusters: ReadonlyMap<string, unknown>): string | null {
  const fields = parse(bytes);
  if (fields === null) {
    const name = readByteString(bytes, 0, bytes.length);
    return clusters.has(name) ? name : null;
  }
  const envoyGrpc = fields.get(1);
  const name = envoyGrpc === undefined ? undefined : parse(envoyGrpc)?.get(1);
  if (name === undefined || name.length === 0) throw new FatalTarget(bytes);
  return readByteString(name, 0, name.length);
}

/** The length-delimited fields of a protobuf message, the last of each number; null when it does not parse. */
function parse(bytes: Uint8Array): Map<number, Uint8Array> | null {
  const fields = new Map<number, Uint8Array>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) return NaN;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    return NaN;
  };
  while (at < bytes.length) {
    const tag = varint();
    if (Number.isNaN(tag) || tag >>> 3 === 0) return null;
    const wireType = tag & 7;
    if (wireType === 0) {
      if (Number.isNaN(varint())) return null;
    } else if (wireType === 1) at += 8;
    else if (wireType === 5) at += 4;
    else if (wireType === 2) {
      const length = varint();
      if (Number.isNaN(length) || at + length > bytes.length) return null;
      fields.set(tag >>> 3, bytes.subarray(at, at + length));
      at += length;
    } else return null;
    if (at > bytes.length) return null;
  }
  return fields;
}

import { proxy_get_property } from "../../../assembly/abi/imports";
import { WasmResultValues } from "../../../assembly/abi/values";
import { ABSENT, byteAt, Bytes, lengthOf, literal, pointerOf, slice } from "../../../assembly/bytes/bytes";
import { returnedBytes, returnedLength, returnedPointer } from "../../../assembly/host/returned";
import { Attribute } from "../../../assembly/match/attribute";
import { RequestView } from "../../../assembly/request-view";

/** What is known while one request is decided; the filter resets it. */
@final
export class Doubt {
  /** The host failed to answer: nothing can be decided. */
  failed: bool = false;
  /** Something that a policy asks for cannot be known here: the direct peer, without the companion. */
  unknown: bool = false;

  begin(): void {
    this.failed = false;
    this.unknown = false;
  }
}

// @ts-ignore: decorator
@lazy export const doubt = new Doubt();

/** As `getProperty`; but that the host cannot answer is not the same as that there is no such property. */
export function askProperty(path: Bytes): Bytes {
  const answer = proxy_get_property(pointerOf(path), lengthOf(path), returnedPointer(), returnedLength());
  if (answer == WasmResultValues.Ok) return returnedBytes();
  if (answer != WasmResultValues.NotFound) doubt.failed = true;
  return ABSENT;
}

/** A property of the stream, by its path. */
@final
export class PropertyAttribute extends Attribute {
  find(_request: RequestView): Bytes {
    const value = askProperty(this.name);
    if (doubt.failed) this.forget();
    return value;
  }
}

/** All values of a header, joined by a comma. */
@final
export class HeaderTextAttribute extends Attribute {
  find(request: RequestView): Bytes {
    return request.headers.get(this.name);
  }
}

/** The path without query and fragment, as Envoy's `PathMatcher` sees it. */
@final
export class PathTextAttribute extends Attribute {
  find(request: RequestView): Bytes {
    const target = request.headers.get(this.name);
    const length = lengthOf(target);
    for (let at: u32 = 0; at < length; at++) {
      const byte = byteAt(target, at);
      if (byte == 0x3f || byte == 0x23) return slice(target, 0, at);
    }
    return target;
  }
}

/**
 * Who calls, as Envoy's `authenticated` sees it: the SPIFFE id that Istio's waypoints take from the tunnel, else the first URI of the peer's
 * certificate. A second URI cannot be seen (X.509-SVID §2 forbids one).
 */
@final
export class PeerAttribute extends Attribute {
  find(_request: RequestView): Bytes {
    const tunnelled = askProperty(TUNNEL_PRINCIPAL);
    const value = lengthOf(tunnelled) > 0 ? tunnelled : askProperty(PEER_URI);
    if (doubt.failed) this.forget();
    return value;
  }
}

// @ts-ignore: decorator
@lazy const TUNNEL_PRINCIPAL = literal("filter_state\0io.istio.peer_principal");
// @ts-ignore: decorator
@lazy const PEER_URI = literal("connection\0uri_san_peer_certificate");

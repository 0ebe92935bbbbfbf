import { ABSENT, Bytes, indexOf, indexOfByte, lengthOf, literal, slice, startsWith } from "../bytes/bytes";
import { peerCertificateUri, tunnelPrincipal } from "../properties";
import { RequestView } from "../request-view";
import { Attribute } from "./attribute";

/** Who calls: `cluster.local/ns/shop/sa/cart`, a SPIFFE id without its scheme; {@link ABSENT} for a peer without one. */
@final
export class PrincipalAttribute extends Attribute {
  find(_request: RequestView): Bytes {
    return principal();
  }
}

/** The namespace of the {@link PrincipalAttribute}. */
@final
export class NamespaceAttribute extends Attribute {
  find(_request: RequestView): Bytes {
    const caller = principal();
    const start = caller == ABSENT ? -1 : indexOf(caller, NAMESPACE);
    if (start < 0) return ABSENT;
    const rest = slice(caller, start + lengthOf(NAMESPACE), lengthOf(caller));
    const end = indexOfByte(rest, 0x2f);
    return end < 0 ? ABSENT : slice(rest, 0, end);
  }
}

/**
 * Without a peer certificate there is no URI of one: whether the connection is mTLS (which is that a certificate was presented) need
 * not be asked. A URI of another scheme is no principal.
 */
function principal(): Bytes {
  let uri = tunnelPrincipal();
  if (lengthOf(uri) == 0) uri = peerCertificateUri();
  return startsWith(uri, SPIFFE) ? slice(uri, lengthOf(SPIFFE), lengthOf(uri)) : ABSENT;
}

// @ts-ignore: decorator
@lazy const SPIFFE = literal("spiffe://");
// @ts-ignore: decorator
@lazy const NAMESPACE = literal("/ns/");

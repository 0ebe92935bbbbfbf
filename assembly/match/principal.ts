import { ABSENT, Bytes, indexOfByte, lengthOf, literal, slice, startsWith } from "../bytes/bytes";
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

/** The namespace of the {@link PrincipalAttribute}: what stands behind the trust domain, and nowhere else. */
@final
export class NamespaceAttribute extends Attribute {
  find(_request: RequestView): Bytes {
    const caller = principal();
    const domain = caller == ABSENT ? -1 : indexOfByte(caller, 0x2f);
    if (domain < 0) return ABSENT;
    const path = slice(caller, domain, lengthOf(caller));
    const start = lengthOf(NAMESPACE);
    const end = startsWith(path, NAMESPACE) ? indexOfByte(path, 0x2f, start) : -1;
    return end < 0 ? ABSENT : slice(path, start, end);
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

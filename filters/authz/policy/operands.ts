import { concatenate } from "../../../assembly/bytes/arena";
import {
  ABSENT,
  Bytes,
  indexOf,
  indexOfByte,
  lengthOf,
  literal,
  slice,
  startsWith,
} from "../../../assembly/bytes/bytes";
import { Attribute } from "../../../assembly/match/attribute";
import { RequestView } from "../../../assembly/request-view";
import { identity } from "../identity";
import { API_KEY, BASIC, issuerOf, Operand } from "./claims-clause";
import { SPIFFE } from "./peer";

/** An attribute with one text. */
@final
export class AttributeOperand extends Operand {
  private value: Bytes = ABSENT;

  constructor(private readonly attribute: Attribute) {
    super();
  }

  begin(request: RequestView): u32 {
    this.value = this.attribute.read(request);
    return this.value == ABSENT ? 0 : 1;
  }

  at(_position: u32): Bytes {
    return this.value;
  }
}

/** Which part of a caller's SPIFFE id. */
export enum PeerPart {
  /** All behind the scheme: `cluster.local/ns/shop/sa/cart`. */
  Principal,
  TrustDomain,
  Namespace,
  /** `<namespace>/<name>`. */
  ServiceAccount,
}

/** A part of the caller's identity, of the form that Istio gives it: `<trust domain>/ns/<namespace>/sa/<name>`. */
@final
export class PeerOperand extends Operand {
  private value: Bytes = ABSENT;

  constructor(
    private readonly peer: Attribute,
    private readonly part: PeerPart,
  ) {
    super();
  }

  begin(request: RequestView): u32 {
    this.value = this.find(request);
    return this.value == ABSENT ? 0 : 1;
  }

  at(_position: u32): Bytes {
    return this.value;
  }

  private find(request: RequestView): Bytes {
    const uri = this.peer.read(request);
    if (uri == ABSENT || !startsWith(uri, SPIFFE)) return ABSENT;
    const principal = slice(uri, lengthOf(SPIFFE), lengthOf(uri));
    if (this.part == PeerPart.Principal) return principal;
    const domain = indexOfByte(principal, 0x2f);
    if (domain < 0) return ABSENT;
    if (this.part == PeerPart.TrustDomain) return slice(principal, 0, domain);
    const path = slice(principal, domain, lengthOf(principal));
    if (!startsWith(path, NAMESPACE)) return ABSENT;
    const rest = slice(path, lengthOf(NAMESPACE), lengthOf(path));
    const end = indexOf(rest, ACCOUNT);
    if (end < 0 || indexOfByte(rest, 0x2f) != end) return ABSENT;
    const namespace = slice(rest, 0, end);
    if (this.part == PeerPart.Namespace) return namespace;
    return concatenate(namespace, SLASH, slice(rest, <u32>end + lengthOf(ACCOUNT), lengthOf(rest)));
  }
}

/** Who was authenticated: up to three principals, `<issuer>/<subject>` each. */
@final
export class RequestPrincipalOperand extends Operand {
  private readonly texts: StaticArray<Bytes> = new StaticArray<Bytes>(3);
  private count: u32 = 0;

  begin(_request: RequestView): u32 {
    this.count = 0;
    this.add(principalOf(issuerOf(identity.claims), identity.claims.subject()));
    this.add(principalOf(API_KEY, identity.apiKey));
    this.add(principalOf(BASIC, identity.user));
    return this.count;
  }

  at(position: u32): Bytes {
    return this.texts[position];
  }

  /** Those that the request does not have are none of its principals: `match: all` is of the others. */
  private add(principal: Bytes): void {
    if (principal != ABSENT) this.texts[this.count++] = principal;
  }
}

function principalOf(issuer: Bytes, subject: Bytes): Bytes {
  return issuer == ABSENT || subject == ABSENT ? ABSENT : concatenate(issuer, SLASH, subject);
}

// @ts-ignore: decorator
@lazy const NAMESPACE = literal("/ns/");
// @ts-ignore: decorator
@lazy const ACCOUNT = literal("/sa/");
// @ts-ignore: decorator
@lazy const SLASH = literal("/");

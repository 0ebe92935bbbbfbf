import { ABSENT, Bytes, literal } from "../../assembly/bytes/bytes";
import { ConfigReader } from "../../assembly/json/config-reader";
import { emptyList } from "../../assembly/list";
import { ClaimKind, ClaimPaths, Claims } from "./claims";
import { identity } from "./identity";
import { MetadataAttribute } from "./policy/metadata";

/**
 * Claims of a token that Envoy's jwt_authn verified before this filter, as istiod has it write them down (`payload_in_metadata`; istio
 * `pilot/pkg/security/authn`): where the configuration has no `jwtRules` of its own.
 */
@final
export class MetadataClaims extends Claims {
  private readonly attributes: MetadataAttribute[] = emptyList<MetadataAttribute>();
  private readonly issuerText: MetadataAttribute;
  private readonly subjectText: MetadataAttribute;
  /** The one of a list that was read last. */
  private list: MetadataAttribute;

  constructor(reader: ConfigReader, paths: ClaimPaths) {
    super();
    const issuer = claimOf(reader, [ISSUER]);
    this.issuerText = issuer;
    this.subjectText = claimOf(reader, [SUBJECT]);
    this.list = issuer;
    for (let number = 0; number < paths.size; number++) {
      this.attributes.push(claimOf(reader, paths.pathOf(number)));
    }
  }

  read(number: i32): ClaimKind {
    const attribute = unchecked(this.attributes[number]);
    this.text = readNow(attribute);
    if (attribute.kind == ClaimKind.List) {
      this.list = attribute;
      this.count = attribute.count;
    }
    return attribute.kind;
  }

  element(at: u32): Bytes {
    return this.list.element(at);
  }

  issuer(): Bytes {
    return textOf(this.issuerText);
  }

  subject(): Bytes {
    return textOf(this.subjectText);
  }
}

function claimOf(reader: ConfigReader, names: StaticArray<Bytes>): MetadataAttribute {
  const path = new StaticArray<Bytes>(names.length + 1);
  path[0] = PAYLOAD;
  for (let at = 0; at < names.length; at++) path[at + 1] = names[at];
  return MetadataAttribute.of(reader, JWT_AUTHN, path);
}

/** Of the request at hand. */
function readNow(attribute: MetadataAttribute): Bytes {
  const request = identity.request;
  return request == null ? ABSENT : attribute.read(request);
}

function textOf(attribute: MetadataAttribute): Bytes {
  const text = readNow(attribute);
  return attribute.kind == ClaimKind.Text ? text : ABSENT;
}

// @ts-ignore: decorator
@lazy const JWT_AUTHN = literal("envoy.filters.http.jwt_authn");
// @ts-ignore: decorator
@lazy const PAYLOAD = literal("payload");
// @ts-ignore: decorator
@lazy const ISSUER = literal("iss");
// @ts-ignore: decorator
@lazy const SUBJECT = literal("sub");

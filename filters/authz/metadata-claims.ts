import { ABSENT, byteString, Bytes, bytesOf, lengthOf, literal } from "../../assembly/bytes/bytes";
import { Keeper } from "../../assembly/bytes/keeper";
import {
  claimElements,
  claimPath,
  claimText,
  countElements,
  elementLength,
  firstElement,
  isStructure,
  valuePath,
} from "../../assembly/claims";
import { emptyList } from "../../assembly/list";
import { ClaimKind, ClaimPaths, Claims } from "./claims";
import { askMetadata } from "./policy/attributes";

/**
 * Claims of a token that Envoy's jwt_authn verified before this filter, as istiod has it write them down: where the configuration has no
 * `jwtRules` of its own.
 */
@final
export class MetadataClaims extends Claims {
  private readonly paths: Bytes[] = emptyList<Bytes>();
  private readonly issuerPath: Bytes;
  private readonly subjectPath: Bytes;
  private list: Bytes = ABSENT;

  constructor(keeper: Keeper, paths: ClaimPaths) {
    super();
    for (let number = 0; number < paths.size; number++) {
      const names = paths.pathOf(number);
      let name = "";
      for (let at = 0; at < names.length; at++) name += "[" + byteString(names[at]) + "]";
      const path = claimPath(keeper.keepText(name));
      this.paths.push(path == ABSENT ? ABSENT : keeper.keep(path));
    }
    this.issuerPath = keeper.keep(claimPath(ISSUER));
    this.subjectPath = keeper.keep(claimPath(SUBJECT));
  }

  read(number: i32): ClaimKind {
    const path = this.paths[number];
    // A name that cannot be one of a property.
    if (path == ABSENT) return ClaimKind.Absent;
    const value = askMetadata(valuePath(path));
    if (value == ABSENT) return ClaimKind.Absent;
    this.list = claimElements(path, value);
    if (this.list == ABSENT) {
      this.text = value;
      return isText(value) ? ClaimKind.Text : ClaimKind.Other;
    }
    this.count = countElements(this.list);
    return this.count > 0 ? ClaimKind.List : ClaimKind.Other;
  }

  element(at: u32): Bytes {
    let start = firstElement(this.list);
    for (let one: u32 = 0; one < at; one++) start += elementLength(this.list, one) + 2;
    const element = bytesOf(start, elementLength(this.list, at));
    return isText(element) && !isStructure(element) ? element : ABSENT;
  }

  issuer(): Bytes {
    return textAt(this.issuerPath);
  }

  subject(): Bytes {
    return textAt(this.subjectPath);
  }
}

function textAt(path: Bytes): Bytes {
  const value = askMetadata(valuePath(path));
  return value != ABSENT && isText(value) && claimElements(path, value) == ABSENT ? value : ABSENT;
}

/** Whether the value is a string: a number or a boolean is shown as another text. */
function isText(value: Bytes): bool {
  return lengthOf(value) == 0 || claimText(value) == value;
}

// @ts-ignore: decorator
@lazy const ISSUER = literal("iss");
// @ts-ignore: decorator
@lazy const SUBJECT = literal("sub");

import { concatenate } from "../../../assembly/bytes/arena";
import {
  ABSENT,
  byteAt,
  Bytes,
  endsWith,
  equals,
  indexOfByte,
  lengthOf,
  slice,
  startsWith,
} from "../../../assembly/bytes/bytes";
import { Keeper } from "../../../assembly/bytes/keeper";
import { isWord } from "../../../assembly/json/words";
import { emptyList } from "../../../assembly/list";

const SLASH: u8 = 0x2f;
const STAR: u8 = 0x2a;

/**
 * The mesh's trust domain and its aliases: whoever is `a/ns/x/sa/y` is `b/ns/x/sa/y` too where both are among them. As istiod writes policies anew
 * (`pilot/pkg/security/trustdomain`), `cluster.local` in a policy stands for all of them.
 */
@final
export class TrustDomains {
  constructor(
    private readonly keeper: Keeper,
    /** The mesh's own first. */
    private readonly domains: StaticArray<Bytes>,
  ) {}

  /** What a principal of a policy stands for, itself among it. */
  principals(principal: Bytes): Bytes[] {
    const found = emptyList<Bytes>();
    const slash = domainEnd(principal);
    const domain = slash < 0 ? ABSENT : slice(principal, 0, slash);
    const isAny = lengthOf(domain) == 1 && byteAt(domain, 0) == STAR;
    if (domain == ABSENT || isAny || !(this.has(domain) || isWord(domain, "cluster.local"))) {
      found.push(principal);
      return found;
    }
    const rest = slice(principal, slash, lengthOf(principal));
    for (let at = 0; at < this.domains.length; at++) {
      const own = this.domains[at];
      // One with a star in front is as wide as that, and stays.
      const stays = byteAt(domain, 0) == STAR && endsWith(own, slice(domain, 1, lengthOf(domain)));
      addNew(found, stays ? principal : this.keeper.keep(concatenate(own, ABSENT, rest)));
    }
    return found;
  }

  /** What a trust domain of a policy stands for. */
  expand(domain: Bytes): Bytes[] {
    const found = emptyList<Bytes>();
    let known = false;
    for (let at = 0; at < this.domains.length; at++) if (equals(domain, this.domains[at])) known = true;
    if (!known) found.push(domain);
    for (let at = 0; known && at < this.domains.length; at++) addNew(found, this.domains[at]);
    return found;
  }

  /** Whether the domain of a principal, which may begin or end with a star, is one of these. */
  private has(domain: Bytes): bool {
    const length = lengthOf(domain);
    for (let at = 0; at < this.domains.length; at++) {
      const own = this.domains[at];
      if (equals(domain, own)) return true;
      if (length == 0) continue;
      if (byteAt(domain, 0) == STAR && endsWith(own, slice(domain, 1, length))) return true;
      if (byteAt(domain, length - 1) == STAR && startsWith(own, slice(domain, 0, length - 1))) return true;
    }
    return false;
  }
}

/** Where the trust domain of `<domain>/ns/<namespace>/sa/<name>` ends: of what has five parts; -1 for anything else. */
function domainEnd(principal: Bytes): i32 {
  let slashes = 0;
  for (let at: u32 = 0; at < lengthOf(principal); at++) if (byteAt(principal, at) == SLASH) slashes++;
  return slashes == 4 ? indexOfByte(principal, SLASH) : -1;
}

function addNew(list: Bytes[], text: Bytes): void {
  for (let at = 0; at < list.length; at++) if (equals(list[at], text)) return;
  list.push(text);
}

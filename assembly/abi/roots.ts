import { ABSENT, Bytes, equals, literal } from "../bytes/bytes";
import { logBytes, LogLevelValues } from "../host/log";
import { pluginRootId } from "../properties";
import { proxy_set_effective_context } from "./imports";
import { parks } from "./parked";
import { forgetPendingOf, keepPending, takePending } from "./pending-streams";
import { Root } from "./root";
import { sweepStreams, untrackStreamsOf } from "./streams";
import { WasmResultValues } from "./values";
import { emptyList } from "../list";

/** Makes the root context for a plugin. Kept as an index into the function table: see {@link registerRoot}. */
class Registration {
  constructor(
    readonly name: Bytes,
    readonly factory: u32,
  ) {}
}

const registrations = emptyList<Registration>();
/** The module has one kind of plugin, which answers to whatever root id it is loaded under. */
let answersToAny = false;

/** The live root contexts: rarely more than a handful. */
const roots = emptyList<Root>();

/**
 * Rounds of ticks. All roots tick with the same period, on the same event loop: a round ends when a root ticks for the
 * second time in it.
 */
let round: u32 = 0;

/** The ids of the live root contexts, as bits modulo 64: most ids that are asked for are streams'. */
let idBits: u64 = 0;

/** The root of the stream that was created last, and that stream's id. */
let lastRoot: Root | null = null;
let lastStream: u32 = 0;

/**
 * Registers what makes the root contexts for the root id `name` (Istio's `pluginName`). `factory` is the
 * table index of a function from the context id to a {@link Root}: AssemblyScript's function types are
 * invariant in what they return, and the factories return subclasses.
 */
export function registerRoot(name: string, factory: u32): void {
  registrations.push(new Registration(literal(name), factory));
  answersToAny = registrations.length == 1;
}

/** Makes the root context `id` for the plugin's root id. Null when the module has none under this name. */
export function addRoot(id: u32): Root | null {
  const rootId = pluginRootId();
  for (let at = 0; at < registrations.length; at++) {
    const registration = unchecked(registrations[at]);
    if (answersToAny || (rootId != ABSENT && equals(rootId, registration.name))) {
      const root = call_indirect<Root>(registration.factory, id);
      root.round = round;
      roots.push(root);
      rootsChanged();
      return root;
    }
  }
  if (registrations.length > 0) logBytes(LogLevelValues.error, UNKNOWN_NAME);
  return null;
}

// @ts-ignore: decorator
@lazy const UNKNOWN_NAME = literal("no filter of this name (root_id, Istio's pluginName)");

export function rootOf(id: u32): Root | null {
  if ((idBits & idBit(id)) == 0) return null;
  for (let at = 0; at < roots.length; at++) {
    const root = unchecked(roots[at]);
    if (root.id == id) return root;
  }
  return null;
}

/** Forgets the root context; its memory goes with the next collection. */
export function removeRoot(root: Root): void {
  const at = roots.indexOf(root);
  if (at >= 0) roots.splice(at, 1);
  untrackStreamsOf(root);
  if (parks) forgetPendingOf(root);
  rootsChanged();
  if (lastRoot == root) {
    lastRoot = null;
    lastStream = 0;
  }
}

/** Notes that a root ticked. Once a round it is asked which roots and streams are gone; answers whether roots were. */
export function noteTick(ticking: Root): bool {
  const another = ticking.round == round;
  if (another) round++;
  ticking.round = round;
  if (!another) return false;
  const forgot = forgetDeletedRoots(ticking.id);
  sweepStreams(ticking.id);
  return forgot;
}

/**
 * Forgets the roots which the host has deleted, of those that are not told ({@link Root.isSwept}): it knows no context of theirs any
 * more. Answers whether there were any. `context` is the one in whose callback this happens.
 */
export function forgetDeletedRoots(context: u32): bool {
  let forgot = false;
  let asked = false;
  for (let at = roots.length - 1; at >= 0; at--) {
    const root = unchecked(roots[at]);
    if (root.id == context || !root.isSwept) continue;
    asked = true;
    // `BadArgument` for a context that is gone (proxy-wasm-cpp-host `exports.cc`).
    if (proxy_set_effective_context(root.id) == WasmResultValues.Ok) continue;
    root.deleted();
    removeRoot(root);
    forgot = true;
  }
  if (asked) proxy_set_effective_context(context);
  return forgot;
}

/** Brings what is derived from the list of roots up to date. */
function rootsChanged(): void {
  idBits = 0;
  for (let at = 0; at < roots.length; at++) {
    idBits |= idBit(roots[at].id);
    roots[at].next = roots[(at + 1) % roots.length];
  }
}

// @ts-ignore: decorator
@inline
function idBit(id: u32): u64 {
  return (<u64>1) << (id & 63);
}

/** Notes that stream `id` belongs to the root `parent`, and gives that root. */
export function enterStream(id: u32, parent: u32): Root | null {
  let root = lastRoot;
  if (parks && lastStream != 0 && root != null) keepPending(lastStream, root);
  if (root == null || root.id != parent) {
    // Plugins of one chain come in the order in which they were loaded.
    root = root == null ? null : root.next;
    if (root == null || root.id != parent) root = rootOf(parent);
    lastRoot = root;
  }
  lastStream = id;
  return root;
}

/** The root of stream `id` when it is the one that was created last; null otherwise. */
// @ts-ignore: decorator
@inline
export function rootOfNewStream(id: u32): Root | null {
  if (!parks) return id == lastStream ? lastRoot : null;
  if (id != lastStream) return takePending(id);
  lastStream = 0;
  return lastRoot;
}

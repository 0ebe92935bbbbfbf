/**
 * Shared data (proxy-wasm-cpp-host `shared_data.cc`): one map for each vm_id, shared by all workers
 * of the process; no expiry, and no delete in ABI 0.2.1.
 */
import { WasmResult } from "./abi.ts";

interface Entry {
  /** Never changed in place: a set stores a new array. */
  value: Uint8Array;
  cas: number;
}

export class SharedData {
  private readonly maps = new Map<string, Map<string, Entry>>();
  private lastCas = 0;

  /** `key` is a byte string. */
  get(vmId: string, key: string): Readonly<Entry> | null {
    return this.maps.get(vmId)?.get(key) ?? null;
  }

  /**
   * With `cas` 0 the value is stored whatever is there. With another one it is stored when the key is
   * absent or has that very cas; otherwise CasMismatch. `value` must not be changed afterwards.
   */
  set(vmId: string, key: string, value: Uint8Array, cas: number): WasmResult {
    let map = this.maps.get(vmId);
    if (map === undefined) this.maps.set(vmId, (map = new Map<string, Entry>()));
    const entry = map.get(key);
    if (entry === undefined) map.set(key, { value, cas: this.nextCas() });
    else {
      if (cas !== 0 && cas !== entry.cas) return WasmResult.CasMismatch;
      entry.value = value;
      entry.cas = this.nextCas();
    }
    return WasmResult.Ok;
  }

  /** All keys of a vm_id, in the order in which they were first set. */
  keys(vmId: string): string[] {
    return [...(this.maps.get(vmId)?.keys() ?? [])];
  }

  /** Lets the next `set` hand out the cas after this one: to try the wrap at 2^32. */
  setLastCas(cas: number): void {
    this.lastCas = cas >>> 0;
  }

  /** Counts over the whole process; 0 is skipped, since it means "no cas". */
  private nextCas(): number {
    this.lastCas = (this.lastCas + 1) >>> 0;
    if (this.lastCas === 0) this.lastCas = 1;
    return this.lastCas;
  }
}

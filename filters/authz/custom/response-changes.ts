import { BlockPool } from "../../../assembly/block-pool";
import { ResponseView } from "../../../assembly/response-view";
import { applyToResponse } from "./apply";
import { decision } from "./decision";

/** Of a record: the pool's own word, and the length of the packed decisions behind it. */
const HEAD: u32 = 8;

/**
 * What services want changed in responses, from the decision until the response comes: a record for each request that needs one, whose
 * address is the request's note.
 */
@final
export class ResponseChanges {
  private readonly pool: BlockPool = new BlockPool();

  /**
   * Adds those of `decision` to what is noted already, and answers the new note. Where there is no room for them, what was noted stays, and
   * they are lost.
   */
  add(note: u32): u32 {
    const added = decision.packedSize(true);
    const known = note == 0 ? 0 : load<u32>(note, 4);
    const block = this.pool.take(HEAD + known + added);
    if (block == 0) return note;
    memory.copy(block + HEAD, note + HEAD, known);
    decision.pack(block + HEAD + known, true);
    store<u32>(block, known + added, 4);
    if (note != 0) this.giveBack(note);
    return <u32>block;
  }

  /** Changes the response, and gives the record back. */
  applyTo(response: ResponseView, note: u32): void {
    decision.begin();
    const end = note + HEAD + load<u32>(note, 4);
    for (let at = note + HEAD; at < end;) at = decision.append(at);
    applyToResponse(response);
    this.giveBack(note);
  }

  /** The request has ended without a response. */
  giveBack(note: u32): void {
    this.pool.giveBack(note);
  }
}

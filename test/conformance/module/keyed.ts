/** A filter that answers each request with the 16 bytes of its process key. */
import {
  ABSENT,
  bytesOf,
  ConfigReader,
  Filter,
  JsonNode,
  literal,
  registerFilter,
  reply,
  RequestView,
  Verdict,
} from "../../../assembly";
import { processKey } from "../../../assembly/host/process-key";

export {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_memory_allocate,
  proxy_on_request_headers,
  proxy_on_tick,
} from "../../../assembly/abi/exports";

const DETAILS = literal("keyed:told");
const SHOWN: usize = memory.data(16, 8);

class Keyed extends Filter {
  private key0: u64 = 0;
  private key1: u64 = 0;

  configure(config: JsonNode, reader: ConfigReader): void {
    if (!reader.object(config, "name")) return;
    const name = reader.member(config, "name");
    if (name == null) {
      reader.missing(config, "name", "a name");
      return;
    }
    const key = processKey(reader.text(name));
    if (key == null) {
      reader.problem(name, "no key");
      return;
    }
    this.key0 = key.key0;
    this.key1 = key.key1;
  }

  onRequest(_request: RequestView): Verdict {
    store<u64>(SHOWN, this.key0);
    store<u64>(SHOWN, this.key1, 8);
    reply.status = 200;
    reply.details = DETAILS;
    reply.body = bytesOf(SHOWN, 16);
    reply.headers = ABSENT;
    return Verdict.Reply;
  }
}

registerFilter("keyed", () => new Keyed());

/** A module with one filter, `custom`, which asks all of its `extensionProviders` about each request, one after another. */
import { registerFilter } from "../../../assembly/filter-root";
import { literal } from "../../../assembly/bytes/bytes";
import { Filter, reply, Verdict } from "../../../assembly/filter";
import { ConfigReader } from "../../../assembly/json/config-reader";
import { JsonNode } from "../../../assembly/json/node";
import { RequestView } from "../../../assembly/request-view";
import { ResponseView } from "../../../assembly/response-view";
import { CallAnswer } from "../../../assembly/waiting";
import { Checked, Providers } from "../../../filters/authz/custom/providers";

export {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_grpc_close,
  proxy_on_grpc_receive,
  proxy_on_http_call_response,
  proxy_on_memory_allocate,
  proxy_on_request_headers,
  proxy_on_response_headers,
  proxy_on_tick,
} from "../../../assembly/abi/exports";

const DENIED = literal("custom:denied");

/** Configuration: `extensionProviders`. */
class Custom extends Filter {
  private providers: Providers = changetype<Providers>(0);

  configure(config: JsonNode, reader: ConfigReader): void {
    if (!reader.object(config, "extensionProviders")) return;
    this.providers = Providers.read(reader, config);
    if (!reader.failed) this.providers.define();
  }

  onRequest(request: RequestView): Verdict {
    return this.ask(request, 0);
  }

  onAnswer(request: RequestView, answer: CallAnswer): Verdict {
    const at = <i32>answer.memo;
    const verdict = this.heed(this.providers.at(at).answered(request, answer));
    return verdict == Verdict.Continue ? this.ask(request, at + 1) : verdict;
  }

  onResponse(response: ResponseView, note: u32): void {
    this.providers.applyTo(response, note);
  }

  onForgotten(note: u32): void {
    this.providers.forget(note);
  }

  private ask(request: RequestView, from: i32): Verdict {
    for (let at = from; at < this.providers.size; at++) {
      const verdict = this.heed(this.providers.at(at).check(request, at));
      if (verdict != Verdict.Continue) return verdict;
    }
    return Verdict.Continue;
  }

  private heed(checked: Checked): Verdict {
    if (checked == Checked.Waits) return Verdict.Wait;
    if (checked == Checked.Allowed) return Verdict.Continue;
    if (checked == Checked.Denied) reply.details = DENIED;
    return Verdict.Reply;
  }
}

registerFilter("custom", () => new Custom());

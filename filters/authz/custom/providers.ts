import { Bytes, equals } from "../../../assembly/bytes/bytes";
import { ByteMap } from "../../../assembly/bytes/byte-map";
import { keepRecords } from "../../../assembly/filter";
import { ConfigReader } from "../../../assembly/json/config-reader";
import { JsonNode } from "../../../assembly/json/node";
import { emptyList } from "../../../assembly/list";
import { ResponseView } from "../../../assembly/response-view";
import { readProvider } from "./config";
import { Provider } from "./provider";
import { ResponseChanges } from "./response-changes";

export { Checked, Provider } from "./provider";

const MOST: u32 = 100;

/**
 * The services that CUSTOM policies ask: `extensionProviders`, Istio's of the kinds `envoyExtAuthzGrpc` and `envoyExtAuthzHttp`.
 *
 * What a service wants changed in the response is noted in `RequestView.note`, which is then the providers' own: the filter hands what
 * it finds there to {@link applyTo} in `onResponse`, and to {@link forget} in `onForgotten`.
 */
@final
export class Providers {
  private readonly changes: ResponseChanges = new ResponseChanges();
  private readonly all: Provider[] = emptyList<Provider>();

  /** Reads the member `extensionProviders`, which may be left out. What is wrong goes to the reader. */
  static read(reader: ConfigReader, config: JsonNode): Providers {
    const providers = new Providers();
    const list = reader.list(config, "extensionProviders");
    if (list == null) return providers;
    if (list.count > MOST) {
      reader.unexpected(list, "at most 100 providers");
      return providers;
    }
    const names = new ByteMap();
    let item = list.first;
    while (item != null) {
      const provider = readProvider(reader, item, providers.changes);
      if (provider != null) {
        if (names.has(provider.name))
          reader.problem(reader.member(item, "name")!, "another one has this name");
        names.set(provider.name, 0);
        providers.all.push(provider);
      }
      item = item.next;
    }
    return providers;
  }

  get size(): i32 {
    return this.all.length;
  }

  /** The number of the provider with this name, or -1. */
  indexOf(name: Bytes): i32 {
    for (let at = 0; at < this.all.length; at++) if (equals(this.all[at].name, name)) return at;
    return -1;
  }

  at(number: i32): Provider {
    return unchecked(this.all[number]);
  }

  /** Defines the metrics: only for a configuration that is taken. */
  define(): void {
    if (this.all.length == 0) return;
    for (let at = 0; at < this.all.length; at++) this.all[at].define();
    keepRecords();
  }

  /** Changes the response of a request that left this note, which is not 0. */
  applyTo(response: ResponseView, note: u32): void {
    this.changes.applyTo(response, note);
  }

  /** The request that left this note has ended without a response. */
  forget(note: u32): void {
    this.changes.giveBack(note);
  }
}

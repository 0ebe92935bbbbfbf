import { HeaderMapTypeValues } from "./abi/values";
import { Bytes } from "./bytes/bytes";
import { HeaderView } from "./header-view";
import { addHeader, replaceHeader } from "./host/headers";

/** A response as a filter sees it. */
@final
export class ResponseView {
  private readonly view: HeaderView = new HeaderView();
  private loaded: bool = false;

  /** A new response; its headers are read when they are asked for. */
  begin(): void {
    this.loaded = false;
  }

  /** The headers, with `:status` among them. Read by one host call at the first use. */
  get headers(): HeaderView {
    if (!this.loaded) {
      this.view.load(HeaderMapTypeValues.ResponseHeaders);
      this.loaded = true;
    }
    return this.view;
  }

  /** Sets a header without a look at the others. Not after {@link headers} was asked for, which would not see it. */
  set(name: Bytes, value: Bytes): void {
    replaceHeader(HeaderMapTypeValues.ResponseHeaders, name, value);
  }

  /** Adds a header beside those of its name without a look at them: `set-cookie`. As with {@link set}. */
  add(name: Bytes, value: Bytes): void {
    addHeader(HeaderMapTypeValues.ResponseHeaders, name, value);
  }
}

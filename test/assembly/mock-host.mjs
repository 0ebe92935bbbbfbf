/**
 * A host small enough to read: what `assembly/` imports, over JavaScript maps. Tests set it up and ask it through the
 * imports of module `mock`, which `mock-host.ts` wraps. Texts are byte strings (latin1).
 */

const OK = 0;
const NOT_FOUND = 1;
const BAD_ARGUMENT = 2;
const CAS_MISMATCH = 8;

export class MockHost {
  /** The test module's exports. */
  #module = null;
  /** What was asked for last, until it is read. */
  #answer = new Uint8Array();

  constructor() {
    this.#reset();
  }

  attach(exports) {
    this.#module = exports;
  }

  #reset() {
    /** Header maps by type, as lists of [name, value]. */
    this.maps = new Map();
    /** What is given for a map instead of its serialization. */
    this.rawPairs = new Map();
    this.buffers = new Map();
    this.properties = new Map();
    this.shared = new Map();
    this.metrics = new Map();
    this.logs = [];
    this.logLevel = 2;
    this.tickPeriod = 0;
    this.time = 0n;
    this.responses = [];
    this.foreign = [];
    /** HTTP and gRPC calls that were sent, each as a line. */
    this.sent = [];
    this.lastToken = 0;
    /** What the next calls answer. */
    this.callResult = OK;
    /** Contexts that the host does not know any more. */
    this.gone = new Set();
    /** `proxy_continue_stream` and `proxy_set_effective_context`, in order. */
    this.effects = [];
    /** The names of the host functions that were called. */
    this.calls = [];
  }

  get #bytes() {
    return new Uint8Array(this.#module.memory.buffer);
  }

  get #view() {
    return new DataView(this.#module.memory.buffer);
  }

  #text(pointer, length) {
    return Buffer.from(this.#bytes.subarray(pointer >>> 0, (pointer >>> 0) + (length >>> 0))).toString(
      "latin1",
    );
  }

  /** Puts bytes where the module's allocator says; as in proxy-wasm-cpp-host an empty value is a null pointer. */
  #give(bytes, pointerAt, lengthAt) {
    const pointer = bytes.length === 0 ? 0 : this.#module.proxy_on_memory_allocate(bytes.length);
    this.#bytes.set(bytes, pointer);
    this.#view.setUint32(pointerAt, pointer, true);
    this.#view.setUint32(lengthAt, bytes.length, true);
    return OK;
  }

  #giveText(text, pointerAt, lengthAt) {
    return this.#give(Buffer.from(text, "latin1"), pointerAt, lengthAt);
  }

  imports() {
    const host = this.#functions();
    const env = {};
    for (const [name, call] of Object.entries(host)) {
      env[name] = (...parameters) => {
        this.calls.push(name);
        return call(...parameters);
      };
    }
    const clock_time_get = (_clock, _precision, at) => {
      this.#view.setBigUint64(at, this.time, true);
      return 0;
    };
    const random_get = (at, size) => {
      this.#bytes.fill(0x2a, at, at + size);
      return 0;
    };
    return { env, wasi_snapshot_preview1: { clock_time_get, random_get }, mock: this.#controls() };
  }

  #functions() {
    const text = (pointer, length) => this.#text(pointer, length);
    return {
      proxy_log: (level, pointer, length) => {
        this.logs.push(`${level} ${text(pointer, length)}`);
        return OK;
      },
      proxy_get_log_level: (at) => {
        if (this.logLevel < 0) return BAD_ARGUMENT;
        this.#view.setUint32(at, this.logLevel, true);
        return OK;
      },
      proxy_set_tick_period_milliseconds: (period) => {
        this.tickPeriod = period;
        return OK;
      },
      proxy_get_current_time_nanoseconds: (at) => {
        this.#view.setBigUint64(at, this.time, true);
        return OK;
      },
      proxy_get_property: (path, pathLength, pointerAt, lengthAt) => {
        const value = this.properties.get(text(path, pathLength));
        return value === undefined ? NOT_FOUND : this.#giveText(value, pointerAt, lengthAt);
      },
      proxy_set_property: (path, pathLength, value, length) => {
        this.properties.set(text(path, pathLength), text(value, length));
        return OK;
      },
      proxy_continue_stream: (stream) => {
        this.effects.push(`continue ${stream}`);
        return OK;
      },
      proxy_close_stream: () => OK,
      proxy_done: () => OK,
      proxy_set_effective_context: (id) => {
        if (this.gone.has(id)) return BAD_ARGUMENT;
        this.effects.push(`effective ${id}`);
        return OK;
      },
      proxy_http_call: (
        cluster,
        clusterLength,
        headers,
        headersLength,
        body,
        bodyLength,
        _t,
        _tl,
        timeout,
        tokenAt,
      ) => {
        const names = deserialized(Buffer.from(this.#bytes.slice(headers, headers + headersLength)));
        const lines = names.map(([name, value]) => `${name}=${value}`).join(" ");
        return this.#send(
          `http ${text(cluster, clusterLength)} ${timeout} ${lines} ${text(body, bodyLength)}`,
          0,
          tokenAt,
        );
      },
      proxy_grpc_call: (
        target,
        targetLength,
        service,
        serviceLength,
        method,
        methodLength,
        _metadata,
        _metadataLength,
        message,
        messageLength,
        timeout,
        tokenAt,
      ) => {
        const path = `${text(service, serviceLength)}/${text(method, methodLength)}`;
        const hex = Buffer.from(text(target, targetLength), "latin1").toString("hex");
        return this.#send(`grpc ${hex} ${timeout} ${path} ${text(message, messageLength)}`, 1, tokenAt);
      },
      proxy_get_status: (statusAt, pointerAt, lengthAt) => {
        this.#view.setUint32(statusAt, 7, true);
        return this.#giveText("no way", pointerAt, lengthAt);
      },
      proxy_send_local_response: (
        status,
        details,
        detailsLength,
        body,
        bodyLength,
        _headers,
        _length,
        grpc,
      ) => {
        this.responses.push(`${status} ${text(details, detailsLength)} ${text(body, bodyLength)} ${grpc}`);
        return OK;
      },
      proxy_get_shared_data: (key, keyLength, pointerAt, lengthAt, casAt) => {
        const entry = this.shared.get(text(key, keyLength));
        if (entry === undefined) return NOT_FOUND;
        this.#giveText(entry.value, pointerAt, lengthAt);
        this.#view.setUint32(casAt, entry.cas, true);
        return OK;
      },
      proxy_set_shared_data: (key, keyLength, value, length, cas) => {
        const name = text(key, keyLength);
        const entry = this.shared.get(name);
        if (entry !== undefined && cas !== 0 && cas !== entry.cas) return CAS_MISMATCH;
        this.shared.set(name, { value: text(value, length), cas: (entry?.cas ?? 0) + 1 });
        return OK;
      },
      proxy_add_header_map_value: (map, name, nameLength, value, length) => {
        this.#map(map).push([text(name, nameLength), text(value, length)]);
        return OK;
      },
      proxy_replace_header_map_value: (map, name, nameLength, value, length) => {
        const replaced = text(name, nameLength);
        const others = this.#map(map).filter(([there]) => there !== replaced);
        this.maps.set(map, [...others, [replaced, text(value, length)]]);
        return OK;
      },
      proxy_remove_header_map_value: (map, name, nameLength) => {
        const removed = text(name, nameLength);
        this.maps.set(
          map,
          this.#map(map).filter(([there]) => there !== removed),
        );
        return OK;
      },
      proxy_get_header_map_value: (map, name, nameLength, pointerAt, lengthAt) => {
        const wanted = text(name, nameLength);
        const found = this.#map(map).find(([there]) => there === wanted);
        return found === undefined ? NOT_FOUND : this.#giveText(found[1], pointerAt, lengthAt);
      },
      proxy_get_header_map_pairs: (map, pointerAt, lengthAt) => {
        const raw = this.rawPairs.get(map);
        if (raw !== undefined) return this.#give(raw, pointerAt, lengthAt);
        if (!this.maps.has(map)) return BAD_ARGUMENT;
        return this.#give(serialized(this.maps.get(map)), pointerAt, lengthAt);
      },
      proxy_set_header_map_pairs: (map, pointer, length) => {
        this.maps.set(map, deserialized(Buffer.from(this.#bytes.slice(pointer, pointer + length))));
        return OK;
      },
      proxy_get_header_map_size: (map, at) => {
        if (!this.maps.has(map)) return BAD_ARGUMENT;
        const sizes = this.maps.get(map).map(([name, value]) => name.length + value.length);
        this.#view.setUint32(
          at,
          sizes.reduce((sum, size) => sum + size, 0),
          true,
        );
        return OK;
      },
      proxy_get_buffer_bytes: (buffer, start, length, pointerAt, lengthAt) => {
        const bytes = this.buffers.get(buffer);
        if (bytes === undefined) return NOT_FOUND;
        // Nothing is written for an empty buffer, as in Envoy.
        if (bytes.length === 0) return OK;
        return this.#give(bytes.slice(start, start + (length >>> 0)), pointerAt, lengthAt);
      },
      proxy_get_buffer_status: (buffer, lengthAt, flagsAt) => {
        const bytes = this.buffers.get(buffer);
        if (bytes === undefined) return NOT_FOUND;
        this.#view.setUint32(lengthAt, bytes.length, true);
        this.#view.setUint32(flagsAt, 0, true);
        return OK;
      },
      proxy_set_buffer_bytes: (buffer, start, length, pointer, size) => {
        const bytes = this.buffers.get(buffer) ?? new Uint8Array();
        const from = Math.min(start >>> 0, bytes.length);
        const to = Math.min(from + (length >>> 0), bytes.length);
        const data = this.#bytes.slice(pointer, pointer + size);
        this.buffers.set(buffer, Buffer.concat([bytes.slice(0, from), data, bytes.slice(to)]));
        return OK;
      },
      proxy_define_metric: (type, name, nameLength, at) => {
        const id = 4 * (this.metrics.size + 1) + type;
        this.metrics.set(id, { name: text(name, nameLength), value: 0n });
        this.#view.setUint32(at, id, true);
        return OK;
      },
      proxy_increment_metric: (id, offset) => {
        const metric = this.metrics.get(id);
        if (metric === undefined) return NOT_FOUND;
        metric.value += offset;
        return OK;
      },
      proxy_record_metric: (id, value) => {
        const metric = this.metrics.get(id);
        if (metric === undefined) return NOT_FOUND;
        metric.value = value;
        return OK;
      },
      proxy_get_metric: (id, at) => {
        const metric = this.metrics.get(id);
        if (metric === undefined) return NOT_FOUND;
        this.#view.setBigUint64(at, BigInt.asUintN(64, metric.value), true);
        return OK;
      },
      proxy_call_foreign_function: (name, nameLength, argument, length, _pointerAt, _lengthAt) => {
        const called = text(name, nameLength);
        if (called !== "clear_route_cache") return NOT_FOUND;
        this.foreign.push(`${called}(${text(argument, length)})`);
        return OK;
      },
    };
  }

  /** Tokens count up by 4; their lowest two bits are the kind. */
  #send(line, kind, tokenAt) {
    this.sent.push(line);
    if (this.callResult !== OK) return this.callResult;
    this.lastToken += 4;
    this.#view.setUint32(tokenAt, this.lastToken + kind, true);
    return OK;
  }

  #map(type) {
    if (!this.maps.has(type)) this.maps.set(type, []);
    return this.maps.get(type);
  }

  /** What tests call. */
  #controls() {
    const copy = (pointer, length) => Buffer.from(this.#bytes.slice(pointer, pointer + length));
    return {
      reset: () => this.#reset(),
      /** Lines of `name=value`. */
      setHeaders: (map, pointer, length) => {
        this.rawPairs.delete(map);
        const lines = this.#text(pointer, length).split("\n");
        this.maps.set(
          map,
          lines.filter(Boolean).map((line) => {
            const at = line.indexOf("=");
            return [line.slice(0, at), line.slice(at + 1)];
          }),
        );
      },
      setPairs: (map, pointer, length) => this.rawPairs.set(map, copy(pointer, length)),
      setBuffer: (buffer, pointer, length) => this.buffers.set(buffer, copy(pointer, length)),
      setProperty: (path, pathLength, value, length) =>
        this.properties.set(this.#text(path, pathLength), this.#text(value, length)),
      setCallResult: (result) => {
        this.callResult = result;
      },
      forgetContext: (id) => this.gone.add(id),
      setLogLevel: (level) => {
        this.logLevel = level;
      },
      setTime: (time) => {
        this.time = BigInt.asUintN(64, time);
      },
      /** Keeps the answer to a question until `read`; answers its length. */
      ask: (pointer, length) => {
        const [what, which] = this.#text(pointer, length).split(" ");
        const answers = {
          headers: () => this.#map(Number(which)).map(([name, value]) => `${name}=${value}`),
          metrics: () => [...this.metrics.values()].map(({ name, value }) => `${name}=${value}`),
          logs: () => this.logs,
          responses: () => this.responses,
          foreign: () => this.foreign,
          sent: () => this.sent,
          effects: () => this.effects,
          tick: () => [String(this.tickPeriod)],
          property: () => [this.properties.get(which) ?? "none"],
          buffer: () => [Buffer.from(this.buffers.get(Number(which)) ?? []).toString("latin1")],
          calls: () => this.calls.filter((name) => which === undefined || name === which),
        };
        this.#answer = Buffer.from(answers[what]().join("\n"), "latin1");
        return this.#answer.length;
      },
      read: (at) => this.#bytes.set(this.#answer, at),
    };
  }
}

/** As proxy-wasm-cpp-host `pairs_util.cc`. */
function serialized(pairs) {
  const parts = [u32(pairs.length)];
  for (const [name, value] of pairs) parts.push(u32(name.length), u32(value.length));
  for (const [name, value] of pairs) parts.push(Buffer.from(`${name}\0${value}\0`, "latin1"));
  return Buffer.concat(parts);
}

function deserialized(bytes) {
  const pairs = [];
  const count = bytes.readUInt32LE(0);
  let at = 4 + 8 * count;
  for (let i = 0; i < count; i++) {
    const [name, value] = [bytes.readUInt32LE(4 + 8 * i), bytes.readUInt32LE(8 + 8 * i)];
    pairs.push([
      bytes.toString("latin1", at, at + name),
      bytes.toString("latin1", at + name + 1, at + name + 1 + value),
    ]);
    at += name + value + 2;
  }
  return pairs;
}

function u32(number) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(number);
  return bytes;
}

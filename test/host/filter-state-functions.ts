/** The foreign functions `declare_property` and `set_envoy_filter_state`. */
import { WasmResult } from "./abi.ts";
import { byteStringOf } from "./bytes.ts";
import { LifeSpan, StateType } from "./filter-state.ts";
import type { ForeignFunction } from "./foreign.ts";
import { bytesField, numberField, readMessage, textField } from "./protobuf.ts";

export function filterStateFunctions(): [string, ForeignFunction][] {
  return [
    [
      "declare_property",
      (context, argument) => {
        const fields = readMessage(argument);
        const name = fields && textField(fields, 1);
        if (fields === null || name === null) return WasmResult.BadArgument;
        const type = Number(numberField(fields, 3));
        // In the name of the context that was called back: what a stream declares is never looked at.
        const { declared } = context.vm?.callContext ?? context;
        const key = byteStringOf(bytesField(fields, 1));
        if (declared.has(key)) return WasmResult.BadArgument;
        declared.set(key, {
          readonly: numberField(fields, 2) !== 0n,
          type: type <= StateType.Protobuf ? type : StateType.Bytes,
          schema: byteStringOf(bytesField(fields, 4)),
          lifeSpan: lifeSpan(numberField(fields, 5)),
        });
        return WasmResult.Ok;
      },
    ],
    [
      "set_envoy_filter_state",
      (context, argument) => {
        const fields = readMessage(argument);
        const path = fields && textField(fields, 1);
        const value = fields && textField(fields, 2);
        if (fields === null || path === null || value === null) return WasmResult.BadArgument;
        const factory = FACTORIES[path];
        if (factory === undefined) return WasmResult.NotFound;
        if (factory === "number" && !/^\d+$/.test(value)) return WasmResult.BadArgument;
        const state = context.streamInfo?.state;
        if (state === undefined) return WasmResult.NotFound;
        const shown = factory === "hidden" ? null : byteStringOf(bytesField(fields, 2));
        state.set(path, shown, lifeSpan(numberField(fields, 3)));
        return WasmResult.Ok;
      },
    ],
  ];
}

function lifeSpan(number: bigint): number {
  return number <= BigInt(LifeSpan.DownstreamConnection) ? Number(number) : LifeSpan.FilterChain;
}

/**
 * Those objects of stock Envoy's that a text or a number makes (tried on 1.40.0), by what they take. Those of addresses are NotFound
 * here.
 */
const FACTORIES: Readonly<Record<string, "text" | "number" | "hidden">> = {
  "envoy.string": "text",
  "envoy.hashable_string": "text",
  "envoy.tcp_proxy.cluster": "text",
  "envoy.network.upstream_server_name": "text",
  "envoy.network.upstream_subject_alt_names": "text",
  "envoy.network.application_protocols": "hidden",
  "envoy.network.network_namespace": "text",
  "envoy.upstream.dynamic_host": "text",
  "envoy.upstream.dynamic_port": "number",
  "envoy.tcp_proxy.per_connection_idle_timeout_ms": "number",
  "envoy.ratelimit.hits_addend": "number",
};

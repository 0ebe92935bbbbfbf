/** One set of limits as `global-rate-limit` has it, as Envoy's own `ratelimit` filter has it, and as the service has it. */

export type Unit = "minute" | "hour" | "day";

/** An entry of a descriptor: a header's value, a fixed one, or the client's address. */
export type Entry =
  | { key: string; header: string; skipIfMissing: boolean }
  | { key: string; value: string }
  | { key: "remote_address" };

export interface AskedLimit {
  descriptors: readonly (readonly Entry[])[];
  hits?: number;
}

/** A descriptor of the service's configuration. */
export interface ServiceNode {
  key: string;
  value?: string;
  rate_limit?: { unit: Unit; requests_per_unit: number };
  descriptors?: ServiceNode[];
}

export const CLUSTER = "ratelimit";

export function pluginConfig(domain: string, limits: readonly AskedLimit[]): object {
  return {
    domain,
    service: { cluster: CLUSTER, timeout: "5s" },
    failureMode: "deny",
    limits: limits.map(({ descriptors, hits }, at) => ({
      name: `limit-${at}`,
      descriptors: descriptors.map((entries) => entries.map(entryOf)),
      ...(hits === undefined ? {} : { hits }),
    })),
  };
}

function entryOf(entry: Entry): object {
  if ("value" in entry) return entry;
  if (!("header" in entry)) return { key: entry.key, from: { remoteAddress: {} } };
  const { key, header, skipIfMissing } = entry;
  return { key, from: { header }, ...(skipIfMissing ? { skipIfMissing } : {}) };
}

export function nativeFilter(domain: string, limits: readonly AskedLimit[]): object {
  return {
    name: "envoy.filters.http.ratelimit",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit",
      domain,
      timeout: "5s",
      failure_mode_deny: true,
      enable_x_ratelimit_headers: "DRAFT_VERSION_03",
      rate_limit_service: {
        transport_api_version: "V3",
        grpc_service: { envoy_grpc: { cluster_name: CLUSTER } },
      },
      rate_limits: limits.flatMap(({ descriptors, hits }) =>
        descriptors.map((entries) => ({
          actions: entries.map(actionOf),
          ...(hits === undefined ? {} : { hits_addend: { number: hits } }),
        })),
      ),
    },
  };
}

function actionOf(entry: Entry): object {
  if ("value" in entry) return { generic_key: { descriptor_key: entry.key, descriptor_value: entry.value } };
  if (!("header" in entry)) return { remote_address: {} };
  const { key, header, skipIfMissing } = entry;
  return {
    request_headers: { descriptor_key: key, header_name: header, skip_if_absent: skipIfMissing },
  };
}

/** A domain's configuration file; JSON is YAML. */
export function serviceConfig(domain: string, descriptors: readonly ServiceNode[]): string {
  return JSON.stringify({ domain, descriptors });
}

/** Envoy's own tracing (`HttpConnectionManager.tracing`, v3 API), as Istio sets it up. */

export interface TracingOptions {
  /** Percent of new traces that are sampled (`random_sampling`); default 100. */
  sampling?: number;
  /** Whether Envoy writes its context into the requests that it sends on; default true. */
  propagates?: boolean;
}

/**
 * Zipkin's provider, with the collector in this cluster. `w3c`: it reads and writes `traceparent` beside B3;
 * default false.
 */
export function zipkinTracing(
  cluster: string,
  { w3c = false, ...options }: TracingOptions & { w3c?: boolean } = {},
): object {
  return tracing(options, "zipkin", {
    "@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig",
    collector_cluster: cluster,
    collector_endpoint: "/api/v2/spans",
    collector_endpoint_version: "HTTP_JSON",
    trace_id_128bit: true,
    shared_span_context: false,
    ...(w3c ? { trace_context_option: "USE_B3_WITH_W3C_PROPAGATION" } : {}),
  });
}

/** OpenTelemetry's provider, which reads and writes `traceparent` alone; the collector is in this cluster. */
export function openTelemetryTracing(cluster: string, options: TracingOptions = {}): object {
  return tracing(options, "opentelemetry", {
    "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
    service_name: "native",
    http_service: { http_uri: { uri: `http://${cluster}/v1/traces`, cluster, timeout: "5s" } },
  });
}

/** Spans go out soon with it (`layered_runtime`); by itself Envoy waits for five seconds. */
export const SPANS_AT_ONCE = {
  layers: [
    {
      name: "static",
      static_layer: {
        "tracing.zipkin.flush_interval_ms": 100,
        "tracing.opentelemetry.flush_interval_ms": 100,
      },
    },
  ],
};

function tracing(
  { sampling = 100, propagates = true }: TracingOptions,
  name: string,
  config: object,
): object {
  return {
    random_sampling: { value: sampling },
    no_context_propagation: !propagates,
    provider: { name: `envoy.tracers.${name}`, typed_config: config },
  };
}

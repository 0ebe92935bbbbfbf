/** Stands in for a collector of traces that is sent OTLP by gRPC (opentelemetry-proto, `collector/trace/v1/trace_service.proto`). */
import { GrpcServer } from "../envoy/grpc-server.ts";
import { bytesField, readMessage, readRepeated, textField, type Fields } from "../host/protobuf.ts";

export interface Span {
  /** What `service.name` of its resource says. */
  service: string;
  /** In hex, as `traceparent` has it. */
  traceId: string;
  name: string;
}

export class TraceCollector {
  private constructor(
    private readonly server: GrpcServer,
    /** In the order in which they came. */
    readonly spans: readonly Span[],
  ) {}

  static async start(): Promise<TraceCollector> {
    const spans: Span[] = [];
    const server = await GrpcServer.start((exchange) => ({
      onMessage(message) {
        spans.push(...readSpans(message));
        // An ExportTraceServiceResponse without fields: all were taken.
        exchange.send(new Uint8Array());
        exchange.end(0);
      },
    }));
    return new TraceCollector(server, spans);
  }

  get port(): number {
    return this.server.port;
  }

  /** The traces that this service has told of. */
  tracesOf(service: string): Set<string> {
    return new Set(this.spans.filter((span) => span.service === service).map(({ traceId }) => traceId));
  }

  async stop(): Promise<void> {
    await this.server.close();
  }
}

/** ExportTraceServiceRequest: `resource_spans` of `scope_spans` of `spans`. */
function readSpans(message: Uint8Array): Span[] {
  return repeated(message, 1).flatMap((resourceSpans) => {
    const service = serviceOf(bytesField(fields(resourceSpans), 1));
    return repeated(resourceSpans, 2)
      .flatMap((scopeSpans) => repeated(scopeSpans, 2))
      .map((bytes): Span => {
        const span = fields(bytes);
        const traceId = Buffer.from(bytesField(span, 1)).toString("hex");
        return { service, traceId, name: textField(span, 5) ?? "" };
      });
  });
}

/** Of a Resource: the text of its attribute `service.name`. */
function serviceOf(resource: Uint8Array): string {
  const attributes = repeated(resource, 1).map(fields);
  const name = attributes.find((attribute) => textField(attribute, 1) === "service.name");
  return name === undefined ? "" : (textField(fields(bytesField(name, 2)), 1) ?? "");
}

function fields(message: Uint8Array): Fields {
  return readMessage(message) ?? failed();
}

function repeated(message: Uint8Array, field: number): Uint8Array[] {
  return readRepeated(message, field) ?? failed();
}

function failed(): never {
  throw new Error("no protobuf message");
}

/** What Zipkin knows of a request, and how its spans hang together. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Zipkin, ZipkinSpan } from "../peers/zipkin.ts";

/** The tag in which spans tell their request's `x-request-id`; Envoy's own tracers call it so. */
export const REQUEST_ID_TAG = "guid:x-request-id";

/** Milliseconds until spans must have come: they are sent in batches. */
const WITHIN = 20_000;

/**
 * All traces in which the request has spans, each trace whole, as soon as there are so many spans in them.
 * Throws, with what there is, when they do not come.
 */
export async function tracesOf(zipkin: Zipkin, requestId: string, spans: number): Promise<ZipkinSpan[][]> {
  for (const end = Date.now() + WITHIN; ; await sleep(50)) {
    const traces = await zipkin.traces({ annotationQuery: `${REQUEST_ID_TAG}=${requestId}`, limit: 1000 });
    if (traces.flat().length >= spans) return traces;
    if (Date.now() > end)
      throw new Error(`of the request ${requestId} Zipkin has only\n${traces.map(drawTrace).join("\n")}`);
  }
}

/** Spans whose parent is not in the trace: one of a trace that hangs together. */
export function rootsOf(trace: readonly ZipkinSpan[]): ZipkinSpan[] {
  const ids = new Set(trace.map(({ id }) => id));
  return trace.filter(({ parentId }) => parentId === undefined || !ids.has(parentId));
}

/** The trace as a tree, one line a span, siblings in order: `SERVER reviews get`, below it `  CLIENT reviews get`. */
export function drawTrace(trace: readonly ZipkinSpan[]): string {
  const draw = (span: ZipkinSpan, indent: string): string => {
    const { kind, localEndpoint, name } = span;
    const children = trace.filter(({ parentId }) => parentId === span.id);
    const below = children.map((child) => draw(child, `${indent}  `)).sort();
    return [`${indent}${kind} ${localEndpoint?.serviceName} ${name}`, ...below].join("\n");
  };
  return rootsOf(trace)
    .map((root) => draw(root, ""))
    .sort()
    .join("\n");
}

/** What Envoy's two rate limit filters have in common: where they stand, what of routes they look at, and how they answer. */
import type { Context, FilterPatch, PatchGroup, RoutePatch } from "./envoy-filter.ts";
import type { Field } from "./field.ts";
import type { ConvertedPlugin } from "./plugin.ts";

/** A gateway's listeners, and those for outbound requests, are the client's (`workloadModeForListenerClass`). */
export function modeOf(context: Context): ConvertedPlugin["mode"] {
  if (context === "ANY") return "CLIENT_AND_SERVER";
  return context === "SIDECAR_INBOUND" ? "SERVER" : "CLIENT";
}

export function whereOf({
  context,
  ports,
  order,
}: FilterPatch): Pick<ConvertedPlugin, "mode" | "ports" | "phase" | "priority"> {
  return {
    mode: modeOf(context),
    ...(ports.length === 0 ? {} : { ports }),
    // As early as a plugin can be: CUSTOM policies and the exchange of metadata come before. Without a phase it comes after all that has one.
    ...(order === "first" ? { phase: "AUTHN", priority: 1000 } : order === "last" ? {} : { phase: order }),
  };
}

/** What is to be known of the place, as comments (`buildHTTPConnectionManager` of `listener_builder.go`). */
export function placeRemarks({ order }: FilterPatch): string[] {
  return order === "last"
    ? [
        "It stands before Istio's filters for faults, CORS and telemetry, behind which the EnvoyFilter put Envoy's. So CORS preflights and requests that a fault ends count too, and a preflight may get the answer of a limit.",
      ]
    : [];
}

/** What this filter looks at of what is said of routes. */
export function routesOf(
  { routes }: Pick<PatchGroup, "routes">,
  { context, kind, name, config }: FilterPatch,
): RoutePatch[] {
  const seen = routes.filter((route) => contextsMeet(route.context, context));
  const isOwn = ({ own }: RoutePatch): boolean => own?.filter === name && own.kind === kind;
  const configs = [config, ...seen.filter(isOwn).map(({ own }) => own!.config)];
  const usesLimits = kind === "global" ? asksRoutes(config) : configs.some(countsByRoutes);
  return seen.filter((route) => isOwn(route) || (usesLimits && route.rateLimits.length > 0));
}

/** Whether there are listeners that both are for. */
export function contextsMeet(one: Context, other: Context): boolean {
  return one === other || one === "ANY" || other === "ANY";
}

/** Envoy's filters look at the `rate_limits` of routes only where they have none of their own. */
function asksRoutes(config: Field): boolean {
  return (config.get("rateLimits")?.items() ?? []).length === 0;
}

/** Whether this `LocalRateLimit` has buckets for descriptors that routes make. */
export function countsByRoutes(config: Field): boolean {
  return asksRoutes(config) && (config.get("descriptors")?.items() ?? []).length > 0;
}

/** What is the same in the configurations of both filters. */
export interface Answers {
  response: object;
  responseHeaders: "draft03" | "off";
}

/** As comments, what is told of a limit otherwise than Envoy's filters tell it. */
export function remarksOf({ responseHeaders }: Partial<Answers>): string[] {
  return responseHeaders === "draft03"
    ? [
        "x-ratelimit-limit lists each limit with its window and its name, where Envoy's filter has less of it.",
      ]
    : [];
}

/** `response` and `responseHeaders`: as Envoy's filter answers, which has no body unless one is told here. */
export function answersOf(
  config: Field,
  statusField: string,
  body: string,
  headers: Record<string, string>,
): Answers {
  const status = config.find(statusField, "code")?.number() ?? null;
  config.get(statusField)?.finish();
  const all: Record<string, string> = { ...headers };
  for (const item of config.get("responseHeadersToAdd")?.items() ?? []) {
    item.drop(
      "the answer has this header once, in place of another of its name, and with an empty value too",
      "append",
      "appendAction",
      "keepEmptyValue",
    );
    const header = item.get("header");
    const [key, value] = [header?.get("key")?.text() ?? "", header?.get("value")?.text() ?? ""];
    if (value.includes("%")) header?.leave("a value that Envoy formats; a plugin sends texts as they are");
    header?.finish();
    item.finish();
    all[key.toLowerCase()] = value;
  }
  const draft = config.get("enableXRatelimitHeaders")?.text() ?? "OFF";
  return {
    response: { status: status ?? 429, body, ...(Object.keys(all).length === 0 ? {} : { headers: all }) },
    responseHeaders: draft === "DRAFT_VERSION_03" ? "draft03" : "off",
  };
}

/** Milliseconds of a duration as protobuf's JSON has it, or YAML's `{seconds, nanos}`; null where it is none, which is told. */
export function readMilliseconds(field: Field): number | null {
  const value = field.value();
  if (typeof value === "object" && value !== null) {
    const { seconds = 0, nanos = 0 } = value as { seconds?: number; nanos?: number };
    return Number(seconds) * 1000 + Number(nanos) / 1e6;
  }
  const [, seconds] = /^(\d+(?:\.\d+)?)s$/.exec(String(value)) ?? [];
  if (seconds !== undefined) return Math.round(Number(seconds) * 1e6) / 1000;
  field.leave('expected a duration in seconds, like "0.25s"');
  return null;
}

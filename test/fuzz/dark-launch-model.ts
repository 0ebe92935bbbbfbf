/**
 * What `dark-launch` says in its README, written down as plainly as it can be: every rule is tried in its order. The
 * fuzz tests hold the built module against it. Values of headers are byte strings.
 */
import { chosen } from "../cohorts.ts";
import {
  type Arrived,
  baggageMember,
  baggageMembers,
  cookie,
  type Key,
  keyOf,
  looksLikeMember,
  type RequestMatch,
  requestMatches,
  valueOf,
} from "./match-model.ts";

type Mode = "enforce" | "shadow";

export interface Rule {
  name: string;
  mode?: Mode;
  match?: RequestMatch;
  variant?: string;
  variants?: { name: string; weight: number }[];
  by?: Key;
  salt?: string;
}

export interface Cookie {
  name: string;
  ttl?: string;
  path?: string;
  secure?: boolean;
  httpOnly?: boolean;
  sameSite?: string;
}

export interface DarkLaunch {
  header?: string;
  trustInbound?: boolean;
  default?: string;
  disabled?: boolean;
  expires?: string;
  mode?: Mode;
  annotate?: "decisions" | "always";
  rules?: Rule[];
  sticky?: { cookie: Cookie };
  baggage?: string;
  exposeResponse?: boolean;
}

/** All that comes of a request. */
export interface Decision {
  /** The values of the routing header upstream. */
  header: string[];
  /** The members of `baggage` upstream, raw. */
  baggage: string[];
  /** What is added to the response's `set-cookie`. */
  setCookie: string[];
  /** What the response's routing header becomes; undefined: it stays. */
  exposed: string | undefined;
  /** The property `outrigger.dark-launch`; undefined: not set. */
  property: string | undefined;
  /** Names of the counters that count one more. */
  counted: string[];
}

/** What is decided about a request `now`, in milliseconds since 1970. */
export function decide(config: DarkLaunch, request: Arrived, now: number): Decision {
  const header = (config.header ?? "x-variant").toLowerCase();
  const values = request.headers.filter(([name]) => name === header).map(([, value]) => value);
  const members = baggageMembers(request.headers);
  const own = members.filter(
    (member) => config.baggage !== undefined && looksLikeMember(member, config.baggage),
  );
  const untouched = { header: values, baggage: members, setCookie: [], exposed: undefined };
  const always = config.annotate === "always";

  const ended =
    config.expires !== undefined && now >= Date.parse(config.expires)
      ? "expired"
      : config.disabled
        ? "disabled"
        : null;
  if (config.trustInbound && ended === null) {
    const inHeader = valueOf(request, header);
    const inBaggage = own.length === 1 ? baggageMember(request, config.baggage!) : undefined;
    const known = knownVariants(config);
    const trusted = [inHeader, inBaggage].find((variant) => variant !== undefined && known.includes(variant));
    if (trusted !== undefined) {
      const told = {
        property: always ? "dark-launch:inbound" : undefined,
        counted: [counter("inbound", trusted, "enforce")],
      };
      if (config.mode === "shadow") return { ...untouched, ...told };
      return { ...untouched, ...carried(config, request, trusted), ...told };
    }
  }

  const mode = config.mode ?? "enforce";
  const shadowed: string[] = [];
  const counted: string[] = [];
  let decided: Rule | null = null;
  for (const rule of ended === null ? (config.rules ?? []) : []) {
    const key = rule.by && keyOf(rule.by, request);
    if ((rule.by && key === undefined) || !requestMatches(rule.match ?? {}, request)) continue;
    if (rule.mode !== "shadow") {
      decided = rule;
      break;
    }
    shadowed.push(rule.name);
    counted.push(counter(rule.name, variantOf(rule, request, undefined), "shadow"));
  }
  const kept = config.sticky && cookie(request, config.sticky.cookie.name);
  const variant = decided === null ? config.default : variantOf(decided, request, kept);
  const name = decided?.name ?? ended ?? (config.default === undefined ? "none" : "default");
  counted.push(counter(name, variant, mode));
  if (values.length > 0 || own.length > 0) counted.push("outrigger_dark_launch_stripped");
  if (mode === "shadow") shadowed.push(name);
  const reasons = shadowed.slice(0, 8);
  if (always && mode === "enforce") reasons.push(name);

  const sticks =
    mode === "enforce" && config.sticky !== undefined && decided?.variants !== undefined && kept !== variant;
  return {
    ...carried(config, request, mode === "shadow" ? undefined : variant),
    setCookie: sticks ? [setCookie(config.sticky!.cookie, variant!)] : [],
    property: reasons.length === 0 ? undefined : reasons.map((reason) => `dark-launch:${reason}`).join(","),
    counted,
  };
}

/** The request and the response with a variant, or with none. */
function carried(config: DarkLaunch, request: Arrived, variant: string | undefined) {
  const members = baggageMembers(request.headers);
  const isOwn = (member: string): boolean =>
    config.baggage !== undefined && looksLikeMember(member, config.baggage);
  const own = members.filter(isOwn);
  const others = members.filter((member) => !isOwn(member));
  let baggage = others;
  if (config.baggage !== undefined && variant !== undefined) {
    const stays = own.length === 1 && baggageMember(request, config.baggage) === variant;
    baggage = stays ? members : [...others, `${config.baggage}=${variant.replaceAll("%", "%25")}`];
  }
  return {
    header: variant === undefined ? [] : [variant],
    baggage,
    exposed: config.exposeResponse ? variant : undefined,
  };
}

function variantOf(rule: Rule, request: Arrived, kept: string | undefined): string {
  if (rule.variants === undefined) return rule.variant!;
  if (rule.variants.some(({ name, weight }) => weight > 0 && name === kept)) return kept!;
  return chosen(keyOf(rule.by!, request)!, rule.variants, rule.salt);
}

function knownVariants({ default: other, rules = [] }: DarkLaunch): (string | undefined)[] {
  return [
    other,
    ...rules.flatMap(({ variant, variants = [] }) => [variant, ...variants.map(({ name }) => name)]),
  ];
}

function counter(rule: string, variant: string | undefined, mode: Mode): string {
  const labels = [`rule=.=${rule}`, `variant=.=${variant ?? "none"}`, `mode=.=${mode}`];
  return `${labels.join(";.;")};.;outrigger_dark_launch_decisions`;
}

function setCookie({ name, ttl, path = "/", secure, httpOnly, sameSite }: Cookie, variant: string): string {
  const [, number = "", unit = ""] = /^([\d.]+)(\w+)$/.exec(ttl ?? "") ?? [];
  const seconds = Number(number) * ({ ms: 0.001, s: 1, m: 60, h: 3600 }[unit] ?? 0);
  return [
    `${name}=${variant}`,
    ...(ttl === undefined ? [] : [`Max-Age=${Math.floor(seconds)}`]),
    `Path=${path}`,
    ...(secure ? ["Secure"] : []),
    ...(httpOnly ? ["HttpOnly"] : []),
    ...(sameSite === undefined ? [] : [`SameSite=${sameSite}`]),
  ].join("; ");
}

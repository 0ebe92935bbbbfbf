/**
 * How many units a proxy asks the service for at once. The service counts first and compares then (envoyproxy/ratelimit
 * `fixed_cache_impl.go`): an ask that crosses the limit is refused as a whole, and what was left below it is lost for the window, as is what
 * a lease leaves unspent at the window's end. So an ask is small against what remains, and against what this proxy will spend soon; it is
 * never so small that a busy proxy asks for every request.
 */

/**
 * A lease is for a share of the time that is left in the window: the share that this proxy has of what the fleet spends, between these two. So
 * what a proxy leaves unspent at the end is small where there are few, and smaller where there are many of which most are quiet.
 */
const LEAST_HORIZON: f64 = 1.0 / 8.0;
const MOST_HORIZON: f64 = 1.0 / 3.0;
/** Seconds that a lease is for at least: shorter, and a proxy asks more often than it need. */
const SHORTEST: f64 = 0.5;
/** Of a limit: within the last of it, an ask takes a smaller share. */
const RESERVE: f64 = 0.05;
/** The share of what remains above the reserve that one ask may take: other proxies ask too. */
const SHARE: f64 = 1.0 / 8.0;
/** The share of what remains within the reserve: a hundred proxies each find something there. */
const LAST_SHARE: f64 = 1.0 / 20.0;
/** An ask is at most so many times the one before: two requests in a row are no rate. */
const GROWTH: f64 = 4;

/**
 * The units to ask for: at least `hits`, at most `most`.
 *
 * @param limit units of a window
 * @param remaining units that the service has left, as far as this proxy knows
 * @param rate units a second that this proxy spends
 * @param pace units a second that all proxies spend; 0 while it is not known
 * @param left seconds until the window ends
 * @param before the size of the lease before; 0 for none
 */
export function leaseSize(
  hits: u32,
  most: u32,
  limit: f64,
  remaining: f64,
  rate: f64,
  pace: f64,
  left: f64,
  before: u32,
): u32 {
  const reserve = limit * RESERVE;
  const share = max(remaining * LAST_SHARE, (remaining - reserve) * SHARE);
  const horizon = pace > rate ? rate / pace : 1;
  // Not for longer than the window lasts.
  let size = rate * min(max(left * max(min(horizon, MOST_HORIZON), LEAST_HORIZON), SHORTEST), left);
  size = min(min(size, share), min(<f64>max(before, hits) * GROWTH, <f64>most));
  return size > <f64>hits ? <u32>size : hits;
}

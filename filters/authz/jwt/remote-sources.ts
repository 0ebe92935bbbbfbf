import { arenaAllocate, concatenate } from "../../../assembly/bytes/arena";
import { ABSENT, Bytes, bytesOf, copyTo, equals, lengthOf, literal } from "../../../assembly/bytes/bytes";
import { hexTo } from "../../../assembly/bytes/hex";
import { sha256, SHA256_SIZE } from "../../../assembly/bytes/sha256";
import { ConfigReader } from "../../../assembly/json/config-reader";
import { readDuration } from "../../../assembly/json/duration";
import { JsonKind, JsonNode } from "../../../assembly/json/node";
import { emptyList } from "../../../assembly/list";
import { keepParking, wakeParked } from "../../../assembly/parking";
import { CallAnswer, keepAsking } from "../../../assembly/waiting";
import { JwksUri, jwksUriProblem, parseJwksUri } from "./jwks-uri";
import { FetchTimes, longestLease, RemoteKeys } from "./remote-keys";
import { SharedKeys } from "./shared-keys";

/** The remote keys of a configuration: one source for each URL and cluster, whatever number of rules names it. */
@final
export class RemoteSources {
  private readonly sources: RemoteKeys[] = emptyList<RemoteKeys>();
  /** That of the rule that was read last, in milliseconds: how long its requests wait. */
  timeout: u32 = 0;

  /**
   * The source that a rule names by `jwksUri` (`uri`), `jwksCluster`, `jwksRefresh`, `jwksMaxStale` and `timeout`; null, and told, where one of
   * these is wrong. Of rules with the same URL and cluster the times are joined ({@link FetchTimes.join}).
   */
  read(reader: ConfigReader, rule: JsonNode, uri: JsonNode): RemoteKeys | null {
    const keeper = reader.keeper;
    const parsed = uri.kind == JsonKind.String ? parseJwksUri(uri.text, keeper) : null;
    if (uri.kind != JsonKind.String) reader.unexpected(uri, "a URL like https://issuer.example/jwks.json");
    else if (parsed == null) reader.problem(uri, jwksUriProblem);
    const clusterNode = reader.member(rule, "jwksCluster");
    let cluster = ABSENT;
    if (clusterNode != null) {
      cluster = reader.text(clusterNode, "the name of a cluster");
      if (cluster != ABSENT && lengthOf(cluster) == 0)
        reader.unexpected(clusterNode, "the name of a cluster");
      if (lengthOf(cluster) == 0) return null;
    } else if (parsed != null) cluster = keeper.keepText(parsed.cluster);
    const timeout = duration(reader, rule, "timeout", 5000, 1, MINUTE, '"5s", from "1ms" to "60s"');
    const refresh = duration(reader, rule, "jwksRefresh", 5 * MINUTE, 1000, DAY, '"5m", from "1s" to "24h"');
    const stale = duration(reader, rule, "jwksMaxStale", DAY, MINUTE, 7 * DAY, '"24h", from "1m" to "168h"');
    if (stale < refresh) reader.problem(rule, "jwksMaxStale is shorter than jwksRefresh");
    if (parsed == null || isNaN(timeout + refresh + stale)) return null;
    this.timeout = <u32>timeout;
    return this.source(reader, parsed, cluster, new FetchTimes(<u32>timeout, <u32>refresh, <u32>stale));
  }

  private source(reader: ConfigReader, uri: JwksUri, cluster: Bytes, times: FetchTimes): RemoteKeys {
    const sources = this.sources;
    const keeper = reader.keeper;
    const identity = concatenate(cluster, NUL, concatenate(uri.authority, NUL, uri.path));
    for (let at = 0; at < sources.length; at++) {
      const other = sources[at];
      if (!equals(other.cluster, cluster) || !equals(other.uri.path, uri.path)) continue;
      if (!equals(other.uri.authority, uri.authority)) continue;
      other.times.join(times);
      return other;
    }
    keepAsking();
    keepParking();
    const place = keeper.keep(placeOf(identity));
    const shared = new SharedKeys(place, keeper, longestLease(<u32>MINUTE));
    const source = new RemoteKeys(keeper, uri, cluster, times, shared);
    sources.push(source);
    return source;
  }

  /** Defines the metrics, and takes what the proxy has fetched before: only for a configuration that is taken. */
  define(): void {
    for (let at = 0; at < this.sources.length; at++) {
      const source = this.sources[at];
      source.define();
      source.keepUp(false);
    }
  }

  /** For `Filter.onTick` and `Filter.onParked`. */
  keepUp(): void {
    let isNew = false;
    for (let at = 0; at < this.sources.length; at++) {
      if (this.sources[at].keepUp(true)) isNew = true;
    }
    if (isNew) wakeParked();
  }

  /** For `Filter.onBackground`: whether the answer was to a call of one of these. */
  onBackground(answer: CallAnswer): bool {
    for (let at = 0; at < this.sources.length; at++) {
      const source = this.sources[at];
      if (<u32>changetype<usize>(source) != answer.memo) continue;
      source.onFetched(answer);
      wakeParked();
      return true;
    }
    return false;
  }
}

/** A duration in milliseconds; NaN where it is wrong. */
function duration(
  reader: ConfigReader,
  rule: JsonNode,
  name: string,
  otherwise: f64,
  least: f64,
  most: f64,
  example: string,
): f64 {
  const node = reader.member(rule, name);
  return node == null ? otherwise : readDuration(reader, node, least, most, example);
}

/** Where the keys of a source are shared. */
function placeOf(identity: Bytes): Bytes {
  const digest = arenaAllocate(SHA256_SIZE);
  sha256(identity, digest);
  const length = lengthOf(PREFIX);
  const place = arenaAllocate(length + 2 * SHA256_SIZE);
  copyTo(place, PREFIX);
  hexTo(bytesOf(digest, SHA256_SIZE), place + length);
  return bytesOf(place, length + 2 * SHA256_SIZE);
}

/** In milliseconds. */
const MINUTE: f64 = 60000;
const DAY: f64 = 24 * 60 * MINUTE;
const NUL_AT: usize = memory.data<u8>([0]);
const NUL: Bytes = bytesOf(NUL_AT, 1);
// @ts-ignore: decorator
@lazy const PREFIX = literal("outrigger/authz/jwks/");

import { ABSENT, Bytes, lengthOf, literal, pointerOf } from "./bytes/bytes";
import { getProperty } from "./host/properties";
import { integerProperty } from "./properties";

/** More of what `properties.ts` is about, apart from it since the paths of all properties in a file are part of each module that has it. */

/** Whether the peer presented a certificate. */
export function connectionIsMtls(): bool {
  const value = getProperty(CONNECTION_MTLS);
  return value != ABSENT && lengthOf(value) == 1 && load<u8>(pointerOf(value)) != 0;
}

/**
 * Whether the listener takes requests in (1) or sends them out (2); 0 is unspecified. To be asked in each request: plugins with one name and one
 * configuration have one root context, also on listeners of different directions (tried with Envoy 1.40), as Istio loads them.
 */
export function listenerDirection(): i64 {
  return integerProperty(LISTENER_DIRECTION);
}

export function clusterName(): Bytes {
  return getProperty(CLUSTER_NAME);
}

/** The plugin's name in the proxy's configuration. */
export function pluginName(): Bytes {
  return getProperty(PLUGIN_NAME);
}

/** The cluster that the proxy's node says it belongs to (`--service-cluster`): in Istio `<app>.<namespace>`. */
export function nodeCluster(): Bytes {
  return getProperty(NODE_CLUSTER);
}

/** The status that a gRPC response has; -1 where there is none. */
export function responseGrpcStatus(): i64 {
  const value = getProperty(RESPONSE_GRPC_STATUS);
  return value != ABSENT && lengthOf(value) == 8 ? load<i64>(pointerOf(value)) : -1;
}

/** Address and port of the host that the request went to; {@link ABSENT} where it went to none. */
export function upstreamAddress(): Bytes {
  return getProperty(UPSTREAM_ADDRESS);
}

/** When the request began, in nanoseconds since 1970. */
export function requestTime(): i64 {
  return integerProperty(REQUEST_TIME);
}

/** How long the request took in nanoseconds; known when it is over. */
export function requestDuration(): i64 {
  return integerProperty(REQUEST_DURATION);
}

export function requestProtocol(): Bytes {
  return getProperty(REQUEST_PROTOCOL);
}

/** The response's status code; 0 before there is one. */
export function responseCode(): i64 {
  return integerProperty(RESPONSE_CODE);
}

// @ts-ignore: decorator
@lazy const CONNECTION_MTLS = literal("connection\0mtls");
// @ts-ignore: decorator
@lazy const LISTENER_DIRECTION = literal("xds\0listener_direction");
// @ts-ignore: decorator
@lazy const CLUSTER_NAME = literal("xds\0cluster_name");
// @ts-ignore: decorator
@lazy const PLUGIN_NAME = literal("plugin_name");
// @ts-ignore: decorator
@lazy const REQUEST_TIME = literal("request\0time");
// @ts-ignore: decorator
@lazy const REQUEST_DURATION = literal("request\0duration");
// @ts-ignore: decorator
@lazy const REQUEST_PROTOCOL = literal("request\0protocol");
// @ts-ignore: decorator
@lazy const RESPONSE_CODE = literal("response\0code");
// @ts-ignore: decorator
@lazy const NODE_CLUSTER = literal("xds\0node\0cluster");
// @ts-ignore: decorator
@lazy const RESPONSE_GRPC_STATUS = literal("response\0grpc_status");
// @ts-ignore: decorator
@lazy const UPSTREAM_ADDRESS = literal("upstream\0address");

import { ABSENT, Bytes, lengthOf, literal, pointerOf } from "./bytes/bytes";
import { getProperty } from "./host/properties";

/**
 * The attributes that Envoy offers, by name and type (Envoy docs, "Attributes"). Each read is a host call.
 * Numbers are 0, and bytes {@link ABSENT}, where the attribute does not exist for the stream.
 */

/** Peer's address with port, after X-Forwarded-For was trusted: `10.0.0.1:4242`, `[::1]:4242`. */
export function sourceAddress(): Bytes {
  return getProperty(SOURCE_ADDRESS);
}

/**
 * The connection's peer, whatever X-Forwarded-For says, in the form of {@link sourceAddress}. Envoy tells it to network
 * plugins alone: a companion on the listener leaves it in the connection's filter state, by this name.
 */
export function directAddress(): Bytes {
  return getProperty(DIRECT_ADDRESS);
}

/** The first URI of the peer certificate's subject alternative names: a SPIFFE id in a mesh. */
export function peerCertificateUri(): Bytes {
  return getProperty(PEER_CERTIFICATE_URI);
}

/** The peer's SPIFFE id where Istio took it from the tunnel's certificate: in waypoints. */
export function tunnelPrincipal(): Bytes {
  return getProperty(TUNNEL_PRINCIPAL);
}

export function routeName(): Bytes {
  return getProperty(ROUTE_NAME);
}

/** The root id of the plugin (Istio's `pluginName`). */
export function pluginRootId(): Bytes {
  return getProperty(PLUGIN_ROOT_ID);
}

/** An integer property, which the host writes as 8 bytes little endian. */
export function integerProperty(path: Bytes): i64 {
  const value = getProperty(path);
  return value != ABSENT && lengthOf(value) == 8 ? load<i64>(pointerOf(value)) : 0;
}

// @ts-ignore: decorator
@lazy const SOURCE_ADDRESS = literal("source\0address");
// @ts-ignore: decorator
@lazy const DIRECT_ADDRESS = literal("outrigger.peer");
// @ts-ignore: decorator
@lazy const TUNNEL_PRINCIPAL = literal("filter_state\0io.istio.peer_principal");
// @ts-ignore: decorator
@lazy const PEER_CERTIFICATE_URI = literal("connection\0uri_san_peer_certificate");
// @ts-ignore: decorator
@lazy const ROUTE_NAME = literal("xds\0route_name");
// @ts-ignore: decorator
@lazy const PLUGIN_ROOT_ID = literal("plugin_root_id");

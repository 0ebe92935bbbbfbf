/** Who sends a request, as Envoy 1.40 tells it to plugins: what a client certificate and a verified token bring. */
import type { Claims, HttpRequest, Json, Peer } from "../driver.ts";
import { byteStringOf, encodeUtf8 } from "./bytes.ts";
import type { AttributeValue } from "./properties.ts";

/** The subject of every client's certificate, and that of the proxy's own with its one URI; the Envoy driver makes them so. */
export const PEER_SUBJECT = "CN=peer";
export const PROXY_SUBJECT = "CN=proxy";
export const PROXY_URI = "spiffe://cluster.local/ns/outrigger/sa/proxy";

/** The attributes of a connection with a client's certificate, by path with dots. */
export function peerAttributes(peer: Peer): [string, AttributeValue][] {
  const attributes: [string, AttributeValue][] = [
    ["connection.mtls", true],
    ["connection.tls_version", "TLSv1.3"],
    ["connection.subject_peer_certificate", PEER_SUBJECT],
    ["connection.subject_local_certificate", PROXY_SUBJECT],
    ["connection.uri_san_local_certificate", PROXY_URI],
  ];
  const [uri] = peer.uris ?? [];
  const [dnsName] = peer.dnsNames ?? [];
  if (uri !== undefined) attributes.push(["connection.uri_san_peer_certificate", text(uri)]);
  if (dnsName !== undefined) attributes.push(["connection.dns_san_peer_certificate", text(dnsName)]);
  return attributes;
}

/**
 * Dynamic metadata of a request: what jwt_authn leaves of a token, as istiod configures it (`payload_in_metadata`, and the
 * claims of several words as lists; istio `pilot/pkg/security/authn/policy_applier.go`).
 */
export function callerMetadata({ claims }: HttpRequest): Readonly<Record<string, Claims>> {
  if (claims === undefined) return {};
  const payload: Record<string, Json> = { ...claims };
  for (const name of SPACE_DELIMITED) {
    const claim = payload[name];
    if (typeof claim !== "string") continue;
    const words = claim.split(" ").filter((word) => word !== "");
    // Without a word it stays the text that it is.
    if (words.length > 0) payload[name] = words;
  }
  return { "envoy.filters.http.jwt_authn": { payload } };
}

/** Claims that are lists of words separated by spaces. */
export const SPACE_DELIMITED = ["permission", "scope"];

function text(value: string): string {
  return byteStringOf(encodeUtf8(value));
}

import { Bytes, literal } from "../../../assembly/bytes/bytes";
import { ConfigReader } from "../../../assembly/json/config-reader";
import { Attribute, internAttribute } from "../../../assembly/match/attribute";
import { ClaimPaths } from "../claims";
import { HeaderTextAttribute, PathTextAttribute, PeerAttribute, PropertyAttribute } from "./attributes";
import { Caller } from "./peer";
import { TrustDomains } from "./trust-domains";

/** What policies ask about, one object for each thing in a configuration: it is read once for a request. */
@final
export class Vocabulary {
  readonly path: Attribute;
  readonly host: Attribute;
  readonly method: Attribute;
  readonly caller: Caller;
  readonly remoteAddress: Attribute;
  /** What the network companion left for this connection. */
  readonly directAddress: Attribute;
  readonly destinationAddress: Attribute;
  /** 8 bytes, as the host gives a number. */
  readonly destinationPort: Attribute;
  readonly serverName: Attribute;

  constructor(
    readonly reader: ConfigReader,
    readonly claims: ClaimPaths,
    readonly trustDomains: TrustDomains,
  ) {
    this.path = internAttribute(reader, new PathTextAttribute(PATH));
    this.host = headerAttribute(reader, AUTHORITY);
    this.method = headerAttribute(reader, METHOD);
    this.caller = new Caller(
      internAttribute(reader, new PeerAttribute(0)),
      internAttribute(reader, new PropertyAttribute(DNS)),
      internAttribute(reader, new PropertyAttribute(SUBJECT)),
    );
    this.remoteAddress = internAttribute(reader, new PropertyAttribute(REMOTE_ADDRESS));
    this.directAddress = internAttribute(reader, new PropertyAttribute(DIRECT_ADDRESS));
    this.destinationAddress = internAttribute(reader, new PropertyAttribute(DESTINATION_ADDRESS));
    this.destinationPort = internAttribute(reader, new PropertyAttribute(DESTINATION_PORT));
    this.serverName = internAttribute(reader, new PropertyAttribute(SERVER_NAME));
  }

  /** A header, by its name in lower case. */
  header(name: Bytes): Attribute {
    return headerAttribute(this.reader, name);
  }
}

function headerAttribute(reader: ConfigReader, name: Bytes): Attribute {
  return internAttribute(reader, new HeaderTextAttribute(name));
}

/** Where the companion leaves the address of the connection's peer (`assembly/properties.ts`). */
// @ts-ignore: decorator
@lazy export const DIRECT_ADDRESS = literal("outrigger.peer");
// @ts-ignore: decorator
@lazy export const AUTHORITY = literal(":authority");
// @ts-ignore: decorator
@lazy const PATH = literal(":path");
// @ts-ignore: decorator
@lazy const METHOD = literal(":method");
// @ts-ignore: decorator
@lazy const DNS = literal("connection\0dns_san_peer_certificate");
// @ts-ignore: decorator
@lazy const SUBJECT = literal("connection\0subject_peer_certificate");
// @ts-ignore: decorator
@lazy export const REMOTE_ADDRESS = literal("source\0address");
// @ts-ignore: decorator
@lazy const DESTINATION_ADDRESS = literal("destination\0address");
// @ts-ignore: decorator
@lazy const DESTINATION_PORT = literal("destination\0port");
// @ts-ignore: decorator
@lazy const SERVER_NAME = literal("connection\0requested_server_name");

import { ABSENT, Bytes, literal } from "../bytes/bytes";
import { decimalText } from "../bytes/decimal";
import { logBytes, LogLevelValues } from "../host/log";
import { IpBlocks, maskedText, parseAddress } from "../ip";
import { ConfigReader } from "../json/config-reader";
import { JsonKind, JsonNode } from "../json/node";
import { directAddress, sourceAddress } from "../properties";
import { RequestView } from "../request-view";
import { Attribute, internAttribute } from "./attribute";
import { Condition, Conditions } from "./condition";

/** The client's address with port, after X-Forwarded-For was trusted as the listener says. */
@final
export class RemoteAddressAttribute extends Attribute {
  find(_request: RequestView): Bytes {
    return sourceAddress();
  }
}

/** The address of the connection's peer with port; {@link ABSENT} without a companion on the listener. */
@final
export class DirectAddressAttribute extends Attribute {
  find(_request: RequestView): Bytes {
    const address = directAddress();
    if (address == ABSENT && !warned) {
      warned = true;
      logBytes(LogLevelValues.warn, NO_COMPANION);
    }
    return address;
  }
}

/** Said once in a VM. */
let warned: bool = false;
// @ts-ignore: decorator
@lazy const NO_COMPANION = literal("ipBlocks, direct: the network companion is missing");

/** An address without port, of which only a prefix counts: `10.1.2.0/24`. {@link ABSENT} for what is no IP address. */
@final
export class AddressPrefixAttribute extends Attribute {
  constructor(
    name: Bytes,
    private readonly address: Attribute,
    private readonly prefix4: i32,
    private readonly prefix6: i32,
  ) {
    super(name);
  }

  find(request: RequestView): Bytes {
    return parseAddress(this.address.read(request)) ? maskedText(this.prefix4, this.prefix6) : ABSENT;
  }
}

/** Reads `{prefix4: 32, prefix6: 64, direct: false}`, a part of a key. */
export function readAddressKey(reader: ConfigReader, value: JsonNode): Attribute | null {
  if (!reader.object(value, "prefix4 prefix6 direct")) return null;
  const prefix4 = readPrefix(reader, value, "prefix4", 32, 32);
  const prefix6 = readPrefix(reader, value, "prefix6", 64, 128);
  const direct = reader.boolean(value, "direct", false);
  const name = reader.keeper.keepText(
    (direct ? "d " : "") + decimalText(prefix4) + " " + decimalText(prefix6),
  );
  return new AddressPrefixAttribute(name, addressAttribute(reader, direct), prefix4, prefix6);
}

function readPrefix(reader: ConfigReader, value: JsonNode, name: string, otherwise: i32, most: i32): i32 {
  const node = reader.member(value, name);
  return node == null ? otherwise : reader.integer(node, 0, most);
}

function addressAttribute(reader: ConfigReader, direct: bool): Attribute {
  return internAttribute(
    reader,
    direct ? new DirectAddressAttribute(ABSENT) : new RemoteAddressAttribute(ABSENT),
  );
}

/** The address is in one of the blocks. */
@final
class AddressCondition extends Condition {
  constructor(
    private readonly address: Attribute,
    private readonly blocks: IpBlocks,
    /** The answer where there is no IP address. */
    private readonly unknown: bool,
  ) {
    super();
  }

  matches(request: RequestView): bool {
    return parseAddress(this.address.read(request)) ? this.blocks.hasParsed() : this.unknown;
  }
}

/** Reads a list of addresses and CIDR blocks for the client's address, or for the direct peer's. */
export function readBlocks(reader: ConfigReader, list: JsonNode, conditions: Conditions, direct: bool): void {
  if (list.count == 0) reader.unexpected(list, "a list of at least one block");
  const blocks = new IpBlocks();
  let item = list.first;
  while (item != null) {
    if (item.kind != JsonKind.String || !blocks.add(item.text)) {
      reader.unexpected(item, "an IP address or a block, like 10.0.0.0/8");
    }
    item = item.next;
  }
  conditions.others.push(new AddressCondition(addressAttribute(reader, direct), blocks, conditions.negated));
}

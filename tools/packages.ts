/** The packages of `package-lock.json` that make modules. */
import { readFileSync } from "node:fs";

export interface Package {
  name: string;
  version: string;
  /** Package URL (github.com/package-url/purl-spec). */
  purl: string;
  /** An identifier of SPDX; undefined where the package names none. */
  license: string | undefined;
  /** Of its archive, in hexadecimal digits. */
  sha512: string | undefined;
}

interface Locked {
  version: string;
  integrity?: string;
  license?: string;
}

const ASSEMBLYSCRIPT = "node_modules/assemblyscript";

/** What AssemblyScript's own packages would be looked up as, nearest first, as Node does. */
const near = (name: string): string[] => [`${ASSEMBLYSCRIPT}/node_modules/${name}`, `node_modules/${name}`];

export class Packages {
  private readonly locked: Readonly<Record<string, Locked>>;

  constructor(file = "package-lock.json") {
    ({ packages: this.locked } = JSON.parse(readFileSync(file, "utf8")) as {
      packages: Record<string, Locked>;
    });
  }

  /** The compiler, whose standard library is compiled into modules. */
  get compiler(): Package {
    return this.at(ASSEMBLYSCRIPT);
  }

  /** All that reads or writes a module on its way: the compiler, what it stands on, and the Binaryen that reorders functions. */
  get tools(): Package[] {
    const places = [[ASSEMBLYSCRIPT], near("binaryen"), near("long"), ["node_modules/binaryen"]];
    const found = places.map((candidates) => candidates.find((place) => this.locked[place] !== undefined)!);
    return [...new Set(found)].map((place) => this.at(place));
  }

  /** The package that a file of `node_modules` is of. Throws for a file that is in none. */
  of(path: string): Package {
    const place = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0];
    if (place === undefined) throw new Error(`${path} is in no package`);
    return this.at(place);
  }

  private at(place: string): Package {
    const locked = this.locked[place];
    if (locked === undefined) throw new Error(`package-lock.json has no ${place}`);
    const name = place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length);
    const sha512 = /^sha512-(.+)$/.exec(locked.integrity ?? "")?.[1];
    return {
      name,
      version: locked.version,
      purl: `pkg:npm/${name.replace(/^@/, "%40")}@${locked.version}`,
      license: locked.license?.trim(),
      sha512: sha512 === undefined ? undefined : Buffer.from(sha512, "base64").toString("hex"),
    };
  }
}

/** The filter of `module/`, on a driver. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Driver, Header, Session } from "../driver.ts";
import { compile } from "../../tools/compile.ts";

export const MODULE = "test/jwt/module/module.ts";

export class Verifier {
  private opened = 0;

  private constructor(
    private readonly driver: Driver,
    private readonly folder: string,
    private readonly session: Session,
  ) {}

  static async start(driver: Driver): Promise<Verifier> {
    const folder = await mkdtemp(join(tmpdir(), "outrigger-jwt-"));
    await writeFile(join(folder, "verifier.wasm"), await compile(MODULE));
    const session = await open(driver, folder, "verifier", {});
    return new Verifier(driver, folder, session);
  }

  /** What comes of a token: its payload when it is right, a word otherwise. */
  async verify(jwks: string | { keys: readonly object[] }, token: string): Promise<string> {
    return this.ask([
      ["x-jwks", textOf(jwks)],
      ["x-token", token],
    ]);
  }

  /** What is said of a key set: why it is refused, or which keys are left out. */
  async keys(jwks: string | { keys: readonly object[] }): Promise<string> {
    return this.ask([["x-jwks", textOf(jwks)]]);
  }

  /** Configures with this key set. Throws what the driver throws when it is refused. */
  async configure(jwks: string): Promise<void> {
    const session = await open(this.driver, this.folder, `verifier-${++this.opened}`, { jwks });
    await session.close();
  }

  async close(): Promise<void> {
    await this.driver.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async ask(headers: Header[]): Promise<string> {
    const { response } = await this.session.request({ method: "GET", path: "/", headers });
    if (response.status !== 200) throw new Error(`the filter answered ${response.status}`);
    const added = response.headers.filter(([name]) => name === "x-skipped" || name === "x-unsupported");
    const body = Buffer.from(response.body).toString("latin1");
    return [body, ...added.map(([, value]) => value)].join(" ");
  }
}

async function open(driver: Driver, folder: string, name: string, configuration: object): Promise<Session> {
  const module = join(folder, "verifier.wasm");
  return driver.open({
    plugins: [{ module, name, rootId: name, configuration: JSON.stringify(configuration) }],
  });
}

/** The UTF-8 bytes of a set, as the value of a header. */
function textOf(jwks: string | { keys: readonly object[] }): string {
  return Buffer.from(typeof jwks === "string" ? jwks : JSON.stringify(jwks)).toString("latin1");
}

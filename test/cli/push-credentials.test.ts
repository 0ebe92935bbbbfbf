/** Who a push says it is: challenges, tokens, and what docker login has kept. */
import { chmodSync, rmSync } from "node:fs";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseChallenges } from "../../cli/oci/challenge.ts";
import { credentialsFor } from "../../cli/oci/docker-config.ts";
import { apiHostOf, isLoopback, parseReference } from "../../cli/oci/reference.ts";
import { Folder, outrigger, type Ran } from "./command.ts";
import { RegistryServer } from "./registry-server.ts";

const MODULE = "build/dark-launch.wasm";

let registry: RegistryServer;
const folder = new Folder();
beforeEach(async () => (registry = await RegistryServer.start()));
afterEach(async () => {
  await registry.stop();
  rmSync(`${folder.path}/config.json`, { force: true });
});
afterAll(() => folder.remove());

function push(env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  return outrigger(["push", "--quiet", `oci://${registry.host}/team/filter:1.0`, MODULE], {
    env: { DOCKER_CONFIG: folder.path, ...env },
  });
}

/** As `docker login` leaves it. */
function login(user: string): void {
  writeConfig({ auths: { [registry.host]: { auth: Buffer.from(user).toString("base64") } } });
}

function writeConfig(config: unknown): void {
  folder.write("config.json", typeof config === "string" ? config : JSON.stringify(config));
}

/** A credential helper: a program that answers `get`, given the server on its standard input. */
function writeHelper(name: string, lines: string): NodeJS.ProcessEnv {
  folder.write(`bin/docker-credential-${name}`, `#!/bin/sh\n${lines}\n`);
  chmodSync(`${folder.path}/bin/docker-credential-${name}`, 0o755);
  return { PATH: `${folder.path}/bin:${process.env.PATH}` };
}

describe("a push with credentials", { timeout: 30_000 }, () => {
  test("takes those of docker login for HTTP basic authentication", async () => {
    registry.basic = "ann:a:b c";
    login("ann:a:b c");
    expect(await push()).toMatchObject({ status: 0, stderr: "" });
    expect(registry.tags.has("team/filter:1.0")).toBe(true);
  });

  test("asks for a token for pulling and pushing, once, and again when it has expired", async () => {
    registry.tokens = { user: "ann:secret", uses: 4 };
    login("ann:secret");
    expect(await push()).toMatchObject({ status: 0, stderr: "" });
    const asked = registry.requests.filter((request) => request === "GET /token").length;
    const others = registry.requests.length - asked;
    // Each token is good for four requests; the first one of all, and each that came too late, was sent twice.
    expect(asked).toBeGreaterThan(1);
    expect(asked).toBeLessThanOrEqual(Math.ceil(others / 4));
  });

  test("takes a token without credentials where the registry gives one, under either name", async () => {
    for (const leavesTokenEmpty of [false, true]) {
      registry.tokens = { leavesTokenEmpty };
      expect(await push()).toMatchObject({ status: 0, stderr: "" });
    }
  });

  test("exchanges an identity token, and takes a registry's token as it is", async () => {
    registry.tokens = { refreshToken: "refresh" };
    writeConfig({
      auths: {
        [registry.host]: { auth: Buffer.from("00000000:").toString("base64"), identitytoken: "refresh" },
      },
    });
    expect(await push()).toMatchObject({ status: 0, stderr: "" });
    expect(registry.requests).toContain("POST /token");
    writeConfig({ auths: { [registry.host]: { registrytoken: "it" } } });
    expect((await push()).stderr).toContain(`does not let a token of ${folder.path}/config.json push to`);
  });

  test("asks a credential helper, for this registry or for all", async () => {
    registry.basic = "ann:secret";
    const env = writeHelper(
      "test",
      `read server; echo "{\\"ServerURL\\":\\"$server\\",\\"Username\\":\\"ann\\",\\"Secret\\":\\"secret\\"}"`,
    );
    for (const config of [{ credHelpers: { [registry.host]: "test" } }, { credsStore: "test" }]) {
      writeConfig(config);
      expect(await push(env)).toMatchObject({ status: 0, stderr: "" });
    }
  });

  test("takes the file's where the helper has none", async () => {
    registry.basic = "ann:secret";
    const env = writeHelper("empty", "echo 'credentials not found in native keychain'; exit 1");
    writeConfig({ credsStore: "empty", auths: { [registry.host]: { username: "ann", password: "secret" } } });
    expect(await push(env)).toMatchObject({ status: 0, stderr: "" });
  });

  test("keeps them from where the registry sends for content", async () => {
    const elsewhere = await RegistryServer.start();
    try {
      registry.basic = "ann:secret";
      login("ann:secret");
      const seen: (string | undefined)[] = [];
      elsewhere.fault = ({ method, path, query, authorization }) => {
        seen.push(authorization);
        if (method === "PUT") return { status: 201 };
        const blob = registry.blobs.get(path.slice(1));
        return query.size > 0 || blob === undefined ? { status: 404 } : { status: 200, body: blob };
      };
      registry.fault = ({ method }) =>
        method === "POST"
          ? { status: 202, headers: { location: `http://${elsewhere.host}/upload` } }
          : undefined;
      // It has no way to hand over what was uploaded, so the manifest is refused.
      expect((await push()).stderr).toContain("MANIFEST_BLOB_UNKNOWN");
      expect(seen.length).toBeGreaterThan(1);
      expect(seen.every((authorization) => authorization === undefined)).toBe(true);
      registry.fault = () => undefined;
      expect((await push()).status).toBe(0);
      registry.fault = ({ method, path }) =>
        method === "GET" && path.includes("/blobs/")
          ? { status: 307, headers: { location: `http://${elsewhere.host}/${path.replace(/^.*\//, "")}` } }
          : undefined;
      seen.length = 0;
      const inspected = await outrigger(["inspect", `oci://${registry.host}/team/filter:1.0`], {
        env: { DOCKER_CONFIG: folder.path },
      });
      expect(inspected).toMatchObject({ status: 0, stderr: "" });
      expect(seen).toEqual([undefined]);
    } finally {
      await elsewhere.stop();
    }
  });

  test("does not look for any, broken as they may be, where none are asked for", async () => {
    writeConfig("{");
    expect(await push()).toMatchObject({ status: 0, stderr: "" });
  });
});

describe("a push that is not let in says what to do, and publishes nothing:", { timeout: 30_000 }, () => {
  afterEach(() => expect([...registry.tags.keys()]).toEqual([]));

  test("without credentials, log in", async () => {
    for (const let_in of [() => (registry.basic = "ann:x"), () => (registry.tokens = { user: "ann:x" })]) {
      registry.basic = undefined;
      let_in();
      const { status, stdout, stderr } = await push();
      expect(status).toBe(1);
      expect(stdout).toBe("");
      expect(stderr).toContain(
        `${registry.host} wants to know who asks, and there are no credentials for it; log in: docker login ${registry.host}`,
      );
    }
  });

  test("with wrong ones, log in again; the password is not told", async () => {
    login("ann:wrong");
    registry.basic = "ann:secret";
    const basic = await push();
    expect(basic.status).toBe(1);
    expect(basic.stderr).toContain(
      `does not let user "ann" of ${folder.path}/config.json push to ${registry.host}/team/filter (401); log in again`,
    );
    registry.basic = undefined;
    registry.tokens = { user: "ann:secret" };
    const token = await push();
    expect(token.status).toBe(1);
    expect(token.stderr).toContain(
      `refuses user "ann" of ${folder.path}/config.json (401: incorrect username or password); log in again`,
    );
    expect(basic.stderr + token.stderr).not.toContain("wrong");
  });

  test.each([{ identitytoken: "refresh" }, { registrytoken: "it" }])(
    "with a token only, where a password is asked for: %o",
    async (entry) => {
      registry.basic = "ann:secret";
      writeConfig({ auths: { [registry.host]: entry } });
      const { status, stderr } = await push();
      expect(status).toBe(1);
      expect(stderr).toBe(
        `error: ${folder.path}/config.json has a token only, and ${registry.host} asks for a password; log in with one: ` +
          `docker login ${registry.host}\n`,
      );
    },
  );

  test("with what the token server cannot read, what was asked of it", async () => {
    registry.tokens = { user: "ann:secret", refreshToken: "refresh" };
    for (const [method, entry] of [
      ["GET", { username: "ann", password: "secret" }],
      ["POST", { identitytoken: "refresh" }],
    ] as const) {
      writeConfig({ auths: { [registry.host]: entry } });
      for (const [fault, told] of [
        [{ status: 400 }, ", for a token: 400"],
        [{ status: 200, body: '{"token":""}' }, " answers no JSON with a token"],
      ] as const) {
        registry.fault = ({ path }) => (path === "/token" ? fault : undefined);
        const { status, stderr } = await push();
        expect(status).toBe(1);
        expect(stderr).toBe(`error: ${method} http://${registry.host}/token${told}\n`);
      }
    }
  });

  test("with a token that does not allow to push, have the right given", async () => {
    registry.tokens = { user: "ann:secret", grants: "pull" };
    login("ann:secret");
    const { status, stderr } = await push();
    expect(status).toBe(1);
    expect(stderr).toContain('does not let user "ann"');
    expect(stderr).toContain("have the right given");
  });

  test.each(["http://tokens.test/token", "ftp://tokens.test/token"])(
    "with the realm %s elsewhere, credentials stay here",
    async (realm) => {
      registry.tokens = { user: "ann:secret", realm };
      login("ann:secret");
      const { status, stderr } = await push();
      expect(status).toBe(1);
      expect(stderr).toContain(`${new URL(realm).origin}, which is not HTTPS; they are not sent there`);
    },
  );

  const broken: [string, unknown, RegExp][] = [
    [
      "no JSON",
      '{"auths": {"x": {"auth": "c2VjcmV0"',
      /config\.json: it is no JSON \(.*\); correct it, or move it away/,
    ],
    ["no object", "[]", /config\.json: it is no JSON object/],
    ["auths no object", { auths: [] }, /config\.json: auths is no object/],
    ["credsStore no string", { credsStore: 7 }, /config\.json: credsStore is no string/],
    ["a helper's name with a path", { credsStore: "../x" }, /"\.\.\/x" is no name of a credential helper/],
    [
      "an unknown helper",
      { credsStore: "nowhere" },
      /says that docker-credential-nowhere keeps the credentials for .*, and there is no such program on the PATH; install it/,
    ],
  ];
  test.each(broken)("docker's configuration broken: %s", async (_name, config, message) => {
    registry.basic = "ann:secret";
    writeConfig(config);
    const { status, stderr } = await push();
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain("c2VjcmV0");
  });

  test("docker's configuration broken: credentials that are none", async () => {
    registry.basic = "ann:secret";
    writeConfig({ auths: { [registry.host]: { auth: Buffer.from("no colon").toString("base64") } } });
    const { status, stderr } = await push();
    expect(status).toBe(2);
    expect(stderr).toContain(`auths["${registry.host}"].auth is not the base64 of "user:password"`);
  });

  test("a helper that fails, or answers something else", async () => {
    registry.basic = "ann:secret";
    writeConfig({ credsStore: "bad" });
    const failed = await push(writeHelper("bad", "echo 'the keychain is locked' >&2; exit 3"));
    expect(failed.status).toBe(2);
    expect(failed.stderr).toContain(
      `docker-credential-bad get failed (3) for ${registry.host}: the keychain is locked`,
    );
    const odd = await push(writeHelper("bad", "echo 'hello'"));
    expect(odd.stderr).toContain(
      "docker-credential-bad get answered no JSON object with Username and Secret",
    );
  });

  test("a helper without an end, of its time or of what it says", async () => {
    writeConfig({ credsStore: "endless" });
    const asked = (lines: string): Promise<unknown> =>
      credentialsFor("h.test", { DOCKER_CONFIG: folder.path, ...writeHelper("endless", lines) }, 2000);
    const begun = Date.now();
    await expect(asked("sleep 30")).rejects.toThrow(
      "docker-credential-endless get failed (no answer within 2 s) for h.test: it said nothing",
    );
    await expect(asked("trap '' TERM; while :; do sleep 1; done")).rejects.toThrow("no answer within 2 s");
    await expect(asked("yes")).rejects.toThrow("get failed (more than 1000000 characters) for h.test: y");
    expect(Date.now() - begun).toBeLessThan(20_000);
  });
});

test("a helper's answer is there when it ends, whatever it leaves running", async () => {
  writeConfig({ credsStore: "agent" });
  const helper = writeHelper("agent", `sleep 30 &\necho '{"Username": "ann", "Secret": "x"}'`);
  registry.basic = "ann:x";
  const begun = Date.now();
  const { status, stderr } = await push(helper);
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(Date.now() - begun).toBeLessThan(20_000);
});

describe("what docker login keeps is found as Docker finds it:", () => {
  const of = (user: string): object => ({ auth: Buffer.from(`${user}:x`).toString("base64") });
  const found = async (host: string, env: NodeJS.ProcessEnv = {}): Promise<string | undefined> =>
    (await credentialsFor(host, { DOCKER_CONFIG: folder.path, ...env }))?.username;

  test.each([
    "h.test",
    "https://h.test",
    "https://h.test/",
    "http://h.test/",
    "https://h.test/v1",
    "https://h.test/v2",
    "https://h.test/api/v2/",
    "h.test/",
    "h.test/team",
  ])("under %s", async (name) => {
    writeConfig({ auths: { "other.test": of("other"), [name]: of("ann") } });
    expect(await found("h.test")).toBe("ann");
    for (const host of ["h.test:443", "test", "a.h.test"]) expect(await found(host), host).toBeUndefined();
  });

  test("under the host itself before any other spelling", async () => {
    writeConfig({ auths: { "https://h.test:5000/v1/": of("old"), "h.test:5000": of("new") } });
    expect(await found("h.test:5000")).toBe("new");
  });

  test("by a helper of the registry alone, and without one where that is empty", async () => {
    const env = writeHelper("all", `echo '{"Username":"helped","Secret":"x"}'`);
    const auths = { "h.test": of("filed") };
    writeConfig({ credsStore: "all", credHelpers: { "other.test": "nowhere" }, auths });
    expect(await found("h.test", env)).toBe("helped");
    writeConfig({ credsStore: "all", credHelpers: { "h.test": "" }, auths });
    expect(await found("h.test", env)).toBe("filed");
  });

  test("for Docker Hub under its old address, by either of its names", async () => {
    const key = "https://index.docker.io/v1/";
    const env = writeHelper("hub", `read server; echo "{\\"Username\\":\\"$server\\",\\"Secret\\":\\"x\\"}"`);
    for (const host of ["docker.io", "index.docker.io"]) {
      writeConfig({ auths: { [key]: of("ann") } });
      expect(await found(host), host).toBe("ann");
      writeConfig({ credHelpers: { [key]: "hub" } });
      expect(await found(host, env), host).toBe(key);
    }
  });
});

describe("names of registries", () => {
  test("Docker Hub has an API and credentials under other names", async () => {
    expect(parseReference("oci://docker.io/filter:1")).toEqual({
      host: "docker.io",
      repository: "library/filter",
      tag: "1",
      digest: undefined,
    });
    expect(parseReference("oci://index.docker.io/filter:1").repository).toBe("library/filter");
    for (const host of ["docker.io", "index.docker.io"]) expect(apiHostOf(host)).toBe("registry-1.docker.io");
    writeConfig({
      auths: { "https://index.docker.io/v1/": { auth: Buffer.from("ann:x").toString("base64") } },
    });
    expect(await credentialsFor("docker.io", { DOCKER_CONFIG: folder.path })).toMatchObject({
      username: "ann",
      password: "x",
    });
    expect(await credentialsFor("ghcr.io", { DOCKER_CONFIG: folder.path })).toBeNull();
  });

  test("a host is as it was written, in capitals or with an address of IPv6", () => {
    for (const host of ["GHCR.io", "[::1]:5000", "[0:0::1]", "10.0.0.1:5000", "registry.example:00443"])
      expect(parseReference(`oci://${host}/xx:1`).host).toBe(host);
  });

  test("plain HTTP is for this machine", () => {
    for (const host of ["localhost", "localhost:5000", "127.0.0.1:5000", "127.8.0.1", "[::1]:5000"])
      expect(isLoopback(host), host).toBe(true);
    for (const host of [
      "localhost.example.com",
      "127.0.0.1.example.com",
      "10.0.0.1",
      "[::2]:5000",
      "1127.0.0.1",
    ]) {
      expect(isLoopback(host), host).toBe(false);
    }
  });

  test("challenges are read as RFC 9110 writes them", () => {
    const plain = (value: string): unknown[] =>
      parseChallenges(value).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
    expect(plain('Bearer realm="https://a.test/token",service="s",scope="repository:a/b:pull,push"')).toEqual(
      [["bearer", { realm: "https://a.test/token", service: "s", scope: "repository:a/b:pull,push" }]],
    );
    expect(plain('BASIC Realm="a \\"b\\", c", Bearer realm=x , error = "e"')).toEqual([
      ["basic", { realm: 'a "b", c' }],
      ["bearer", { realm: "x", error: "e" }],
    ]);
    expect(plain("Negotiate, Basic realm=r")).toEqual([
      ["negotiate", {}],
      ["basic", { realm: "r" }],
    ]);
    expect(plain("")).toEqual([]);
  });
});

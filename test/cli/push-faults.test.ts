/** What becomes of a push when the registry, the network or somebody between fails: never a tag of half an image. */
import { readFileSync } from "node:fs";
import { createServer as createTlsServer } from "node:https";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { publicationOf, tag, upload } from "../../cli/oci/publication.ts";
import { parseReference } from "../../cli/oci/reference.ts";
import { Repository } from "../../cli/oci/registry.ts";
import { CertificateAuthority } from "../envoy/certificate.ts";
import { freePort } from "../envoy/process.ts";
import { Folder, outrigger } from "./command.ts";
import { type Asked, type Fault, RegistryServer } from "./registry-server.ts";

const MODULE = "build/dark-launch.wasm";
const publication = publicationOf(readFileSync(MODULE), { sbom: undefined, provenance: undefined }, {});
const LAYER = publication.image.blobs[1]!;

let registry: RegistryServer;
let waited: number[];
let notes: string[];
beforeEach(async () => {
  registry = await RegistryServer.start();
  waited = [];
  notes = [];
});
afterEach(() => registry.stop());

/** Pushes with patience for two more attempts, none of which takes time. */
async function push(host = registry.host): Promise<void> {
  const repository = new Repository(parseReference(`oci://${host}/filter:1.0`), {
    access: "push",
    note: (text) => notes.push(text),
    credentials: async () => null,
    patience: { waits: [500, 1000], longestWait: 60_000, sleep: async (wait) => void waited.push(wait) },
  });
  await upload(repository, publication, () => undefined);
  await tag(repository, "1.0", publication);
}

/** The fault for requests of a kind, the first so many times. */
function failing(what: RegExp, fault: Fault, times = Infinity): (asked: Asked) => Fault | undefined {
  return ({ method, path }) => (what.test(`${method} ${path}`) && times-- > 0 ? fault : undefined);
}

function expectNothingPublished(): void {
  expect([...registry.tags.keys()]).toEqual([]);
}

const UPLOAD = /^PUT \/v2\/filter\/blobs\/uploads\//;

describe("a push goes on after", () => {
  const passing: [string, RegExp, Fault][] = [
    ["a connection that is cut at once", /^HEAD /, "cut"],
    ["an upload that is cut in the middle", UPLOAD, { cutAfter: 1000 }],
    ["an upload that fails with 500", UPLOAD, { status: 500 }],
    ["503 for the beginning of an upload", /^POST /, { status: 503 }],
    ["502 for the manifest", /^PUT .*\/manifests\/sha256:/, { status: 502 }],
    [
      "an upload that the registry has forgotten",
      UPLOAD,
      { status: 404, body: '{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}' },
    ],
    ["504 for the tag", /^PUT .*\/manifests\/1\.0/, { status: 504 }],
  ];
  test.each(passing)("%s", async (_name, what, fault) => {
    registry.fault = failing(what, fault, 1);
    await push();
    expect(waited).toHaveLength(1);
    expect(notes[0]).toMatch(/; again in 0\.[56] s$/);
    expect(registry.tags.get("filter:1.0")).toBe(publication.image.manifest.digest);
    expect(registry.blobs.get(LAYER.digest)!.equals(LAYER.bytes)).toBe(true);
    expect([...registry.uploads]).toEqual([]);
  });

  test("429, when as long has passed as the registry asked for", async () => {
    registry.fault = failing(/^POST /, { status: 429, headers: { "retry-after": "7" } }, 2);
    await push();
    expect(waited).toEqual([7000, 7000]);
  });

  test("an upload whose answer was lost, without sending it again", async () => {
    let lost = false;
    const uploads = (): string[] =>
      registry.requests.filter((request) => request.startsWith("PUT /v2/filter/blobs/uploads/"));
    registry.fault = ({ method, path }) => {
      if (method !== "PUT" || lost || !`PUT ${path}`.startsWith("PUT /v2/filter/blobs/uploads/"))
        return undefined;
      lost = true;
      // It has arrived, as far as the registry knows.
      registry.blobs.set(publication.image.blobs[0]!.digest, Buffer.from(publication.image.blobs[0]!.bytes));
      return "cut";
    };
    await push();
    expect(uploads()).toHaveLength(2);
    expect(registry.tags.has("filter:1.0")).toBe(true);
  });
});

describe("a push ends with an error that says what to do, and publishes nothing, for", () => {
  const failingForGood: [string, RegExp, Fault, RegExp, number][] = [
    [
      "a registry that fails each time",
      UPLOAD,
      { status: 500, body: "disk I/O error" },
      /500: disk I\/O error \(its log says why; a full disk is among the causes\)/,
      2,
    ],
    [
      "a layer that is cut each time",
      UPLOAD,
      { cutAfter: 1000 },
      /PUT http.*\/uploads\/.*: the connection was cut/,
      2,
    ],
    ["507", UPLOAD, { status: 507 }, /has no storage left .*make room there/, 0],
    [
      "413",
      UPLOAD,
      { status: 413, body: "<html><title>413 Request Entity Too Large</title></html>" },
      /takes no \d+ bytes at once \(413: 413 Request Entity Too Large\); raise the limit .*client_max_body_size/,
      0,
    ],
    [
      "403",
      /^POST /,
      { status: 403, body: '{"errors":[{"code":"DENIED","message":"read-only"}]}' },
      /does not let nobody .* push to .*\/filter \(403: DENIED: read-only\); have the right given/,
      0,
    ],
    [
      "404",
      /^POST /,
      { status: 404, body: '{"errors":[{"code":"NAME_UNKNOWN"}]}' },
      /has no repository .*\/filter, and makes none \(404: NAME_UNKNOWN\); create it first/,
      0,
    ],
    [
      "404 for a manifest, of a repository",
      /^PUT .*\/manifests\/sha256:/,
      { status: 404, body: '{"errors":[{"code":"NAME_UNKNOWN"}]}' },
      /has no repository .*\/filter, and makes none \(404: NAME_UNKNOWN\); create it first/,
      0,
    ],
    [
      "404 for a manifest, of what it names",
      /^PUT .*\/manifests\/sha256:/,
      { status: 404, body: '{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}' },
      /PUT http.*\/manifests\/sha256:[0-9a-f]{64}: 404: MANIFEST_BLOB_UNKNOWN$/,
      0,
    ],
    [
      "uploads that the registry forgets each time",
      UPLOAD,
      { status: 404, body: '{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}' },
      /has forgotten the upload \(404: BLOB_UPLOAD_UNKNOWN\): several replicas without shared storage, or a proxy that changes addresses/,
      2,
    ],
    [
      "401 without a challenge",
      /^HEAD /,
      { status: 401 },
      /answers 401 and does not say how to authenticate/,
      0,
    ],
    [
      "a challenge of another kind",
      /^HEAD /,
      { status: 401, headers: { "www-authenticate": "Negotiate" } },
      /asks for authentication by "Negotiate"; Bearer and Basic are supported/,
      0,
    ],
    [
      "a manifest that is refused",
      /^PUT .*\/manifests\/sha256:/,
      {
        status: 400,
        body: '{"errors":[{"code":"MANIFEST_INVALID","message":"no artifacts","detail":{"Err":28}}]}',
      },
      /400: MANIFEST_INVALID: no artifacts: \{"Err":28\}/,
      0,
    ],
    [
      "a tag that may not be changed",
      /^PUT .*\/manifests\/1\.0/,
      { status: 409, body: '{"errors":[{"code":"TAG_IMMUTABLE"}]}' },
      /PUT .*manifests\/1\.0: 409: TAG_IMMUTABLE/,
      0,
    ],
    [
      "429 that asks for more than a minute",
      /^POST /,
      { status: 429, headers: { "retry-after": "3600" } },
      /429 \(too many requests\), and asks to wait 3600 s$/,
      0,
    ],
    [
      "a registry that sends writers elsewhere",
      /^POST /,
      { status: 307, headers: { location: "https://other.test/v2/" } },
      /307, elsewhere: https:\/\/other\.test\/v2\/; name that registry instead/,
      0,
    ],
    ["an upload without an address", /^POST /, { status: 202 }, /answers without a Location to upload to/, 0],
  ];
  test.each(failingForGood)("%s", async (_name, what, fault, message, repeats) => {
    registry.fault = failing(what, fault);
    await expect(push()).rejects.toThrow(message);
    expect(waited).toHaveLength(repeats);
    expectNothingPublished();
    // What was begun is given up.
    expect([...registry.uploads]).toEqual([]);
  });

  test("wrong digests, wherever they are told", async () => {
    const digest = `sha256:${"0".repeat(64)}`;
    for (const path of [/\/uploads\//, /\/manifests\/sha256:/]) {
      registry.lie = { path, digest };
      await expect(push(), String(path)).rejects.toThrow(
        /sha256:[0-9a-f]{64} is sha256:0{64} at the registry: it, or a proxy before it, changes what it is given/,
      );
      expectNothingPublished();
    }
    // Now the blobs are there, and told otherwise.
    registry.lie = { path: /\/blobs\/sha256:/, digest };
    await expect(push()).rejects.toThrow(/changes what it is given/);
    expectNothingPublished();
  });

  test("a tag that does not mean what was put there", async () => {
    registry.fault = ({ method, path }) =>
      method === "PUT" && path.endsWith("/1.0") ? { status: 201 } : undefined;
    await expect(push()).rejects.toThrow(/filter:1\.0 is missing after sha256:[0-9a-f]{64} was put there/);
    expectNothingPublished();
  });

  test("a tag that was refused, after an answer that was lost", async () => {
    let asked = 0;
    registry.fault = ({ method, path }) =>
      method !== "PUT" || !path.endsWith("/1.0") ? undefined : { status: asked++ === 0 ? 504 : 409 };
    await expect(push()).rejects.toThrow(/PUT .*manifests\/1\.0: 409$/);
    expectNothingPublished();
  });

  test("a registry that is down, or is none", async () => {
    const { port } = await freePort();
    await expect(push(`127.0.0.1:${port}`)).rejects.toThrow(
      `127.0.0.1:${port} refuses the connection: is the registry up, and is this its address?`,
    );
    await expect(push("127.0.0.1:10080")).rejects.toThrow(
      '127.0.0.1:10080 has a port that HTTP is kept from (Fetch standard, "Port blocking")',
    );
    await expect(push("registry.invalid")).rejects.toThrow(/there is no host registry\.invalid|EAI_AGAIN/);
  });
});

describe("a push of which it is not known whether the tag is set", () => {
  const UNSURE = new RegExp(
    `/filter:1\\.0 may mean ${publication.image.manifest.digest} now; push again to be sure$`,
  );
  const cases: [string, Fault][] = [
    ["says so where the registry does not tell what was put there", { status: 503 }],
    ["says so where it may not be read", { status: 403 }],
    ["says so where the connection is cut each time", "cut"],
  ];
  test.each(cases)("%s", async (_name, fault) => {
    let reads = 0;
    registry.fault = ({ method, path }) =>
      method === "GET" && path.endsWith("/manifests/1.0") && ++reads > 1 ? fault : undefined;
    await expect(push()).rejects.toThrow(UNSURE);
    expect(registry.tags.has("filter:1.0")).toBe(true);
  });

  test("says so where each answer to it is lost", async () => {
    registry.fault = failing(/^PUT .*\/manifests\/1\.0/, { status: 504 });
    await expect(push()).rejects.toThrow(UNSURE);
  });

  test("succeeds where an answer was lost and the tag may not be set twice", async () => {
    let asked = 0;
    registry.fault = ({ method, path }) => {
      if (method !== "PUT" || !path.endsWith("/1.0")) return undefined;
      // It has arrived, as far as the registry knows.
      registry.tags.set("filter:1.0", publication.image.manifest.digest);
      return { status: asked++ === 0 ? 504 : 409 };
    };
    await push();
    expect(waited).toHaveLength(1);
  });
});

describe("with TLS", { timeout: 30_000 }, () => {
  const folder = new Folder();
  const authority = new CertificateAuthority("registries of tests");
  let secure: RegistryServer;
  let host: string;
  beforeAll(async () => {
    const { certificate, key } = authority.issue({ commonName: "localhost", dnsNames: ["localhost"] });
    secure = await RegistryServer.start(createTlsServer({ cert: certificate, key }));
    host = secure.host.replace("127.0.0.1", "localhost");
    folder.write("ca.pem", authority.certificate);
  });
  afterAll(async () => {
    await secure.stop();
    folder.remove();
  });
  const run = (words: string[], env: NodeJS.ProcessEnv = {}): ReturnType<typeof outrigger> =>
    outrigger(["push", ...words, MODULE], { env: { DOCKER_CONFIG: folder.path, ...env } });

  test("a push to a certificate of an own authority works where that is trusted", async () => {
    const words = ["--quiet", "--no-plain-http", `oci://${host}/filter:1.0`];
    const untrusted = await run(words);
    expect(untrusted.status).toBe(1);
    expect(untrusted.stderr).toMatch(
      /certificate that is not trusted .*NODE_EXTRA_CA_CERTS=FILE names a CA of your own/,
    );
    expect(secure.tags.size).toBe(0);
    const trusted = await run(words, { NODE_EXTRA_CA_CERTS: `${folder.path}/ca.pem` });
    expect(trusted).toMatchObject({ status: 0, stderr: "" });
    expect(secure.tags.get("filter:1.0")).toBe(trusted.stdout.trim());
  });

  test("says which option is missing when the wrong protocol is spoken", async () => {
    const plain = await run(["--no-plain-http", `oci://${registry.host}/filter:1.0`]);
    expect(plain.status).toBe(1);
    expect(plain.stderr).toContain(`${registry.host} does not speak TLS; for plain HTTP add --plain-http`);
    // As servers in Go answer; HEAD has no body.
    registry.fault = failing(/^HEAD /, {
      status: 400,
      body: "Client sent an HTTP request to an HTTPS server.",
    });
    const tls = await run([`oci://${registry.host}/filter:1.0`]);
    expect(tls.status).toBe(1);
    expect(tls.stderr).toContain(
      "does not understand plain HTTP (400); if it speaks TLS, add --no-plain-http",
    );
  });

  test("does not upload in the clear where the registry, behind a proxy, says so", async () => {
    secure.blobs.clear();
    secure.fault = failing(/^POST /, {
      status: 202,
      headers: { location: `http://${host}/v2/filter/blobs/uploads/1` },
    });
    const { status, stderr } = await run(["--no-plain-http", `oci://${host}/other:1.0`], {
      NODE_EXTRA_CA_CERTS: `${folder.path}/ca.pem`,
    });
    expect(status).toBe(1);
    expect(stderr).toContain(
      `wants uploads at http://${host}, in the clear; a registry behind a proxy with TLS must be told so`,
    );
  });
});

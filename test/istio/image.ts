/** Puts a module into a registry as an image that Istio takes: one layer, a tar with `plugin.wasm` (`pkg/wasm/imagefetcher.go`). */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

/** Answers the digest of the manifest: `sha256:...`. `repository` is `HOST/NAME`, asked by plain HTTP. */
export async function pushImage(repository: string, tag: string, module: Uint8Array): Promise<string> {
  const [host, ...name] = repository.split("/");
  const base = `http://${host}/v2/${name.join("/")}`;
  const tar = archive("plugin.wasm", module);
  const config = { architecture: "wasm", os: "wasip1", rootfs: { type: "layers", diff_ids: [digest(tar)] } };
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: await upload(
        base,
        "application/vnd.oci.image.config.v1+json",
        Buffer.from(JSON.stringify(config)),
      ),
      layers: [await upload(base, "application/vnd.oci.image.layer.v1.tar+gzip", gzipSync(tar))],
    }),
  );
  await expectStatus(
    await fetch(`${base}/manifests/${tag}`, {
      method: "PUT",
      headers: { "content-type": MANIFEST },
      body: manifest,
    }),
    201,
  );
  return digest(manifest);
}

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

async function upload(base: string, mediaType: string, content: Buffer): Promise<Descriptor> {
  const begun = await expectStatus(await fetch(`${base}/blobs/uploads/`, { method: "POST" }), 202);
  const location = new URL(begun.headers.get("location")!, base);
  location.searchParams.set("digest", digest(content));
  const headers = { "content-type": "application/octet-stream" };
  await expectStatus(await fetch(location, { method: "PUT", headers, body: new Uint8Array(content) }), 201);
  return { mediaType, digest: digest(content), size: content.length };
}

async function expectStatus(answer: Response, status: number): Promise<Response> {
  if (answer.status !== status) throw new Error(`${answer.url}: ${answer.status} ${await answer.text()}`);
  return answer;
}

function digest(content: Uint8Array): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

/** A POSIX tar (ustar) with one file. */
function archive(name: string, content: Uint8Array): Buffer {
  const header = Buffer.alloc(512);
  header.write(name);
  header.write("0000644\0", 100);
  header.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
  header.write("        0", 148);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([header, content, padding, Buffer.alloc(1024)]);
}

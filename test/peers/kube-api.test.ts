/** The stand-in answers list and watch calls as client-go expects them. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { KubeApi } from "./kube-api.ts";
import type { KubeObject } from "./kube-resources.ts";

const DEFINITION = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: teapots.kitchen.test}
spec:
  group: kitchen.test
  names: {kind: Teapot, plural: teapots}
  scope: Namespaced
  versions: [{name: v1}, {name: v1beta1}]
`;

interface List {
  kind: string;
  apiVersion: string;
  metadata: { resourceVersion: string };
  items: KubeObject[];
}

interface Event {
  type: string;
  object: KubeObject;
}

let api: KubeApi;
beforeEach(async () => {
  api = await KubeApi.start(DEFINITION);
});
afterEach(() => api.close());

const teapot = (name: string, spec: object, labels: Record<string, string> = {}): KubeObject => ({
  apiVersion: "kitchen.test/v1",
  kind: "Teapot",
  metadata: { name, namespace: "shelf", labels },
  spec,
});

const url = (path: string): string => `http://127.0.0.1:${api.port}${path}`;
const get = async <T>(path: string, headers: Record<string, string> = {}): Promise<T> =>
  (await (await fetch(url(path), { headers })).json()) as T;
const names = (list: List): string[] => list.items.map(({ metadata }) => metadata.name);

/** The first events of a watch. */
async function watch(path: string, count: number, meanwhile?: () => void): Promise<Event[]> {
  const response = await fetch(url(path), { signal: AbortSignal.timeout(5000) });
  meanwhile?.();
  const events: Event[] = [];
  let rest = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    events.push(...lines.map((line) => JSON.parse(line) as Event));
    if (events.length >= count) break;
  }
  return events;
}

const told = (events: readonly Event[]): string[] =>
  events.map(({ type, object }) => `${type} ${object.metadata.name}@${object.metadata.resourceVersion}`);

test("a list has what was applied, in the version of the path, with the version to watch from", async () => {
  api.apply(teapot("brown", { size: 1 }), teapot("blue", { size: 2 }));
  const list = await get<List>("/apis/kitchen.test/v1beta1/namespaces/shelf/teapots");
  expect(list).toMatchObject({ kind: "TeapotList", apiVersion: "kitchen.test/v1beta1" });
  expect(list.metadata.resourceVersion).toBe(String(api.store.version));
  expect(list.items[0]).toMatchObject({
    apiVersion: "kitchen.test/v1beta1",
    kind: "Teapot",
    spec: { size: 1 },
  });
  expect(names(list)).toEqual(["brown", "blue"]);
  expect(names(await get("/apis/kitchen.test/v1/namespaces/other/teapots"))).toEqual([]);
});

test("a watch tells the changes after its version, those that were and those that come", async () => {
  const from = api.store.version;
  api.apply(teapot("brown", { size: 1 }));
  const events = await watch(`/apis/kitchen.test/v1/teapots?watch=true&resourceVersion=${from}`, 3, () => {
    api.apply(teapot("brown", { size: 1 }), teapot("brown", { size: 2 }));
    api.delete({ kind: "Teapot", name: "brown", namespace: "shelf" });
  });
  // What is equal changes nothing.
  expect(told(events)).toEqual([
    `ADDED brown@${from + 1}`,
    `MODIFIED brown@${from + 2}`,
    `DELETED brown@${from + 3}`,
  ]);
  expect(events[1]!.object.metadata.generation).toBe(2);
});

test("a watch that asks for initial events gets all, and a bookmark after them", async () => {
  api.apply(teapot("brown", {}));
  const parameters = "watch=true&sendInitialEvents=true&allowWatchBookmarks=true";
  const events = await watch(`/apis/kitchen.test/v1/teapots?${parameters}`, 2);
  expect(events.map(({ type }) => type)).toEqual(["ADDED", "BOOKMARK"]);
  expect(events[1]!.object.metadata).toMatchObject({
    resourceVersion: String(api.store.version),
    annotations: { "k8s.io/initial-events-end": "true" },
  });
});

test("selectors choose; an object that no longer matches is deleted for who watches", async () => {
  api.apply(teapot("brown", {}, { lid: "no" }), teapot("blue", {}, { lid: "yes" }));
  expect(names(await get("/apis/kitchen.test/v1/teapots?labelSelector=lid%3Dyes"))).toEqual(["blue"]);
  expect(names(await get("/apis/kitchen.test/v1/teapots?labelSelector=lid!%3Dyes"))).toEqual(["brown"]);
  expect(names(await get("/apis/kitchen.test/v1/teapots?fieldSelector=metadata.name%3Dbrown"))).toEqual([
    "brown",
  ]);
  const from = api.store.version;
  const path = `/apis/kitchen.test/v1/teapots?watch=1&resourceVersion=${from}&labelSelector=lid%3Dyes`;
  const events = await watch(path, 2, () => {
    api.apply(teapot("brown", {}, { lid: "yes" }), teapot("blue", {}, { lid: "no" }));
  });
  expect(told(events)).toEqual([`ADDED brown@${from + 1}`, `DELETED blue@${from + 2}`]);
  expect((await fetch(url("/apis/kitchen.test/v1/teapots?labelSelector=lid+in+(a)"))).status).toBe(400);
});

test("metadata alone is answered to who asks for it", async () => {
  const accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
  const list = await get<List>("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", { accept });
  expect(list).toMatchObject({ kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1" });
  expect(names(list)).toEqual(["teapots.kitchen.test"]);
  expect(list.items[0]).not.toHaveProperty("spec");
});

test("objects are created once, updated from the version they had, and deleted", async () => {
  const collection = url("/api/v1/namespaces/shelf/configmaps");
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "cup" }, data: { full: "no" } };
  const send = (method: string, to: string, value?: object): Promise<Response> =>
    fetch(to, { method, ...(value ? { body: JSON.stringify(value) } : {}) });
  expect((await send("POST", collection, body)).status).toBe(201);
  expect((await send("POST", collection, body)).status).toBe(409);
  const cup = await get<KubeObject>("/api/v1/namespaces/shelf/configmaps/cup");
  expect((await send("PUT", `${collection}/cup`, { ...cup, data: { full: "yes" } })).status).toBe(200);
  expect((await send("PUT", `${collection}/cup`, { ...cup, data: { full: "half" } })).status).toBe(409);
  expect((await send("DELETE", `${collection}/cup`)).status).toBe(200);
  expect((await fetch(`${collection}/cup`)).status).toBe(404);
});

test("what is not defined is refused", async () => {
  expect(() => api.apply({ apiVersion: "kitchen.test/v1", kind: "Kettle", metadata: { name: "x" } })).toThrow(
    "kitchen.test/v1 Kettle: no such kind is defined",
  );
  expect(() => api.apply({ ...teapot("x", {}), apiVersion: "kitchen.test/v2" })).toThrow(
    "expected version v1 or v1beta1",
  );
  expect((await fetch(url("/apis/kitchen.test/v1/kettles"))).status).toBe(404);
  expect(api.refused).toEqual(["404 GET /apis/kitchen.test/v1/kettles"]);
});

/**
 * External authorization beside Envoy's own ext_authz filter, in one Envoy, with one service: the same requests to both. What the service is
 * asked, what reaches the upstream and what the client gets have to be equal, but for what a module cannot see or leaves out, which is named
 * here.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../tools/compile.ts";
import type { CallAnswer, Header, HttpRequest, HttpResponse, UpstreamRequest } from "../driver.ts";
import { Callers } from "../envoy/callers.ts";
import { upstreamCluster } from "../envoy/cds.ts";
import { GrpcServer } from "../envoy/grpc-server.ts";
import { dial, send } from "../envoy/http1.ts";
import { HttpServer } from "../envoy/http-server.ts";
import { staticListener } from "../envoy/listener.ts";
import { EnvoyProcess, freePort } from "../envoy/process.ts";
import { Upstream } from "../envoy/upstream.ts";
import {
  allowed,
  decodeRequest,
  denied,
  encodeResponse,
  option,
  type Attributes,
  type CheckResponse,
  type HeaderOption,
} from "./ext-authz.ts";
import { nativeGrpc, nativeHttp, type HttpProvider } from "./native-ext-authz.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const CASES = Number(process.env.CASES ?? 150);
console.log(`seed ${seed}`);

/** What a gRPC service is asked. */
interface Question {
  attributes: Attributes;
  metadata: readonly Header[];
  authority: string;
}

/** A message, the bytes in the place of one, or a gRPC status without one. */
type GrpcAnswer = CheckResponse | Uint8Array | number;

interface Outcome<Asked> {
  asked: Asked | null;
  upstream: UpstreamRequest | null;
  response: HttpResponse;
}

const PROVIDER: HttpProvider = { service: "ext-authz.foo.svc.cluster.local", timeout: "5s" };
const LISTS: HttpProvider = {
  ...PROVIDER,
  pathPrefix: "/check",
  includeRequestHeadersInCheck: ["X-A", "x-r*", "*-ie"],
  includeAdditionalHeadersInCheck: { "x-b": "fixed", "x-new": "1" },
  headersToUpstreamOnAllow: ["x-a", "X-R*", "cookie"],
  headersToDownstreamOnAllow: ["set-*", "x-b"],
  headersToDownstreamOnDeny: ["x-a", "*-cookie"],
};
const PEER = { uris: ["spiffe://cluster.local/ns/foo/sa/bar"] };
const NAMELESS = {};

describe(`beside Envoy's ext_authz filter, SEED=${seed}`, { timeout: 120_000 }, () => {
  let folder = "";
  let envoy: EnvoyProcess;
  let upstream: Upstream;
  let grpc: GrpcServer;
  let http: HttpServer;
  const callers = new Callers();
  const ports = new Map<string, number>();
  let answerGrpc: () => GrpcAnswer = () => allowed();
  let answerHttp: () => CallAnswer = () => ({ status: 200 });
  const asked: Question[] = [];
  const httpAsked: UpstreamRequest[] = [];
  const arrived: UpstreamRequest[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "outrigger-native-"));
    const module = join(folder, "custom.wasm");
    await writeFile(module, await compile("test/authz/custom-module/module.ts"));
    upstream = await Upstream.start();
    upstream.onRequest = (request) => {
      arrived.push(request);
      return {
        headers: [
          ["x-a", "upstream"],
          ["x-b", "upstream"],
        ],
      };
    };
    grpc = await GrpcServer.start((exchange, authority) => ({
      onMessage: (message) => {
        asked.push({ attributes: decodeRequest(message), metadata: exchange.metadata, authority });
        const answer = answerGrpc();
        if (answer instanceof Uint8Array) exchange.send(answer);
        else if (typeof answer !== "number") exchange.send(encodeResponse(answer));
        exchange.end(typeof answer === "number" ? answer : 0);
      },
    }));
    http = await HttpServer.start((request) => {
      httpAsked.push(request);
      return answerHttp();
    });
    const listeners: object[] = [];
    const add = async (name: string, native: object, provider: object): Promise<void> => {
      for (const which of ["native", "ours"]) {
        const { port } = await freePort();
        ports.set(`${name}-${which}`, port);
        const configuration = JSON.stringify({ extensionProviders: [{ name, ...provider }] });
        listeners.push(
          staticListener({
            name: `${name}-${which}`,
            port,
            revision: 1,
            transportSocket: callers.transportSocket(),
            filters: which === "native" ? [native] : [],
            plugins: which === "native" ? [] : [{ module, name, rootId: "custom", configuration }],
          }),
        );
      }
    };
    await add("grpc", nativeGrpc("authz-grpc", PROVIDER), {
      envoyExtAuthzGrpc: { ...PROVIDER, cluster: "authz-grpc" },
    });
    const open = { ...PROVIDER, failOpen: true };
    await add("open", nativeGrpc("authz-grpc", open), {
      envoyExtAuthzGrpc: { ...open, cluster: "authz-grpc" },
    });
    await add("http", nativeHttp("authz-http", PROVIDER), {
      envoyExtAuthzHttp: { ...PROVIDER, cluster: "authz-http" },
    });
    await add("lists", nativeHttp("authz-http", LISTS), {
      envoyExtAuthzHttp: { ...LISTS, cluster: "authz-http" },
    });
    envoy = await EnvoyProcess.start({
      concurrency: 1,
      bootstrap: {
        node: { id: "authz", cluster: "authz" },
        static_resources: {
          listeners,
          clusters: [
            upstreamCluster("upstream", upstream.port),
            upstreamCluster("authz-grpc", grpc.port, true),
            upstreamCluster("authz-http", http.port),
          ],
        },
      },
    });
  }, 120_000);
  afterAll(async () => {
    await envoy?.stop();
    await Promise.all([upstream?.close(), grpc?.close(), http?.close()]);
    await rm(folder, { recursive: true, force: true });
  });

  /** Sends the request to one of the two, with one service's questions. */
  const play = async <Asked>(
    listener: string,
    request: HttpRequest,
    questions: Asked[],
  ): Promise<Outcome<Asked>> => {
    questions.length = 0;
    arrived.length = 0;
    const { peer } = request;
    const socket = dial(ports.get(listener)!, peer && callers.credentials(peer));
    try {
      const { response } = await send(socket, request, 10_000);
      expect(questions.length).toBeLessThan(2);
      return { asked: questions[0] ?? null, upstream: arrived[0] ?? null, response };
    } finally {
      socket.destroy();
    }
  };

  test("a gRPC service is asked the same, and its answers do the same", async () => {
    const counts = { allowed: 0, denied: 0, error: 0, cut: 0 };
    for (const { request, answer } of fc.sample(
      fc.record({ request: requests, answer: grpcAnswers }, { noNullPrototype: true }),
      { seed, numRuns: CASES },
    )) {
      answerGrpc = () => answer;
      const context = JSON.stringify({ request, answer });
      for (const name of ["grpc", "open"]) {
        const native = await play(`${name}-native`, request, asked);
        const ours = await play(`${name}-ours`, request, asked);
        expect(questionOf(ours.asked), context).toEqual(questionOf(native.asked));
        expect(requestOf(ours.upstream), context).toEqual(requestOf(native.upstream));
        expect(responseOf(ours.response), context).toEqual(responseOf(native.response));
      }
      if (answer instanceof Uint8Array) counts.cut++;
      else if (typeof answer === "number" || "errorResponse" in answer) counts.error++;
      else counts[answer.status?.code === 0 ? "allowed" : "denied"]++;
    }
    console.log(JSON.stringify(counts));
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(0);
  });

  test("an HTTP service is asked the same, and its answers do the same", async () => {
    const counts = { allowed: 0, denied: 0, error: 0 };
    for (const { request, answer } of fc.sample(
      fc.record({ request: requests, answer: httpAnswers }, { noNullPrototype: true }),
      { seed, numRuns: CASES },
    )) {
      answerHttp = () => answer;
      const context = JSON.stringify({ request, answer });
      for (const name of ["http", "lists"]) {
        const native = await play(`${name}-native`, request, httpAsked);
        const ours = await play(`${name}-ours`, request, httpAsked);
        expect(requestOf(ours.asked), context).toEqual(requestOf(native.asked));
        expect(requestOf(ours.upstream), context).toEqual(requestOf(native.upstream));
        expect(responseOf(ours.response), context).toEqual(responseOf(native.response));
      }
      const status = answer.status ?? 200;
      counts[status === 200 ? "allowed" : status < 500 ? "denied" : "error"]++;
    }
    console.log(JSON.stringify(counts));
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(0);
  });
});

const value = fc.constantFrom("1", "two words", "a,b", "", "caf\xe9");
const utf8Value = fc.constantFrom("1", "two words", "a,b", "", "caf\xc3\xa9");
const plainName = fc.constantFrom("x-a", "x-b", "x-role", "x-rest", "authorization", "cookie", "x-Upper");
const requests: fc.Arbitrary<HttpRequest> = fc.record(
  {
    method: fc.constantFrom("GET", "POST", "DELETE"),
    path: fc.constantFrom("/", "/a/b?x=1&y=2", "/q?x&x=2&z=", "/e?a=%41"),
    authority: fc.constantFrom("example.test", "shop.example:8080"),
    headers: fc.array(fc.tuple(plainName, value), { maxLength: 6 }),
    peer: fc.constantFrom(PEER, NAMELESS, { dnsNames: ["client.example"] }, undefined),
  },
  { noNullPrototype: true },
) as fc.Arbitrary<HttpRequest>;

const headerOption: fc.Arbitrary<HeaderOption> = fc
  .tuple(
    plainName,
    fc.oneof({ weight: 9, arbitrary: utf8Value }, { weight: 1, arbitrary: value }),
    fc.constantFrom<Partial<HeaderOption>>(
      {},
      { append: { value: true } },
      { append: { value: false } },
      { appendAction: 1 },
      { appendAction: 2 },
      { appendAction: 3 },
    ),
  )
  .map(([name, text, more]) => option(name, text, more));
const target = fc.constantFrom(
  option(":path", "/other?x=5&a"),
  option("host", "other.example"),
  option(":authority", "third.example"),
  option(":method", "PATCH"),
);
const options = fc.array(headerOption, { maxLength: 4 });
const parameter = fc.constantFrom("x", "y", "new");
const reply = fc.record(
  {
    status: fc.constantFrom({ code: 401 }, { code: 302 }, { code: 200 }, { code: 503 }),
    headers: options,
    body: fc.constantFrom("", "denied", "{}"),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const code = fc.constantFrom(7, 16);
const whole: fc.Arbitrary<CheckResponse | number> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .record(
        {
          headers: fc
            .tuple(options, fc.array(target, { maxLength: 1 }))
            .map(([plain, targets]) => [...targets, ...plain]),
          headersToRemove: fc.array(fc.oneof(plainName, fc.constantFrom(":path", "host", "x y")), {
            maxLength: 2,
          }),
          responseHeadersToAdd: options,
          queryParametersToSet: fc.array(
            fc.record({ key: parameter, value: fc.constantFrom("9", "%20", "") }, { noNullPrototype: true }),
            { maxLength: 2 },
          ),
          queryParametersToRemove: fc.array(parameter, { maxLength: 2 }),
        },
        { requiredKeys: [], noNullPrototype: true },
      )
      .map(allowed),
  },
  { weight: 4, arbitrary: reply.map(denied) },
  { weight: 1, arbitrary: code.map((status) => ({ status: { code: status } })) },
  { weight: 1, arbitrary: code.map((status) => ({ status: { code: status }, okResponse: {} })) },
  { weight: 1, arbitrary: reply.map((errorResponse) => ({ status: { code: 14 }, errorResponse })) },
  { weight: 1, arbitrary: fc.constantFrom(2, 13, 14, 0) },
);
/** Some end before they should: at the end of a field that is a message all the same. */
const grpcAnswers: fc.Arbitrary<GrpcAnswer> = fc.oneof(
  { weight: 4, arbitrary: whole },
  {
    weight: 1,
    arbitrary: fc.tuple(whole, fc.nat()).map(([answer, at]): GrpcAnswer => {
      if (typeof answer === "number") return answer;
      const bytes = encodeResponse(answer);
      return bytes.subarray(0, at % (bytes.length + 1));
    }),
  },
);
const httpAnswers: fc.Arbitrary<CallAnswer> = fc.record(
  {
    status: fc.constantFrom(200, 200, 200, 201, 204, 302, 401, 403, 404, 500, 503),
    headers: fc.array(
      fc.oneof(
        fc.tuple(plainName, value),
        fc.tuple(
          fc.constantFrom("set-cookie", "location", "www-authenticate", "x-other"),
          fc.constantFrom("1", "2"),
        ),
        fc.tuple(
          fc.constant("x-envoy-auth-headers-to-remove"),
          fc.constantFrom("x-a", "x-b, X-Role,,", ":path,host"),
        ),
        fc.tuple(fc.constant("content-type"), fc.constant("application/json")),
      ),
      { maxLength: 6 },
    ),
    body: fc.constantFrom("", "denied").map((text) => Buffer.from(text)),
  },
  { noNullPrototype: true },
);

/**
 * The question, without what a module cannot see (the stream's number) and what is another on another connection or at another time: the
 * ports, the time, the request id that Envoy makes.
 */
function questionOf(question: Question | null): unknown {
  if (question === null) return null;
  const { attributes, metadata, authority } = structuredClone(question);
  const { source, destination, request } = attributes;
  for (const peer of [source, destination]) {
    const address = peer?.address?.socketAddress;
    expect(address?.portValue).toBeGreaterThan(0);
    delete address?.portValue;
  }
  expect(request?.time?.seconds).toBeGreaterThan(1.6e9);
  delete request?.time;
  expect(request?.http?.id).toBeTruthy();
  delete request?.http?.id;
  expect(request?.http?.headers?.["x-request-id"]).toBeTruthy();
  delete request?.http?.headers?.["x-request-id"];
  // Envoy's filter tells the proxy's own address with the call, which no module can.
  return { attributes, metadata: sorted(metadata, ["x-forwarded-for"]), authority };
}

/**
 * A request as it arrived. Parameters of the query are sorted: Envoy's filter sorts them where it changes one, and ours does not. So are the
 * values of each header: what is appended stands behind the first value there, and behind all of them here.
 */
function requestOf(request: UpstreamRequest | null): unknown {
  if (request === null) return null;
  const headers = request.headers.map(([name, text]): Header => {
    if (name !== ":path") return [name, text];
    const [path, query] = text.split("?", 2) as [string, string?];
    if (query === undefined || query === "") return [name, path];
    const parameters = query.split("&").map((one) => (one.includes("=") ? one : `${one}=`));
    return [name, `${path}?${parameters.sort().join("&")}`];
  });
  return {
    headers: joined(sorted(headers, ["x-request-id"])),
    body: Buffer.from(request.body).toString("latin1"),
  };
}

function responseOf({ status, headers, body }: HttpResponse): unknown {
  return {
    status,
    headers: sorted(headers, ["date", "x-envoy-upstream-service-time"]),
    body: Buffer.from(body).toString("latin1"),
  };
}

/** The elements of each header's list by name (RFC 9110 §5.6.1: empty ones are none), those of cookies too. */
function joined(headers: readonly Header[]): Record<string, string[]> {
  const elements: Record<string, string[]> = {};
  for (const [name, text] of headers) {
    (elements[name] ??= []).push(...text.split(/,|; ?/).filter((element) => element !== ""));
    elements[name].sort();
  }
  return elements;
}

/** By name, those of one name in their order. */
function sorted(headers: readonly Header[], without: readonly string[]): Header[] {
  return headers
    .map(([name, text]): Header => [name.toLowerCase(), text])
    .filter(([name]) => !without.includes(name))
    .sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
}

import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { outrigger } from "./command.ts";
import { Checks } from "./validating.ts";

const folder = new Checks();
afterAll(() => folder.remove());

describe("outrigger validate on configurations of Envoy", () => {
  test("takes what ships: envoy/envoy.yaml", async () => {
    const { status, stdout } = await outrigger(["validate", "envoy/envoy.yaml"]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: "1 plugin in 1 file checked: no problem\n" });
  });

  test("finds the place within the JSON text of an Envoy configuration", async () => {
    const shipped = readFileSync("envoy/envoy.yaml", "utf8");
    const line = shipped.split("\n").findIndex((text) => text.includes('"default": "v1"')) + 1;
    expect(await folder.places(shipped.replace('"default": "v1"', '"defualt": "v1"'))).toEqual([
      `${line}:37 filters[4].darkLaunch.defualt`,
    ]);
    // Not JSON at all: the parser's own line and column.
    const [finding] = await folder.findings(shipped.replace('"default": "v1"', '"default": v1'));
    expect(finding).toMatchObject({ line, column: 48, path: "", message: "expected a value" });
  });

  const filter = (configuration: string, more = ""): string => `name: envoy.filters.http.wasm
typed_config:
  "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
  config:
    name: launch
    vm_config: { code: { remote: { http_uri: { uri: "http://x.test/dark-launch.wasm" } } } }
    configuration: ${configuration}
${more}`;

  test("reads a single HTTP filter, in YAML and in JSON with camelCase names", async () => {
    const value = (text: string): string =>
      `{"@type": type.googleapis.com/google.protobuf.StringValue, value: ${JSON.stringify(text)}}`;
    const wrong = filter(value('{"defualt": "v1"}'));
    const column = wrong.split("\n")[6]!.indexOf('"{') + 1;
    expect(await folder.places(wrong)).toEqual([`7:${column} defualt`]);
    expect(await folder.places(filter(value('{"default": "v1"}')))).toEqual([]);
    const json = {
      name: "w",
      typedConfig: {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        config: {
          rootId: "dark-launch",
          vmConfig: { code: { local: { filename: "/etc/outrigger.wasm" } } },
          configuration: { "@type": "type.googleapis.com/google.protobuf.StringValue", value: '{"a": 1}' },
        },
      },
    };
    expect((await folder.findings(JSON.stringify(json, null, "\t"))).map(({ path }) => path)).toEqual(["a"]);
  });

  test("refuses a Struct, which reaches a filter as protobuf bytes", async () => {
    const [finding] = await folder.findings(
      filter('{"@type": type.googleapis.com/google.protobuf.Struct, value: {default: v1}}'),
    );
    expect(finding).toMatchObject({ line: 7, filter: "dark-launch" });
    expect(finding?.message).toContain("expected a google.protobuf.StringValue");
  });

  test("finds filters in an EnvoyFilter, behind a TypedStruct, and in bytes", async () => {
    const envoyFilter = (configuration: string): string => `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: ef, namespace: mesh }
spec:
  configPatches:
  - applyTo: HTTP_FILTER
    patch:
      operation: INSERT_BEFORE
      value:
        name: launch
        typed_config:
          "@type": type.googleapis.com/udpa.type.v1.TypedStruct
          type_url: type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
          value:
            config:
              root_id: dark-launch
              vm_config: { code: { local: { filename: /opt/outrigger.wasm } } }
              configuration:
                ${configuration}
`;
    const text = `"@type": type.googleapis.com/google.protobuf.StringValue
                value: |

                  {
                    "defualt": "v1"
                  }`;
    const [finding] = await folder.findings(envoyFilter(text));
    expect(finding).toMatchObject({
      line: 23,
      column: 21,
      path: "defualt",
      plugin: "Wasm filter launch of EnvoyFilter mesh/ef",
    });
    const base64 = Buffer.from('{"defualt": 1}').toString("base64");
    const bytes = `{"@type": type.googleapis.com/google.protobuf.BytesValue, value: ${base64}}`;
    expect((await folder.places(envoyFilter(bytes))).map((place) => place.replace(/:\d+/, ""))).toEqual([
      "19 defualt",
    ]);
  });
});

/** Properties that are declared a `google.protobuf.Struct`, which is how claims are handed from one filter to the next. */
import { beforeAll, expect, it } from "vitest";
import type { Player, Stage } from "../player.ts";
import { encodeStruct } from "../../scenario/struct.ts";

const PROTOBUF = 3;
const SCHEMA = "type.googleapis.com/google.protobuf.Struct";

export function declaredStructs(player: () => Player): void {
  let stage: Stage;
  beforeAll(async () => {
    stage = await player().open({
      plugins: [`label a\nconfigure declare-property told ${PROTOBUF} 0 0 ${SCHEMA}`, "label b"],
    });
  });
  const message = encodeStruct({
    sub: "alice",
    level: 7,
    admin: true,
    nothing: null,
    realm: { roles: ["user", "tester"], none: [] },
    mixed: ["text", 1, { deep: "x" }],
  });
  const set = `a/request-headers set-property told ${escaped(message)}`;

  it.each([
    ["told/sub", "alice"],
    ["told/level", "%00%00%00%00%00%00%1C@"],
    ["told/admin", "%01"],
    ["told/nothing", "SerializationFailure"],
    ["told/absent", "NotFound"],
    ["told/sub/deeper", "NotFound"],
    ["told/realm/roles/0", "user"],
    ["told/realm/roles/1", "tester"],
    ["told/realm/roles/2", "NotFound"],
    ["told/mixed/2/deep", "x"],
    ["filter_state/wasm.told/sub", "alice"],
    ["wasm.told/sub", "NotFound"],
  ])("are walked by later filters: %s is %s", async (path, value) => {
    expect(await stage.results([set, `b/request-headers property ${path}`])).toEqual(["Ok", value]);
  });

  it("are told as dynamic metadata is, lists and objects as pairs", async () => {
    const [, list, none, whole] = await stage.results([
      set,
      "b/request-headers property told/realm/roles",
      "b/request-headers property told/realm/none",
      "b/request-headers property told",
    ]);
    expect([list, none]).toEqual([
      "%02%00%00%00%04%00%00%00%00%00%00%00%06%00%00%00%00%00%00%00user%00%00tester%00%00",
      "%00%00%00%00",
    ]);
    expect(whole).toBe(escaped(message).replaceAll("%20", " "));
  });

  it("that are no such message have nothing in them", async () => {
    expect(
      await stage.results([
        "a/request-headers set-property told broken",
        "b/request-headers property told",
        "b/request-headers property told/sub",
      ]),
    ).toEqual(["Ok", "broken", "NotFound"]);
  });
}

/** As scripts have bytes. */
function escaped(bytes: Uint8Array): string {
  return [...bytes]
    .map((byte) =>
      byte > 0x20 && byte < 0x7f && byte !== 0x25 && byte !== 0x22
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
    )
    .join("");
}

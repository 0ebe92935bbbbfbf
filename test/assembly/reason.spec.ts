import { Annotate, readAnnotate } from "../../assembly/annotate";
import { resetArena } from "../../assembly/bytes/arena";
import { ABSENT } from "../../assembly/bytes/bytes";
import { Keeper } from "../../assembly/bytes/keeper";
import { Mode, readMode } from "../../assembly/mode";
import { joinReasons, reasonOf } from "../../assembly/reason";
import { newReader, parsed } from "./reading";
import { bytes, text } from "./texts";

describe("a reason", () => {
  it("is filter and rule", () => {
    const keeper = new Keeper();
    expect(text(reasonOf(keeper, "authz", "deny-all"))).toBe("authz:deny-all");
  });

  it("joins another one by a comma, when there is one", () => {
    resetArena();
    expect(text(joinReasons(ABSENT, bytes("b:two")))).toBe("b:two");
    expect(text(joinReasons(joinReasons(bytes("a:one"), bytes("b:two")), bytes("c:3")))).toBe(
      "a:one,b:two,c:3",
    );
  });
});

describe("mode and annotate", () => {
  it("have defaults, and the values of the vocabulary", () => {
    const reader = newReader();
    expect(readMode(reader, parsed(bytes("{}")))).toBe(Mode.Enforce);
    expect(readMode(reader, parsed(bytes('{"mode":"enforce"}')))).toBe(Mode.Enforce);
    expect(readMode(reader, parsed(bytes('{"mode":"shadow"}')))).toBe(Mode.Shadow);
    expect(readAnnotate(reader, parsed(bytes("{}")))).toBe(Annotate.Decisions);
    expect(readAnnotate(reader, parsed(bytes('{"annotate":"always"}')))).toBe(Annotate.Always);
    expect(reader.failed).toBe(false);
  });

  it("are refused otherwise", () => {
    const reader = newReader();
    readMode(reader, parsed(bytes('{"mode":"Shadow"}')));
    readAnnotate(reader, parsed(bytes('{"annotate":true}')));
    expect(reader.report()).toBe(
      'mode: expected enforce or shadow, got "Shadow"\nannotate: expected decisions or always, got true',
    );
  });
});

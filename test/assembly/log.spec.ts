import { log, logBytes, LogLevelValues, logs, refreshLogLevel } from "../../assembly/host/log";
import { callsOf, host, hostHasLogLevel, resetHost } from "./mock-host";
import { bytes } from "./texts";

describe("logging", () => {
  beforeEach(() => {
    resetHost();
  });

  it("hands text and level to the host, in UTF-8", () => {
    log(LogLevelValues.warn, "configuration refused: é");
    logBytes(LogLevelValues.info, bytes("shadow"));
    log(LogLevelValues.error, "");
    expect(host("logs")).toBe("3 configuration refused: é\n2 shadow\n4 ");
  });

  it("asks the host for its level once, until it is refreshed", () => {
    hostHasLogLevel(LogLevelValues.warn);
    refreshLogLevel();
    expect(logs(LogLevelValues.info)).toBe(false);
    expect(logs(LogLevelValues.warn)).toBe(true);
    expect(logs(LogLevelValues.critical)).toBe(true);
    hostHasLogLevel(LogLevelValues.debug);
    expect(logs(LogLevelValues.info)).toBe(false);
    expect(callsOf("proxy_get_log_level")).toBe(1);
    refreshLogLevel();
    expect(logs(LogLevelValues.debug)).toBe(true);
    expect(logs(LogLevelValues.trace)).toBe(false);
    expect(callsOf("proxy_get_log_level")).toBe(2);
  });

  it("takes info for the level of a host that does not tell it", () => {
    hostHasLogLevel(-1);
    refreshLogLevel();
    expect(logs(LogLevelValues.debug)).toBe(false);
    expect(logs(LogLevelValues.info)).toBe(true);
  });
});

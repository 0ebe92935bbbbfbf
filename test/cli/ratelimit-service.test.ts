/** `outrigger ratelimit-service` as a process. */
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { Code } from "../../cli/ratelimit-service/messages.ts";
import { descriptor, request } from "../ratelimit-service/asking.ts";
import { RateLimitClient } from "../ratelimit-service/client.ts";
import { COMMAND, environment, Folder } from "./command.ts";

const configuration = (requests: number): string =>
  `domain: shop\ndescriptors:\n- key: user\n  rate_limit: {unit: day, requests_per_unit: ${requests}}\n`;

describe("outrigger ratelimit-service", () => {
  const folder = new Folder();
  let child: ChildProcess | undefined;
  afterEach(() => child?.kill("SIGKILL"));
  afterAll(() => folder.remove());

  /** Starts it; answers its port, and the lines that it says from then on. */
  const start = async (...words: string[]): Promise<{ port: number; said: string[] }> => {
    const started = spawn(process.execPath, [COMMAND, "ratelimit-service", "--port", "0", ...words], {
      cwd: folder.path,
      env: environment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    child = started;
    const said: string[] = [];
    createInterface({ input: started.stderr }).on("line", (line) => said.push(line));
    const port = await new Promise<number>((resolve, reject) => {
      createInterface({ input: started.stdout }).on("line", (line) => {
        said.push(line);
        const told = /^RateLimitService on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
        if (told !== undefined) resolve(Number(told));
      });
      started.once("exit", () => reject(new Error(said.join("\n"))));
    });
    return { port, said };
  };

  const ask = async (port: number): Promise<Code | string> => {
    const client = new RateLimitClient(port);
    const answer = await client.ask(request("shop", [descriptor("user=ann")]));
    client.close();
    return "overallCode" in answer ? answer.overallCode : answer.details;
  };

  const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
    for (let tries = 0; !(await holds()); tries++) {
      if (tries > 100) throw new Error("it does not come");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  test("counts, says that it is for development, and ends when it is told to", async () => {
    const { port, said } = await start("--config", folder.write("config.yaml", configuration(1)));
    expect(await ask(port)).toBe(Code.Ok);
    expect(await ask(port)).toBe(Code.OverLimit);
    expect(said.join("\n")).toMatch(/development only/i);
    const ended = new Promise<number | null>((resolve) => child?.once("exit", resolve));
    child?.kill("SIGTERM");
    expect(await ended).toBe(0);
  });

  test("reads what has changed, and keeps what it has when that is wrong", async () => {
    folder.write("limits/config.yaml", configuration(1));
    const { port, said } = await start("--config", "limits");
    expect(await ask(port)).toBe(Code.Ok);
    expect(await ask(port)).toBe(Code.OverLimit);
    folder.write(
      "limits/config.yaml",
      "domain: shop\ndescriptors:\n- key: user\n  rate_limit: {unit: never}\n",
    );
    await until(() => said.some((line) => line.includes("limits/config.yaml")));
    expect(await ask(port)).toBe(Code.OverLimit);
    folder.write("limits/config.yaml", configuration(100));
    await until(async () => (await ask(port)) === Code.Ok);
  });

  test("refuses a configuration that is wrong, with file and path", async () => {
    folder.write("wrong.yaml", "domain: shop\ndescriptors:\n- key: user\n  rate_limit: {unit: never}\n");
    await expect(start("--config", "wrong.yaml")).rejects.toThrow(/wrong\.yaml.*unit/s);
  });
});

/** JUnit's XML, as CI systems read it: a test suite with a test case for each scenario. */
import type { Failure } from "../test/scenario/run.ts";
import type { ScenarioReport } from "./report.ts";

export function junit(driver: string, reports: readonly ScenarioReport[]): string {
  const count = (status: ScenarioReport["status"]): number =>
    reports.filter((report) => report.status === status).length;
  const totals = attributes({
    tests: reports.length,
    failures: count("failed"),
    errors: count("error"),
    skipped: count("skipped"),
    time: seconds(reports.reduce((sum, { milliseconds }) => sum + milliseconds, 0)),
  });
  const name = attributes({ name: `outrigger test on ${driver}` });
  const cases = reports.map((report) => testCase(driver, report)).join("");
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites${name}${totals}>
  <testsuite${name}${totals}>
${cases}  </testsuite>
</testsuites>
`;
}

function testCase(
  driver: string,
  { file, status, milliseconds, failure, skipped, errors }: ScenarioReport,
): string {
  const own = attributes({ classname: `outrigger.${driver}`, name: file, file, time: seconds(milliseconds) });
  switch (status) {
    case "passed":
      return `    <testcase${own}/>\n`;
    case "skipped":
      return `    <testcase${own}>\n      <skipped${attributes({ message: skipped ?? "" })}/>\n    </testcase>\n`;
    case "failed": {
      const text = textOf(file, failure!);
      const message = attributes({ message: text.split("\n")[0]!, type: "mismatch" });
      return `    <testcase${own}>\n      <failure${message}>${escaped(text)}</failure>\n    </testcase>\n`;
    }
    case "error": {
      const text = (errors ?? []).join("\n");
      const message = attributes({ message: text.split("\n")[0]!, type: "scenario" });
      return `    <testcase${own}>\n      <error${message}>${escaped(text)}</error>\n    </testcase>\n`;
    }
  }
}

function textOf(file: string, { line, step, text, logs }: Failure): string {
  const place = line === null ? file : `${file}:${line}: step "${step}"`;
  return [place, text, ...logs.map((log) => `logged ${log}`)].join("\n");
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3);
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escaped(String(value))}"`)
    .join("");
}

/** What XML 1.0 cannot hold at all (§2.2) becomes U+FFFD. */
function escaped(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;");
}

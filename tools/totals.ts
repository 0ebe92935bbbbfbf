/** The last line of `.ci/run`: the totals of the runs that its arguments name (`test`, `e2e`), together, after what failed in them. */
import { lineOf, readTotals, tellFailures } from "./test-run.ts";

const all = await Promise.all(process.argv.slice(2).map(readTotals));
const passed = all.reduce((sum, one) => sum + one.passed, 0);
const failed = all.reduce((sum, one) => sum + one.failed, 0);
all.forEach(tellFailures);
console.log(lineOf({ passed, failed }));
process.exitCode = failed > 0 ? 1 : 0;

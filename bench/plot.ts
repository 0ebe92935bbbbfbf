/** Line plots as SVG, readable on light and dark ground: enough for a page of the docs. */

export interface Series {
  name: string;
  points: readonly (readonly [x: number, y: number])[];
}

export interface Panel {
  title: string;
  /** What the horizontal axis is. */
  x: string;
  series: readonly Series[];
}

const WIDTH = 760;
const HEIGHT = 300;
const LEFT = 56;
const RIGHT = 16;
const TOP = 36;
const BOTTOM = 44;
const COLOURS = ["#2b6cb0", "#c05621", "#2f855a", "#b83280"];
const DASHES = ["", "6 3", "2 3", "8 3 2 3"];

/** One panel below the other, with a legend at the end. Both axes begin at 0. */
export function plot(panels: readonly Panel[]): string {
  const names = panels[0]?.series.map(({ name }) => name) ?? [];
  const height = panels.length * HEIGHT + names.length * 20 + 12;
  const parts = panels.map((panel, at) => `<g transform="translate(0 ${at * HEIGHT})">${body(panel)}</g>`);
  const legend = names.map((name, at) => {
    const y = panels.length * HEIGHT + at * 20 + 8;
    return `${line(
      [
        [LEFT, y],
        [LEFT + 36, y],
      ],
      at,
    )}<text x="${LEFT + 46}" y="${y + 4}">${escape(name)}</text>`;
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">` +
    `<rect width="100%" height="100%" fill="#ffffff"/>${parts.join("")}${legend.join("")}</svg>\n`
  );
}

function body({ title, x, series }: Panel): string {
  const points = series.flatMap((one) => one.points);
  const mostX = Math.max(...points.map(([at]) => at));
  const step = stepOf(Math.max(...points.map(([, value]) => value)));
  const mostY = step * Math.max(1, Math.ceil(Math.max(...points.map(([, value]) => value)) / step));
  const toX = (value: number): number => LEFT + (value / mostX) * (WIDTH - LEFT - RIGHT);
  const toY = (value: number): number => HEIGHT - BOTTOM - (value / mostY) * (HEIGHT - TOP - BOTTOM);
  const grid: string[] = [];
  for (let value = 0; value <= mostY + step / 2; value += step) {
    const y = toY(value);
    grid.push(`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}" stroke="#d0d5dd"/>`);
    grid.push(`<text x="${LEFT - 6}" y="${y + 4}" text-anchor="end">${Number(value.toFixed(6))}</text>`);
  }
  for (let value = 0; value <= mostX; value += 0.5) {
    grid.push(`<text x="${toX(value)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${value}</text>`);
  }
  const lines = series.map((one, at) =>
    line(
      one.points.map(([a, b]) => [toX(a), toY(b)]),
      at,
    ),
  );
  return (
    `<text x="${LEFT}" y="20" font-weight="bold">${escape(title)}</text>${grid.join("")}${lines.join("")}` +
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 10}" text-anchor="middle">${escape(x)}</text>`
  );
}

function line(points: readonly (readonly number[])[], at: number): string {
  const path = points.map((point) => point.map((value) => value.toFixed(1)).join(",")).join(" ");
  const dash = DASHES[at % DASHES.length];
  return (
    `<polyline points="${path}" fill="none" stroke="${COLOURS[at % COLOURS.length]}" stroke-width="2"` +
    `${dash === "" ? "" : ` stroke-dasharray="${dash}"`}/>`
  );
}

/** A round step with five lines or fewer up to `most`. */
function stepOf(most: number): number {
  const raw = Math.max(most, 1e-6) / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= raw) ?? raw;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

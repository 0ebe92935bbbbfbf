/** What was observed of each subject of `istio/mesh`: a table, which says more than that the tests pass. */
export class Observations {
  readonly #rows: [subject: string, what: string][] = [];

  note(subject: string, what: string): void {
    this.#rows.push([subject, what]);
  }

  /** Writes the table to the console. */
  tell(): void {
    const width = Math.max(...this.#rows.map(([subject]) => subject.length));
    const lines = this.#rows.map(([subject, what]) => `  ${subject.padEnd(width)}  ${what}`);
    console.log(["Observed on Envoy:", ...lines].join("\n"));
  }
}

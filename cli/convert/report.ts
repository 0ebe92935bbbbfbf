/** What `outrigger convert` has to say beside its output, each with its place. */
import type { Position } from "../source.ts";

export interface Remark extends Position {
  file: string;
  /** Within the document: `spec.http[0].match[1].port`; empty where all of it is meant. */
  path: string;
  message: string;
}

export class Report {
  /** What the output does not do, and the source does. */
  readonly left: Remark[] = [];
  /** What is to be known of the output. */
  readonly notes: Remark[] = [];

  /** How much was left; more of it after a step means that the step was not done whole. */
  get count(): number {
    return this.left.length;
  }
}

// The rows of docs/benchmarks.md.
import { fileURLToPath } from 'node:url';

/** The tool as a person runs it. */
export const KINDLING: string = fileURLToPath(new URL('../bin/kindling', import.meta.url));

/** One measured claim. */
export interface Row {
  readonly what: string;
  readonly ours: string;
  readonly peer: string;
  readonly theirs: string;
  readonly ratio: string;
  readonly target: string;
}

/** A ratio as the table shows it. */
export function ratio(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 1)}x`;
}

/** Rows as a Markdown table. */
export function markdown(rows: readonly Row[]): string {
  const head = '| what | kindling | against | theirs | ratio | to reach |\n|---|---|---|---|---|---|\n';
  return head + rows.map((row) => `| ${row.what} | ${row.ours} | ${row.peer} | ${row.theirs} | ${row.ratio} | ${row.target} |\n`).join('');
}

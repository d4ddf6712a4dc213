// The menu of install-time updates: which bundles of a medium, and whether there is another medium. What a person types is a line each time.
import type { FoundBundle } from '../../node/itu/media.ts';
import { printable } from '../report.ts';

/** Puts a question and answers the line that was typed; undefined at the end of the input. */
export type Ask = (question: string) => Promise<string | undefined>;

/** Asks on the terminal of the process. Loaded with the first question; `close` gives the terminal back. */
export async function terminalAsk(): Promise<{ readonly ask: Ask; close(): void }> {
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  let ended = false;
  const end = new Promise<undefined>((resolve) => {
    terminal.once('close', () => {
      ended = true;
      resolve(undefined);
    });
  });
  return {
    ask: async (question) => (ended ? undefined : await Promise.race([terminal.question(question), end])),
    close: () => terminal.close(),
  };
}

/** The words for a signature's state. */
export function signatureText({ signature }: FoundBundle): string {
  if (signature.state === 'good') return `signed (${signature.key.slice(signature.key.lastIndexOf('/') + 1)})`;
  return signature.state === 'unsigned' ? 'not signed' : 'REFUSED';
}

/** One line for a bundle. */
export function bundleLine(found: FoundBundle): string {
  const { bundle, fault, label } = found;
  if (bundle === undefined) return `---  ${printable(label)}  ${signatureText(found)}: ${printable(fault?.message ?? '')}`;
  const { number, name, version, description, kernels } = bundle.manifest;
  const target = kernels.length === 0 ? '' : `  for ${kernels.join(', ')}`;
  return `${String(number).padStart(3, '0')}  ${name} ${version}  ${signatureText(found)}${target}  ${printable(description)}`.trimEnd();
}

/** Places in a list of `count` that a line means ("1 3", "2-4", "a" for all, nothing for none); undefined when it means nothing. */
export function parseChoice(line: string, count: number): number[] | undefined {
  const text = line.trim().toLowerCase();
  if (text === 'a' || text === 'all') return Array.from({ length: count }, (_, index) => index);
  const chosen = new Set<number>();
  for (const word of text.split(/[\s,]+/).filter((one) => one !== '')) {
    const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(word);
    const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (!(first >= 1 && first <= last && last <= count)) return undefined;
    for (let place = first; place <= last; place++) chosen.add(place - 1);
  }
  return [...chosen].sort((a, b) => a - b);
}

/** What choosing needs. */
export interface MenuOutside {
  readonly ask: Ask;
  say(line: string): Promise<void>;
  /** Whether a bundle may be chosen at all. */
  mayUse(found: FoundBundle): boolean;
}

const TRIES_MOST = 5;

/** Lists what a medium holds and asks which bundles are wanted. None at the end of the input, or after too many lines that mean nothing. */
export async function chooseBundles(
  medium: string,
  found: readonly FoundBundle[],
  { ask, say, mayUse }: MenuOutside,
): Promise<FoundBundle[]> {
  const usable = found.filter(mayUse);
  await say(`Install-time updates on ${printable(medium)}:`);
  for (const one of found) {
    const place = usable.indexOf(one);
    await say(`  ${(place < 0 ? '-' : String(place + 1)).padStart(3)}  ${bundleLine(one)}`);
  }
  if (usable.length === 0) {
    await say(found.length === 0 ? '  none' : '  none of them can be used');
    return [];
  }
  for (let turn = 0; turn < TRIES_MOST; turn++) {
    const line = await ask('Which ones? (numbers of the first column, a for all, Enter for none) ');
    if (line === undefined) return [];
    const chosen = parseChoice(line, usable.length);
    if (chosen !== undefined) return chosen.map((place) => usable[place]!);
    await say(`  "${printable(line.trim())}" means nothing here; numbers go from 1 to ${usable.length}`);
  }
  return [];
}

/** Asks a question that is answered with yes or no; everything but yes is no. */
export async function confirm(ask: Ask, question: string): Promise<boolean> {
  return /^\s*y(es)?\s*$/i.test((await ask(`${question} [y/N] `)) ?? '');
}

/** Asks for a further medium; undefined when there is none. */
export async function anotherMedium(ask: Ask): Promise<string | undefined> {
  const line = (await ask('More media? (path of a mounted medium or an image, Enter for no) '))?.trim();
  return line === undefined || line === '' ? undefined : line;
}

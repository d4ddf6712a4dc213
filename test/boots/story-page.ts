// docs/story.md: the chapters' texts and what the machine's console really said, one block a chapter. The page is made by a run of
// story.long.ts; read back, it gives the same texts and transcripts, so that a test can see whether the page fits the texts.
import { CHAPTERS, type ChapterName, INTRODUCTION } from './story-text.ts';

/** What the console said in each chapter. */
export type Transcripts = ReadonlyMap<ChapterName, string>;

// Said again and again, and of no meaning to a reader: apt asking for what a flat repository does not have, dpkg's progress, GRUB's frame and
// help, the greeting of a login, what the kernel finds.
const NOISE: readonly RegExp[] = [
  /^(Get|Ign|Hit):\d+ /,
  /^\(Reading database \.\.\. *(\d+%)?$/,
  /^Selecting previously unselected package/,
  /^[-|+ ]*[-|+][-|+ ]*$/,
  /^(The programs included with|the exact distribution terms|individual files in|Debian GNU\/Linux comes with|permitted by applicable law|Last login:)/,
  /^\[ *\d+\.\d{6}\] (?!kindling|reboot)/,
  /^(planning|compressing|reading it back)( \S+\.\.\.)?$/,
  /^debconf: delaying package configuration/,
  /^\s*(Use the|Press enter to boot|before booting or|The highlighted entry will be)/,
];
const LINES_MOST = 110;

/** A stretch of console as it goes on the page: noise left out, an overlong middle cut where three dots stand. */
export function shortened(said: string): string {
  const lines = said
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => !NOISE.some((noise) => noise.test(line)))
    .filter((line, index, all) => line !== '' || (all[index - 1] ?? '') !== '');
  while (lines[0] === '') lines.shift();
  while (lines.at(-1) === '') lines.pop();
  if (lines.length <= LINES_MOST) return lines.join('\n');
  const half = LINES_MOST / 2;
  return [...lines.slice(0, half), '[...]', ...lines.slice(-half)].join('\n');
}

/** The page; what the console said is shortened. */
export function printPage(transcripts: Transcripts): string {
  const parts = CHAPTERS.map(({ name, title, text }, index) => {
    const said = transcripts.get(name);
    if (said === undefined) throw new Error(`there is no transcript of "${title}"`);
    return `## ${index + 1}. ${title}\n\n${text}\n\n\`\`\`\n${shortened(said)}\n\`\`\`\n`;
  });
  return `${INTRODUCTION}\n\n${parts.join('\n')}`;
}

/** The transcripts of a page. */
export function parsePage(page: string): Transcripts {
  const found = new Map<ChapterName, string>();
  for (const { name, title } of CHAPTERS) {
    const from = page.indexOf(`. ${title}\n`);
    if (from < 0) throw new Error(`the page has no chapter "${title}"`);
    const beginAt = page.indexOf('\n```\n', from) + 5;
    found.set(name, page.slice(beginAt, page.indexOf('\n```\n', beginAt)));
  }
  return found;
}

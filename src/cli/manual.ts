// Manual pages and the reference pages of docs/, made from the verbs' tables and the error codes.
import { ERROR_CODES, type ErrorCode } from '../errors.ts';
import { HINTS } from './hints.ts';
import { COMMON_OPTIONS } from './options.ts';
import { optionRows, sentence, synopsis, type VerbLine } from './usage.ts';
import type { OptionTable, Verb } from './verb.ts';

const EXIT_CODES: readonly (readonly [string, string])[] = [
  ['0', 'done, or the answer is yes'],
  ['1', 'the answer is no: findings, differences, the boot did not get there'],
  ['2', 'the command line cannot be understood'],
  ['3', 'bad input: damaged, hostile, unsupported, or something asked for is not in it'],
  ['4', 'the environment lacks something: space, permission, a tool'],
  ['128+n', 'signal n ended it'],
];

/** Text for roff: a backslash, and a dot or quote at the start of a line, mean something there. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');
}

function titleLine(name: string): string {
  return `.\\" Made by scripts/generate.ts from the verbs' tables.\n.TH ${name.toUpperCase().replaceAll('-', '\\-')} 1 "" kindling "kindling"\n`;
}

function tagged(rows: readonly (readonly [string, string])[]): string {
  return rows.map(([left, right]) => `.TP\n.B ${roff(left.trim())}\n${roff(sentence(right))}\n`).join('');
}

const optionsSection = (table: OptionTable): string => tagged(optionRows(table));

/** man page of one verb: kindling-VERB(1). */
export function verbManual(verb: Verb): string {
  const parts = [
    titleLine(`kindling-${verb.name}`),
    `.SH NAME\nkindling\\-${verb.name} \\- ${roff(verb.summary)}\n`,
    `.SH SYNOPSIS\n.B ${roff(synopsis(verb))}\n`,
    `.SH DESCRIPTION\n${roff(sentence(verb.summary))}\n`,
    ...(verb.description ?? []).map((paragraph) => `.PP\n${roff(paragraph)}\n`),
  ];
  if (verb.positionals.length > 0) parts.push(`.SH ARGUMENTS\n${tagged(verb.positionals.map(({ name, summary }) => [name, summary]))}`);
  parts.push(`.SH OPTIONS\n${optionsSection({ ...verb.options, ...COMMON_OPTIONS })}`);
  if (verb.examples !== undefined)
    parts.push(`.SH EXAMPLES\n${verb.examples.map(({ command, does }) => `.TP\n.B ${roff(command)}\n${roff(sentence(does))}\n`).join('')}`);
  parts.push(`.SH EXIT STATUS\n${tagged(EXIT_CODES)}`, '.SH SEE ALSO\n.BR kindling (1)\n');
  return parts.join('');
}

/** man page of the program: kindling(1). */
export function programManual(verbs: readonly VerbLine[]): string {
  return [
    titleLine('kindling'),
    '.SH NAME\nkindling \\- plans, builds, checks, explains and boots boot archives\n',
    '.SH SYNOPSIS\n.B kindling\n.I VERB\n[OPTION]... [ARGUMENT]...\n',
    '.SH DESCRIPTION\nA boot archive (initramfs image) is what a kernel starts from until the real root file system is mounted.\n',
    'kindling makes and examines them without root privilege, without running anything in the root, and on any host.\n',
    'Data goes to standard output, messages and progress to standard error.\n',
    `.SH VERBS\nEach has a page of its own, kindling\\-VERB(1).\n${tagged(verbs.map(({ name, summary }) => [name, summary]))}`,
    `.SH OPTIONS\nOn every verb:\n${optionsSection(COMMON_OPTIONS)}`,
    '.TP\n.B \\-\\-version\nPrint the version (without a verb).\n',
    `.SH EXIT STATUS\n${tagged(EXIT_CODES)}`,
    '.SH ENVIRONMENT\n',
    tagged([
      ['NO_COLOR', 'no colours when it is set and not empty'],
      ['SOURCE_DATE_EPOCH', 'the latest time, in seconds since 1970, that is written into an output'],
      ['NODE_COMPILE_CACHE', 'where compiled code is kept between runs'],
    ]),
    `.SH SEE ALSO\n${verbs.map(({ name }) => `.BR kindling\\-${name} (1)`).join(',\n')}\n`,
  ].join('');
}

function cell(text: string): string {
  return text.trim().replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  return line(head) + line(head.map(() => '---')) + rows.map((cells) => line(cells.map(cell))).join('');
}

/** docs/errors.md. */
export function errorsPage(): string {
  const codes = Object.keys(ERROR_CODES) as ErrorCode[];
  return [
    '# Errors\n\n<!-- Made by scripts/generate.ts from src/errors.ts and src/cli/hints.ts. -->\n\n',
    'Every failure has one of these codes. On standard error it reads\n\n',
    '```\nkindling: CODE: what was found and what was expected (FILE, structure, offset N, path P)\nhint: what a person can do\n```\n\n',
    'and with `--json` standard output holds `{"error": {"code", "message", "where": {"file", "structure", "offset", "path"}, "hint"}}`.\n',
    'With `-v` the causes are printed too, and for `INTERNAL` where in kindling it happened.\n\n## Exit codes\n\n',
    table(
      ['exit', 'meaning'],
      EXIT_CODES.map(([code, meaning]) => [code, meaning]),
    ),
    '\n## Codes\n\n',
    table(
      ['code', 'exit', 'when', 'hint'],
      codes.map((code) => [`\`${code}\``, String(ERROR_CODES[code].exit), ERROR_CODES[code].when, HINTS[code]]),
    ),
  ].join('');
}

/** docs/verbs.md: the reference of all verbs. */
export function verbsPage(verbs: readonly Verb[]): string {
  const sections = verbs.map((verb) => {
    const parts = [`## ${verb.name}\n\n\`${synopsis(verb)}\`\n\n${sentence(verb.summary)}\n`];
    for (const paragraph of verb.description ?? []) parts.push(`\n${paragraph}\n`);
    if (verb.positionals.length > 0) {
      const rows = verb.positionals.map(({ name, summary }) => [`\`${name}\``, summary]);
      parts.push(`\n${table(['argument', 'meaning'], rows)}`);
    }
    const rows = optionRows(verb.options).map(([left, right]) => [`\`${left.trim()}\``, right]);
    if (rows.length > 0) parts.push(`\n${table(['option', 'meaning'], rows)}`);
    for (const { command, does } of verb.examples ?? []) parts.push(`\n${sentence(does)}\n\n\`\`\`\n${command}\n\`\`\`\n`);
    return parts.join('');
  });
  const common = optionRows(COMMON_OPTIONS).map(([left, right]) => [`\`${left.trim()}\``, right]);
  return [
    '# Verbs\n\n<!-- Made by scripts/generate.ts from the tables in src/cli/verbs/. -->\n\n',
    'What holds for all of them is in [cli.md](cli.md). Every verb has these options:\n\n',
    table(['option', 'meaning'], common),
    `\n${sections.join('\n')}`,
  ].join('');
}

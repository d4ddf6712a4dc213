// The command line: finds the verb, parses, runs, reports, returns the exit code. Nothing here knows what a verb does.
import { KindlingError } from '../errors.ts';
import { COMMON_OPTIONS } from './options.ts';
import { type StreamOutput, showsColours, streamOutput } from './output.ts';
import { VERBS, type VerbEntry } from './verbs.ts';

/** Runs one command line (without node and script name) on the process's own streams and returns the exit code. Tests bring their own verbs. */
export async function main(argv: readonly string[], verbs: readonly VerbEntry[] = VERBS): Promise<number> {
  const words = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : argv.length);
  const colours = (stream: { isTTY?: boolean }): boolean => showsColours(stream.isTTY === true, process.env, words.includes('--no-color'));
  let beforeOutput = (): void => {};
  const out = streamOutput(process.stdout, 'standard output', colours(process.stdout), () => beforeOutput());
  const err = streamOutput(process.stderr, 'standard error', colours(process.stderr), () => beforeOutput());
  try {
    const code = await dispatch(argv, verbs, out, err, (before) => {
      beforeOutput = before;
    });
    await out.flush();
    return code;
  } catch (error) {
    beforeOutput();
    return await failed(error, words, out, err);
  }
}

async function dispatch(
  argv: readonly string[],
  verbs: readonly VerbEntry[],
  out: StreamOutput,
  err: StreamOutput,
  onBefore: (before: () => void) => void,
): Promise<number> {
  const first = argv[0];
  if (first === '--version') {
    await out.line(`kindling ${await version()}`);
    return 0;
  }
  const wantsHelp = first === '--help' || first === '-h' || first === 'help';
  const name = wantsHelp ? argv.find((word, at) => at > 0 && !word.startsWith('-')) : first;
  if (wantsHelp && name === undefined) {
    await out.write((await import('./usage.ts')).programHelp(verbs, out.columns));
    return 0;
  }
  if (name === undefined) {
    await err.write((await import('./usage.ts')).programHelp(verbs, err.columns));
    return 2;
  }
  const entry = await verbEntry(name, verbs);
  const verb = await entry.load();
  const { parse } = await import('./verb.ts');
  const words = wantsHelp ? ['--help'] : argv.slice(1);
  const parsed = verb.parse?.(words) ?? parse(verb, words);
  if (parsed.flag('help')) {
    await out.write((await import('./usage.ts')).verbHelp(verb, out.columns));
    return 0;
  }
  const { runInWorld } = await import('./run.ts');
  return await runInWorld(verb, parsed, out, err, onBefore);
}

async function verbEntry(name: string, verbs: readonly VerbEntry[]): Promise<VerbEntry> {
  const entry = verbs.find((candidate) => candidate.name === name);
  if (entry !== undefined) return entry;
  const { nearest } = await import('./verb.ts');
  if (name.startsWith('-') && Object.hasOwn(COMMON_OPTIONS, name.slice(2))) {
    throw new KindlingError('USAGE', `the verb comes before ${name}`);
  }
  const what = name.startsWith('-') ? `unknown option ${name}` : `unknown verb "${name}"`;
  const names = verbs.map((candidate) => candidate.name);
  throw new KindlingError('USAGE', `${what}${nearest(name, names, '')}`);
}

async function version(): Promise<string> {
  const { packageVersion } = await import('./version.ts');
  return packageVersion();
}

async function failed(error: unknown, words: readonly string[], out: StreamOutput, err: StreamOutput): Promise<number> {
  const { ReaderGone } = await import('./output.ts');
  // `kindling list X | head`: the reader has what it wanted. 128 + SIGPIPE is what a shell would show for any other program.
  if (error instanceof ReaderGone) return 141;
  const [report, { errnoError }] = await Promise.all([import('./report.ts'), import('../node/errno.ts')]);
  const found = report.asKindlingError(error, errnoError);
  // The words are looked at directly: the command line itself may be what could not be understood.
  const short = (letter: string): boolean => words.some((word) => /^-[a-zA-Z]+$/.test(word) && word.includes(letter));
  const verbosity = words.includes('--quiet') || short('q') ? -1 : words.includes('--verbose') || short('v') ? 1 : 0;
  try {
    for (const line of report.errorLines(found, verbosity)) await err.line(line);
    if (words.includes('--json')) await out.line(JSON.stringify(report.errorDocument(found), null, 2));
    await out.flush();
    await err.flush();
  } catch {
    // Nobody is left to tell; the exit code still says it.
  }
  return report.exitCodeOf(found);
}

// As the program and not as a module of a test: run by bin/kindling.
if (import.meta.main) {
  main(process.argv.slice(2)).then((code) => {
    process.exitCode = code;
  });
}

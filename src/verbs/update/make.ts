// Making the archive of one kernel anew: plan, look whether it would find its root, write it beside its place, read it back, and say what it
// was made from. Nothing that is there is changed here.

import { checkPlannedReach } from '../../archive/checks/index.ts';
import { IMAGE_FORMATS } from '../../archive/images/index.ts';
import { type Archive, checkDecoded, ID_PATH, inspect } from '../../archive/index.ts';
import { type ArchiveRecord, compareInputs, inputsOf, sameStat } from '../../archive/record/index.ts';
import { nameFromBytes, readAll } from '../../bytes/index.ts';
import type { CodecChoice, Encoder } from '../../codecs/index.ts';
import { type Finding, KindlingError } from '../../errors.ts';
import { forecast, type HostFacts, type Plan, type Root, type Settings, safeIn } from '../../plan/index.ts';
import type { Tree } from '../../tree/index.ts';
import { build, codecChoice } from '../build.ts';
import type { archiveImage } from '../image.ts';
import { type LayoutWord, pickLayout, type SquashedPlan, squashedForecast, squashPlan } from '../layout.ts';
import { planFor } from '../plan.ts';
import type { Judgement, JudgeOutside } from './judge.ts';
import { type Reuse, reuseFor } from './reuse.ts';
import { giveUp, type NewArchive, type WriteStore } from './store.ts';

/** What making needs of the outside beside what judging does. */
export interface MakeOutside extends JudgeOutside {
  readonly store: WriteStore;
  readonly encoders: ReadonlyMap<string, Encoder>;
  /** Facts of the machine, for scope "host". Throws NO_ENTRY where nobody has taken them. */
  facts(): HostFacts;
  /** What the running machine has mounted, where the root is the running one. */
  mounts(): HostFacts['mounts'];
  earlyTree(): Tree;
  squashScripts(): Tree;
  /** Compresses the image of a squashed archive while `made` writes. */
  withImage<T>(
    squashed: SquashedPlan,
    made: (image: ReturnType<typeof archiveImage>, onImage: (size: number) => void) => Promise<T>,
  ): Promise<{ readonly result: T; readonly imageSize: number }>;
  /** Told what is being done: a step, and how many bytes of how many. */
  onStep?(step: string, total?: number): void;
  onProgress?(done: number, detail: string): void;
}

/** An archive that is made, and not yet in its place. */
export interface Made {
  readonly archive: NewArchive;
  readonly record: ArchiveRecord;
  readonly settings: Settings;
  readonly plan: Plan;
  /** Facts that the plan used. */
  readonly host: HostFacts | undefined;
  /** What was found out about files, for the next run; undefined where it is not worth writing. */
  readonly known: Uint8Array | undefined;
}

/** What stands in the way: nothing was written. */
export interface Refusal {
  readonly findings: readonly Finding[];
}

const TRIES = 3;

/** What `update` plans with where no file says anything else. */
export const UPDATE_DEFAULTS = [{ name: 'check', value: 'warn' }] as const;

/** Makes an archive, again when the root changes meanwhile. Throws what planning and writing throw, and IO for a root that never rests. */
export async function make(judged: Judgement, outside: MakeOutside): Promise<Made | Refusal> {
  for (let turn = 1; ; turn += 1) {
    const made = await makeOnce(judged, outside);
    if ('findings' in made) return made;
    const path = changedMeanwhile(made.record, outside);
    if (path === undefined) return made;
    made.archive.discard();
    if (turn === TRIES) throw new KindlingError('IO', `the root changed while the archive was made, ${TRIES} times: /${path}`, { path });
  }
}

/** An input that is not what it was when the plan looked at it. Its digest may be of what it is now, so for a file its stat decides. */
function changedMeanwhile(record: ArchiveRecord, { root, sha256 }: MakeOutside): string | undefined {
  const { changes, touched } = compareInputs(record, root(), sha256);
  const stats = new Map(touched.map(({ path, stat }) => [path, stat]));
  const written = record.inputs.find(({ path, content, stat }) => {
    const now = stats.get(path);
    return content !== undefined && stat !== undefined && now !== undefined && !sameStat(now, stat);
  });
  return changes[0]?.path ?? written?.path;
}

async function makeOnce(judged: Judgement, outside: MakeOutside): Promise<Made | Refusal> {
  const { sha256, store, decoders } = outside;
  const began = outside.now();
  outside.onStep?.(`planning ${judged.kernel}`);
  const reuse = reuseFor(judged, began, outside);
  const { watched } = reuse;
  const { plan, configuration, host } = planFor(
    { kernel: judged.kernel, add: [], omit: [], defaults: UPDATE_DEFAULTS },
    { root: watched.root, decoders, file: () => undefined, hostFacts: () => outside.facts(), earlyTree: () => outside.earlyTree() },
  );
  const { settings } = configuration;
  const findings = [...plan.findings, ...reach(plan, watched.root, host, outside)].filter(({ severity }) => severity === 'error');
  if (findings.length > 0) return { findings };
  const codec = codecChoice(settings.codec[0]!, outside.encoders);
  const squashed = squashedFor(plan, settings.layout[0] as LayoutWord, watched.root, outside);
  checkRoom(judged, plan, squashed, settings, store);
  outside.onStep?.(`compressing ${judged.kernel}`, forecast(plan).contentSize);
  const { archive, imageSize } = await write(judged.name, plan, squashed, codec, reuse, outside);
  try {
    outside.onStep?.('reading it back');
    const id = reuse.reusedAny
      ? reuse.check(archive)
      : checkedId(inspect(archive.source(), { decoders, images: IMAGE_FORMATS }), archive, outside);
    const cast =
      squashed === undefined
        ? forecast(plan, archive.file.size)
        : squashedForecast(squashed, { archive: archive.file.size, image: imageSize });
    const trees = [
      plan.tree,
      ...(plan.microcode === undefined ? [] : [plan.microcode]),
      ...(squashed === undefined ? [] : [squashed.outside.tree]),
    ];
    const { size, mtime, inode } = archive.file;
    const record: ArchiveRecord = {
      kernel: judged.kernel,
      id,
      archive: { size, mtime, inode, sha256: archive.sha256 },
      made: began,
      words: { scope: plan.scope, layout: squashed?.layout ?? 'plain', codec: settings.codec[0]! },
      memory: cast.leastMemory,
      outside: outside.beyond(plan.scope),
      members: reuse.members(),
      inputs: inputsOf(watched.seen(), { trees, sha256, digestOf: reuse.digestOf, isSafe: safeIn(plan, settings.safe) }),
    };
    return { archive, record, settings, plan, host, known: reuse.facts() };
  } catch (error) {
    giveUp(archive);
    throw error;
  }
}

/** Errors about the way to the root: what the root's tables say, and of the running machine what it has mounted. */
function reach(plan: Plan, root: Root, host: HostFacts | undefined, outside: MakeOutside): Finding[] {
  const mounts = outside.mounts().filter(({ source }) => source.startsWith('/dev/'));
  const known = host ?? (mounts.length === 0 ? undefined : { ...NO_FACTS, mounts });
  return checkPlannedReach(plan.tree, { decoders: outside.decoders, kernel: plan.kernel, root, device: undefined, host: known });
}

const NO_FACTS: HostFacts = {
  facts: 1,
  kernel: '',
  modaliases: [],
  modules: [],
  loaded: [],
  chain: [],
  mounts: [],
  resume: '',
  commandLine: '',
};

function squashedFor(plan: Plan, layout: LayoutWord, root: Root, outside: MakeOutside): SquashedPlan | undefined {
  if (layout === 'plain') return undefined;
  const scripts = { squash: outside.squashScripts(), early: outside.earlyTree() };
  const request = { mode: 'return', roots: [root], moduleRoot: root, scripts, decoders: outside.decoders, codec: 'zstd' } as const;
  return layout === 'auto' ? pickLayout(plan, request).squashed : squashPlan(plan, { ...request, layout });
}

// An estimate may be too high by a third; what is really needed is known when the archive is written, and nothing has changed until then.
const ESTIMATE_SHARE = 0.7;

function checkRoom(judged: Judgement, plan: Plan, squashed: SquashedPlan | undefined, settings: Settings, store: WriteStore): void {
  const { free, isFat } = store.room();
  const cast = squashed === undefined ? forecast(plan) : squashedForecast(squashed);
  const copySize = isFat && settings.previous[0] === 'yes' ? (judged.file?.size ?? 0) : 0;
  const needed = Math.round(cast.archiveSize * ESTIMATE_SHARE) + copySize;
  if (needed <= free) return;
  const copy = copySize === 0 ? '' : `, ${copySize} of them for the previous archive (a FAT has no links)`;
  throw new KindlingError('NO_SPACE', `about ${needed} bytes are needed${copy}, ${free} are free`, { file: store.boot });
}

async function write(name: string, plan: Plan, squashed: SquashedPlan | undefined, codec: CodecChoice, reuse: Reuse, outside: MakeOutside) {
  const { store, sha256 } = outside;
  const onMember = ({ segment, unpackedSize }: { segment: string; unpackedSize: number }): void =>
    outside.onProgress?.(unpackedSize, segment);
  const options = { codec, sha256, onMember, ...reuse.encoding() };
  if (squashed === undefined) return { archive: await store.write(name, build(plan, options)), imageSize: 0 };
  const { result, imageSize } = await outside.withImage(squashed, (image, onImage) =>
    store.write(name, build(squashed.outside, { ...options, image, onImage })),
  );
  return { archive: result, imageSize };
}

/** What is on the disk now has to be what was meant. */
function checkedId(read: Archive, archive: NewArchive, { sha256 }: MakeOutside): string {
  const bad = checkDecoded(read, sha256).find(({ severity }) => severity === 'error');
  const entry = read.outer.get(ID_PATH);
  if (bad !== undefined || entry?.kind !== 'file') {
    throw new KindlingError('IO', `the new archive does not read back as it was written: ${bad?.message ?? 'it has no id'}`, {
      file: archive.path,
    });
  }
  return nameFromBytes(readAll(entry.content)).trim();
}

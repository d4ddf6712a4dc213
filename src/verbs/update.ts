// update: brings the archives of a root up to date, so that at every moment the old one or the new one is there, whole. The order of the
// steps is the promise (docs/update.md draws it): new archive beside the old one, synced and read back, then its record, then the old one's
// second name, then the one rename that matters, then everything that is of no use any more. Each step finds what a cut-off run left.
import { type ArchiveRecord, bootCheck, CHECK_NAME, FACTS_CACHE_NAME, printRecord } from '../archive/record/index.ts';
import { utf8 } from '../bytes/index.ts';
import { type Finding, KindlingError } from '../errors.ts';
import { kernelVersions, type Plan, printFacts, type Root } from '../plan/index.ts';
import { headOf, type Judgement, type JudgeOutside, judge, type RecordHead, recordHeads, seenText } from './update/judge.ts';
import type { Made, MakeOutside } from './update/make.ts';
import { FACTS_NAME, FAILSAFE_NAME, giveUp, kernelOfArchive, PROOF_NAME, previousName, RECORD_NAME, SEEN_NAME } from './update/store.ts';

export { type ArchiveState, type Judgement, type JudgeOutside, judge } from './update/judge.ts';
export type { MakeOutside } from './update/make.ts';
export { archiveName, type BootFile, FACTS_NAME, FAILSAFE_NAME, previousName, type ReadStore, type WriteStore } from './update/store.ts';

/** What a person said. */
export interface UpdateWords {
  /** Releases, or all that the root has. */
  readonly kernels: readonly string[] | 'all';
  /** Make archives anew that are in step. */
  readonly force: boolean;
}

/** An archive to be proven: it is whole and on the disk, and has neither its name nor a record yet. */
export interface ProofRequest {
  readonly archive: string;
  readonly kernel: string;
  readonly id: string;
  readonly plan: Plan;
}

/** What came of a proof. Throwing leaves everything as it was, like a refusal. */
export interface ProofAnswer {
  readonly accepted: boolean;
  readonly why: string;
  /** To be kept beside the record as proof.json. */
  readonly proof: Uint8Array | undefined;
}

/** What updating needs of the outside. */
export interface UpdateOutside extends MakeOutside {
  /** Why an archive that is put into boot/ would not be booted. */
  bootFault?(): Finding | undefined;
  /** Whether facts of this machine are to be kept in the root, for who updates it from elsewhere. */
  readonly keepsFacts: boolean;
  /** Boots the new archive before it gets its place. */
  prove?(request: ProofRequest): Promise<ProofAnswer>;
  /** Told what came of each kernel. */
  onResult?(result: UpdateResult): void;
  /** Told when every archive of the root is in step. */
  onAllInStep?(): void;
}

/** What happened to one archive. Only the first three leave it in step. */
export type Outcome = 'in step' | 'made' | 'refreshed' | 'needed' | 'refused' | 'failed';

/** The answer for one kernel. */
export interface UpdateResult {
  readonly kernel: string;
  /** Name in boot/. */
  readonly name: string;
  readonly outcome: Outcome;
  readonly judgement: Judgement;
  /** Why it was refused. */
  readonly findings: readonly Finding[];
  /** Why it failed. */
  readonly error: KindlingError | undefined;
  /** Of the archive that is there now; absent where it is not in step. */
  readonly id: string | undefined;
  readonly size: number | undefined;
  /** Whether the archive that was replaced is kept. */
  readonly keptPrevious: boolean;
}

function result(judgement: Judgement, outcome: Outcome, more: Partial<UpdateResult> = {}): UpdateResult {
  const { kernel, name } = judgement;
  return { kernel, name, outcome, judgement, findings: [], error: undefined, id: undefined, size: undefined, keptPrevious: false, ...more };
}

/** The kernels to work on. Throws NO_KERNEL for one that is not in the root, and where there is none. */
export function kernelsFor({ kernels }: Pick<UpdateWords, 'kernels'>, root: Root): readonly string[] {
  const held = kernelVersions(root);
  if (kernels === 'all') {
    if (held.length === 0) throw new KindlingError('NO_KERNEL', `${root.label} holds no kernel`, { file: root.label });
    return held;
  }
  for (const kernel of kernels) {
    if (held.includes(kernel)) continue;
    throw new KindlingError('NO_KERNEL', `${root.label} holds no kernel ${kernel}, only ${held.join(', ') || 'none'}`, {
      file: root.label,
    });
  }
  return kernels;
}

/** Whether archives need an update, and why. Nothing is written, not even a lock. */
export async function needed(words: UpdateWords, outside: JudgeOutside): Promise<UpdateResult[]> {
  const heads = recordHeads(outside.store);
  const results: UpdateResult[] = [];
  for (const kernel of kernelsFor(words, outside.root())) {
    const judged = await judge(kernel, outside, heads);
    results.push(
      judged.state === 'foreign'
        ? result(judged, 'failed', { error: conflict(judged, outside) })
        : result(judged, outcomeOf(judged, words.force)),
    );
  }
  return results;
}

function outcomeOf({ state }: Judgement, force: boolean): Outcome {
  return state === 'in step' && !force ? 'in step' : 'needed';
}

function conflict({ name, why }: Judgement, { store }: JudgeOutside): KindlingError {
  return new KindlingError('CONFLICT', `${why}; it is not touched`, { file: `${store.boot}/${name}` });
}

/** What the content of one kernel's root or archive causes does not keep the others from being updated; a disk that fails does. */
function concernsOne(error: unknown): error is KindlingError {
  return (
    error instanceof KindlingError &&
    !['NO_SPACE', 'NO_PERMISSION', 'READ_ONLY', 'IO', 'INTERRUPTED', 'INTERNAL', 'USAGE'].includes(error.code)
  );
}

/** Updates. The caller holds the root's lock. Throws what makes going on useless; what concerns one kernel is in its result. */
export async function update(words: UpdateWords, outside: UpdateOutside): Promise<UpdateResult[]> {
  const { store } = outside;
  const kernels = kernelsFor(words, outside.root());
  store.sweep();
  const results: UpdateResult[] = [];
  for (const kernel of kernels) {
    let done: UpdateResult;
    const judged = await judge(kernel, outside);
    try {
      done = await updateOne(judged, words.force, outside);
    } catch (error) {
      if (!concernsOne(error)) throw error;
      done = result(judged, 'failed', { error });
    }
    results.push(done);
    outside.onResult?.(done);
  }
  dropUnused(outside);
  if (words.kernels === 'all' && results.every(({ outcome }) => ['in step', 'made', 'refreshed'].includes(outcome)))
    outside.onAllInStep?.();
  return results;
}

async function updateOne(judged: Judgement, force: boolean, outside: UpdateOutside): Promise<UpdateResult> {
  if (judged.state === 'foreign') throw conflict(judged, outside);
  const { record, file } = judged;
  if (judged.state === 'in step' && !force && record !== undefined && file !== undefined) {
    await refreshInStep(judged, record, outside);
    return result(judged, 'in step', { id: record.id, size: file.size });
  }
  const fault = outside.bootFault?.();
  if (fault !== undefined) return result(judged, 'refused', { findings: [fault] });
  const { make } = await import('./update/make.ts');
  const made = await make(judged, outside);
  if ('findings' in made) return result(judged, 'refused', { findings: made.findings });
  try {
    return await put(judged, made, force, outside);
  } catch (error) {
    giveUp(made.archive);
    throw error;
  }
}

async function put(judged: Judgement, made: Made, force: boolean, outside: UpdateOutside): Promise<UpdateResult> {
  const { store } = outside;
  const { id } = made.record;
  if (made.host !== undefined && outside.keepsFacts) await keepFacts(made, outside);
  const current = judged.record;
  const sameWords = current !== undefined && ['layout', 'codec'].every((word) => current.words[word] === made.record.words[word]);
  if (!force && current?.id === id && sameWords && judged.file !== undefined && judged.state === 'stale') {
    made.archive.discard();
    const { archive, members } = current;
    const { size, mtime, inode } = judged.file;
    await writeRecord({ ...made.record, members, archive: { size, mtime, inode, sha256: archive.sha256 } }, outside);
    await writeSeen(judged.name, id, { ...archive, mtime, inode }, outside);
    return result(judged, 'refreshed', { id, size });
  }
  const answer = await outside.prove?.({ archive: made.archive.path, kernel: judged.kernel, id, plan: made.plan });
  if (answer !== undefined && !answer.accepted) {
    made.archive.discard();
    return result(judged, 'refused', { findings: [{ code: 'proof-refused', severity: 'error', where: {}, message: answer.why }] });
  }
  await writeRecord(made.record, outside, answer?.proof);
  const keeps = made.settings.previous[0] === 'yes' && judged.state !== 'missing' && judged.state !== 'damaged' && current?.id !== id;
  if (keeps) await store.keepPrevious(judged.name);
  made.archive.place();
  await writeSeen(judged.name, id, made.record.archive, outside);
  await keepKnown(made, outside);
  return result(judged, 'made', { id, size: made.archive.file.size, keptPrevious: keeps });
}

/** Only time is lost without it, and the archive is in its place: a disk that has no room for it is no failure. */
async function keepKnown({ known }: Made, { store }: UpdateOutside): Promise<void> {
  if (known === undefined) return;
  try {
    await store.writeShared(FACTS_CACHE_NAME, known);
  } catch (error) {
    if (!(error instanceof KindlingError) || error.code !== 'NO_SPACE') throw error;
  }
}

async function keepFacts({ host }: Made, { store }: UpdateOutside): Promise<void> {
  const text = utf8(printFacts(host!));
  const before = store.recordFile('', FACTS_NAME);
  if (before !== undefined && before.length === text.length && before.every((byte, at) => byte === text[at])) return;
  await store.writeShared(FACTS_NAME, text);
}

async function writeRecord(record: ArchiveRecord, { store, sha256 }: UpdateOutside, proof?: Uint8Array): Promise<void> {
  const files = new Map([
    [CHECK_NAME, bootCheck(record, sha256)],
    ...(proof === undefined ? [] : [[PROOF_NAME, proof] as const]),
    [RECORD_NAME, printRecord(record, sha256)],
  ]);
  await store.writeRecord(record.id, files, modeOf(record));
}

/** Everybody may read a record unless it has digests of files that not everybody may read. */
function modeOf({ inputs }: ArchiveRecord): number {
  return inputs.some(({ kind, mode, content }) => kind === 'file' && content !== undefined && (mode & 0o004) === 0) ? 0o600 : 0o644;
}

/** Notes what the archive's stat is now, if it is still the file it should be. Without it the next run reads the archive once. */
async function writeSeen(name: string, id: string, archive: ArchiveRecord['archive'], { store }: UpdateOutside): Promise<void> {
  const file = store.look(name);
  if (file === undefined || file.size !== archive.size || file.mtime !== archive.mtime || file.inode !== archive.inode) return;
  await store.writeRecord(id, new Map([[SEEN_NAME, utf8(seenText(file, archive.sha256))]]), 0o644);
}

/** A record that is true, but would make the next look slow: inputs that were only touched, an archive that was copied back. */
async function refreshInStep(judged: Judgement, record: ArchiveRecord, outside: UpdateOutside): Promise<void> {
  const { touched, file, moved } = judged;
  const { size, mtime, inode } = file!;
  const archive = { size, mtime, inode, sha256: record.archive.sha256 };
  if (touched.length > 0 || moved) {
    const now = new Map(touched.map((input) => [input.path, input]));
    // What was compared just now was compared after this run began; `made` may not be later than that.
    const inputs = record.inputs.map((input) => now.get(input.path) ?? input);
    await writeRecord({ ...record, archive, inputs, made: judged.at }, outside);
  }
  const seen = outside.store.recordFile(record.id, SEEN_NAME);
  const text = utf8(seenText(file!, archive.sha256));
  if (seen === undefined || seen.length !== text.length || seen.some((byte, at) => byte !== text[at])) {
    await writeSeen(judged.name, record.id, archive, outside);
  }
}

/** Removes records that no archive of the root has, current or previous, of whatever kernel. */
function dropUnused(outside: UpdateOutside): void {
  const { store } = outside;
  const heads = recordHeads(store);
  const used = new Set<string>();
  for (const name of store.bootNames()) {
    const plain = name.endsWith('.previous') ? name.slice(0, -'.previous'.length) : name;
    if (kernelOfArchive(plain) === undefined && plain !== FAILSAFE_NAME) continue;
    const file = store.look(name);
    if (file?.isFile !== true) continue;
    const same = ({ size, mtime, inode }: RecordHead): boolean => size === file.size && mtime === file.mtime && inode === file.inode;
    const head = heads.find(same) ?? headOf(file, heads, outside)?.head;
    if (head !== undefined) used.add(head.id);
  }
  for (const id of store.ids()) if (!used.has(id)) store.dropRecord(id);
}

/** Name of the archive that a kernel's was before the last update, when there is one. */
export function previousOf(kernel: string, outside: Pick<JudgeOutside, 'store'>) {
  return outside.store.look(previousName(kernel));
}

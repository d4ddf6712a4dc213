// A root with what crash dumps need: Debian's, with kexec-tools and makedumpfile and their libraries laid over it.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CLONE, debianKernel, debianRoot, fetchPackages, linkTree, once, run } from '../world/index.ts';
import { unpackPackages } from '../world/unpack.ts';

// makedumpfile depends on a whole Perl for a script that nothing here runs
const LIBRARIES = /^(kexec-tools|makedumpfile|lib(dw1|elf1|lzo2-2|xen\S*|zstd1|bz2-1\.0|lzma5)|zlib1g)$/;

/** A Debian root with kexec and makedumpfile. Made once. */
export async function crashRoot(): Promise<string> {
  const { folder } = await debianRoot('amd64');
  const packages = await fetchPackages('amd64', 'kdump', ['kexec-tools', 'makedumpfile'], LIBRARIES);
  return once(`kdump-${folder.split('/').at(-2)}`, (scratch) => {
    const extra = `${scratch}.packages`;
    rmSync(extra, { recursive: true, force: true });
    unpackPackages(
      packages.map(({ path }) => path),
      extra,
    );
    linkTree(folder, scratch);
    linkTree(join(extra, 'usr'), join(scratch, 'usr'));
    rmSync(extra, { recursive: true, force: true });
  });
}

/** Facts of a machine with one virtio disk: its capture archive is small and finds the disk at once. */
const VIRTIO = {
  facts: 1,
  modaliases: ['pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00', 'virtio:d00000002v00001AF4'],
  modules: [],
  loaded: ['virtio_pci', 'virtio_blk', 'ext4'],
  chain: ['virtio_pci', 'virtio_blk'],
  mounts: [],
  resume: '',
  commandLine: '',
};

/** What `kindling kdump --json` prints, as far as it is looked at. */
export interface KdumpDocument {
  readonly layout: string;
  readonly size: number;
  readonly reserve: { readonly advised: number };
  readonly use: { readonly crashkernel: string };
  readonly proof: {
    readonly reached: boolean;
    readonly memory: { readonly reserved: number; readonly total: number; readonly leastAvailable: number };
    readonly dump: Readonly<Record<string, unknown>> | null;
    readonly findings: readonly { readonly code: string }[];
    readonly proof: {
      readonly reason: { readonly code: string; readonly text: string } | null;
      readonly phases: readonly { readonly name: string; readonly uptime: number }[];
      readonly facts: Readonly<Record<string, string>>;
      readonly console: string;
    };
  } | null;
}

/** One run of the verb. */
export interface KdumpRun {
  readonly code: number;
  readonly stderr: string;
  readonly document: KdumpDocument;
  /** The archive. */
  readonly archive: string;
}

let folder: string | undefined;
let runs = 0;

/** A path for a file of this test process, gone with it. */
export function scratchFile(name: string): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'kindling-crash-'));
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return join(folder, name);
}

/** Runs `kindling kdump --json` for the virtio machine. */
export async function kdump(root: string, words: readonly string[]): Promise<KdumpRun> {
  const facts = scratchFile('virtio.json');
  writeFileSync(facts, JSON.stringify({ ...VIRTIO, kernel: (await debianKernel('amd64')).version }));
  const archive = scratchFile(`capture-${runs++}.img`);
  const all = ['kdump', '--json', '--quiet', '--root', root, '--scope', 'host', '--facts', facts, '-o', archive, ...words];
  const ran = await run(join(CLONE, 'bin/kindling'), all);
  const document: KdumpDocument = JSON.parse(ran.stdout.toString());
  const console = document.proof?.proof.console;
  if (console !== undefined) process.once('exit', () => rmSync(dirname(console), { recursive: true, force: true }));
  return { code: ran.code, stderr: ran.stderr, document, archive };
}

/** Fails with the reason and the end of the console when the dump was not saved, or is not whole. */
export function assertProven({ code, document, stderr }: KdumpRun): void {
  const proof = document.proof?.proof;
  const tail = proof === undefined ? stderr : readFileSync(proof.console, 'utf8').split('\n').slice(-25).join('\n');
  assert.equal(code, 0, `${JSON.stringify(proof?.reason)} ${JSON.stringify(document.proof?.findings)}\n${tail}`);
}

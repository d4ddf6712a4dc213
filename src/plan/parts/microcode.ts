// microcode: updates for the processor, in the early segment that the kernel reads before anything is unpacked
// (Documentation/arch/x86/microcode.rst): all Intel files joined, all AMD files joined.
import { type ByteSource, concat, lazySource, readAll } from '../../bytes/index.ts';
import { type FileEntry, file, joinPath } from '../../tree/index.ts';
import type { Part } from '../part.ts';
import type { Wanted } from '../plan.ts';
import { type Root, resolve } from '../root.ts';

const VENDORS = [
  { vendor: 'GenuineIntel', directory: 'intel-ucode', form: /^[0-9a-f]{2}-[0-9a-f]{2}-[0-9a-f]{2}(\.(initramfs|early))?$/ },
  { vendor: 'AuthenticAMD', directory: 'amd-ucode', form: /^microcode_amd.*\.bin$/ },
] as const;
const FILES_MOST = 4096;

function filesOf(root: Root, directory: string, form: RegExp): FileEntry[] {
  const home = ['lib/firmware', 'usr/lib/firmware']
    .map((base) => resolve(root, `${base}/${directory}`))
    .find(({ entry }) => entry?.kind === 'directory');
  if (home === undefined) return [];
  const names = root
    .names(home.path)
    .filter((name) => form.test(name))
    .slice(0, FILES_MOST);
  // A file made for early loading stands in for the one of the same processor.
  const best = names.filter((name) => !names.includes(`${name}.early`) && !names.includes(`${name}.initramfs`));
  return best.flatMap((name) => {
    const { entry } = resolve(root, joinPath(home.path, name));
    return entry?.kind === 'file' && entry.content.size > 0 ? [entry] : [];
  });
}

function joined(files: readonly FileEntry[]): ByteSource {
  const size = files.reduce((sum, { content }) => sum + content.size, 0);
  return lazySource(size, () => concat(files.map(({ content }) => readAll(content))));
}

/** The microcode part. */
export const microcode: Part = {
  name: 'microcode',
  summary: "processor microcode of the root's firmware, loaded before anything else",
  when: 'default',
  wants({ root, kernel, scope, host }) {
    if (kernel.machine !== undefined && kernel.machine !== 'x86_64' && kernel.machine !== '386') return {};
    const wanted: Wanted[] = [];
    for (const { vendor, directory, form } of VENDORS) {
      if (scope === 'host' && host?.processor !== undefined && host.processor !== vendor) continue;
      const files = filesOf(root, directory, form);
      if (files.length === 0) continue;
      const text = `microcode for ${vendor} processors, ${files.length} file${files.length === 1 ? '' : 's'} of ${directory}`;
      wanted.push({
        entry: file(`kernel/x86/microcode/${vendor}.bin`, joined(files)),
        segment: 'microcode',
        reason: { part: 'microcode', text },
      });
    }
    return { microcode: wanted };
  },
};

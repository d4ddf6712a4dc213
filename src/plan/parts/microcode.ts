// microcode: updates for the processor, in the early segment that the kernel reads before anything is unpacked
// (Documentation/arch/x86/microcode.rst): all Intel files joined, all AMD files joined.
import { type ByteSource, bytesSource, concat, lazySource, readAll } from '../../bytes/index.ts';
import { type Decoder, detectDecoder } from '../../codecs/index.ts';
import { KindlingError } from '../../errors.ts';
import { type FileEntry, file, joinPath } from '../../tree/index.ts';
import type { Part } from '../part.ts';
import type { Wanted } from '../plan.ts';
import { type Root, resolve } from '../root.ts';

const VENDORS = [
  { vendor: 'GenuineIntel', directory: 'intel-ucode', form: /^[0-9a-f]{2}-[0-9a-f]{2}-[0-9a-f]{2}(\.(initramfs|early))?(\.xz|\.zst)?$/ },
  { vendor: 'AuthenticAMD', directory: 'amd-ucode', form: /^microcode_amd.*\.bin(\.xz|\.zst)?$/ },
] as const;
const FILES_MOST = 4096;
const SIZE_MOST = 64 * 1024 * 1024;

function filesOf(root: Root, directory: string, form: RegExp): FileEntry[] {
  const homes = ['lib/firmware', 'usr/lib/firmware'].map((base) => resolve(root, `${base}/${directory}`));
  const home = homes.find(({ entry }) => entry?.kind === 'directory');
  if (home === undefined) return [];
  const names = root
    .names(home.path)
    .filter((name) => form.test(name))
    .slice(0, FILES_MOST);
  // A file made for early loading stands in for the one of the same processor, a plain file for its compressed twin.
  const best = names.filter(
    (name) => ![`${name}.early`, `${name}.initramfs`].some((other) => names.includes(other)) && !names.includes(plain(name)),
  );
  return best.flatMap((name) => {
    const { entry } = resolve(root, joinPath(home.path, name));
    return entry?.kind === 'file' && entry.content.size > 0 ? [entry] : [];
  });
}

/** The name without the suffix of a compression; "" when it has none. */
function plain(name: string): string {
  return /\.(xz|zst)$/.test(name) ? name.replace(/\.(xz|zst)$/, '') : '';
}

function uncompressed({ content, path }: FileEntry, decoders: readonly Decoder[]): ByteSource {
  if (!/\.(xz|zst)$/.test(path)) return content;
  const decoder = detectDecoder(decoders, content.read(0, Math.min(16, content.size)));
  if (decoder === undefined) throw new KindlingError('UNSUPPORTED', 'the microcode is compressed in a way that is not known', { path });
  return bytesSource(decoder.decode(readAll(content), SIZE_MOST).bytes);
}

function joined(parts: readonly ByteSource[]): ByteSource {
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  return lazySource(size, () => concat(parts.map(readAll)));
}

/** The microcode part. */
export const microcode: Part = {
  name: 'microcode',
  summary: "processor microcode of the root's firmware, loaded before anything else",
  when: 'default',
  wants({ root, kernel, scope, host, decoders }) {
    if (kernel.machine !== undefined && kernel.machine !== 'x86_64' && kernel.machine !== '386') return {};
    const wanted: Wanted[] = [];
    for (const { vendor, directory, form } of VENDORS) {
      if (scope === 'host' && host?.processor !== undefined && host.processor !== vendor) continue;
      const files = filesOf(root, directory, form);
      if (files.length === 0) continue;
      const text = `microcode for ${vendor} processors, ${files.length} file${files.length === 1 ? '' : 's'} of ${directory}`;
      wanted.push({
        entry: file(`kernel/x86/microcode/${vendor}.bin`, joined(files.map((one) => uncompressed(one, decoders)))),
        segment: 'microcode',
        reason: { part: 'microcode', text },
      });
    }
    return { microcode: wanted };
  },
};

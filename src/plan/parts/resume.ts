// resume: where a suspended system lies, as the root's configuration or the host says. The command line's resume= wins at boot.
import { linesOf } from '../drop-ins.ts';
import type { Part } from '../part.ts';
import { findFile } from '../root.ts';

/** The resume part. */
export const resume: Part = {
  name: 'resume',
  summary: 'resuming from the device that the root or the machine names',
  when: 'default',
  wants({ root, scope, host }) {
    if (scope === 'host' && host !== undefined && host.resume !== '') return { early: { RESUME: host.resume } };
    const found = findFile(root, 'etc/initramfs-tools/conf.d/resume');
    const words = found === undefined ? [] : linesOf(found).flatMap((line) => /^RESUME=["']?([^"'\s]+)/.exec(line)?.[1] ?? []);
    const device = words.at(-1);
    return device === undefined || device === 'none' || device === 'auto' ? {} : { early: { RESUME: device } };
  },
};

// modprobe-config: options, aliases, blacklists and install commands of the root, for the modprobe of early userspace.
import { file } from '../../tree/index.ts';
import { dropIns } from '../drop-ins.ts';
import type { Part } from '../part.ts';

/** The modprobe-config part. */
export const modprobeConfig: Part = {
  name: 'modprobe-config',
  summary: 'modprobe.d of the root, as far as it is in force',
  when: 'default',
  wants: ({ root }) => ({
    // All in /etc: busybox's modprobe reads no other place, and kmod gives this one precedence.
    entries: dropIns(root, 'modprobe.d').map(({ name, path, entry }) => ({
      entry: file(`etc/modprobe.d/${name}`, entry.content),
      segment: 'configuration',
      reason: { part: 'modprobe-config', text: `module options and rules of the root's /${path}` },
    })),
  }),
};

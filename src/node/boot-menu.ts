// GRUB's menu, written anew by the distribution's own program; for the running system alone, because nothing of another root is ever run.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { findTool, runTool } from './tools.ts';

/** What became of the menu. */
export interface MenuWritten {
  readonly done: boolean;
  /** It should have been written and was not. */
  readonly failed: boolean;
  /** The command that was, or should be, run. */
  readonly command: string;
  /** Why it was not, or its last words. */
  readonly why: string;
}

const CONFIGS = ['/boot/grub/grub.cfg', '/boot/grub2/grub.cfg'];
const TIME_MOST = 10 * 60 * 1000;

/** Runs update-grub, or grub-mkconfig on the file that is there. */
export async function writeBootMenu(base: string): Promise<MenuWritten> {
  const config = CONFIGS.find((path) => existsSync(`${base}${path}`));
  if (resolve(base) !== '/')
    return { done: false, failed: false, command: `chroot ${base} update-grub`, why: 'nothing of another root is run' };
  const words =
    findTool('update-grub') !== undefined
      ? ['update-grub']
      : [findTool('grub2-mkconfig') === undefined ? 'grub-mkconfig' : 'grub2-mkconfig', '-o', config ?? CONFIGS[0]!];
  const command = words.join(' ');
  if (config === undefined) return { done: false, failed: false, command, why: 'there is no grub.cfg: GRUB does not start this machine' };
  if (findTool(words[0]!) === undefined) return { done: false, failed: true, command, why: `${words[0]} is not installed` };
  const ran = await runTool(words[0]!, words.slice(1), { timeout: TIME_MOST });
  if (ran.code === 0) return { done: true, failed: false, command, why: ran.stderr.trim() };
  return { done: false, failed: true, command, why: `it ended with ${ran.code}: ${ran.stderr.trim().split('\n').at(-1) ?? ''}` };
}

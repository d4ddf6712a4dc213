// systemd told of units that came or went; for the running system alone.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { findTool, runTool } from './tools.ts';

const TIME_MOST = 90 * 1000;

/** Has systemd read its units anew and starts some. Answers what went wrong; undefined also where systemd does not run or it is another root. */
export async function reloadServices(base: string, start: readonly string[]): Promise<string | undefined> {
  if (resolve(base) !== '/' || !existsSync('/run/systemd/system') || findTool('systemctl') === undefined) return undefined;
  for (const words of [['daemon-reload'], ...(start.length === 0 ? [] : [['start', ...start]])]) {
    const { code, stderr } = await runTool('systemctl', words, { timeout: TIME_MOST });
    if (code !== 0) return `systemctl ${words.join(' ')} ended with ${code}: ${stderr.trim()}`;
  }
  return undefined;
}

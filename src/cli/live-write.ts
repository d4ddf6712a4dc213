// kindling live write IMAGE DEVICE: shows what is about to be destroyed, asks, writes, reads back (docs/live-write.md).
import { type ByteSource, sliceSource } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { onInterrupt } from '../node/cleanup.ts';
import { openDevice } from '../node/device.ts';
import { type DeviceWorld, deviceFacts, OWN_DEVICES } from '../node/device-facts.ts';
import { runningSha256 } from '../node/digest.ts';
import { fileSource } from '../node/source.ts';
import { type DeviceWriter, type ReadBack, type Written, writeImage } from '../verbs/live-write.ts';
import { contentsOf, type DeviceContents, isDiskImage } from '../verbs/live-write-contents.ts';
import { type DeviceFacts, isNamed, refusals } from '../verbs/live-write-guards.ts';
import { printable } from './report.ts';
import { type Parsed, usageError } from './verb.ts';
import type { World } from './world.ts';

export { LIVE_WRITE_OPTIONS } from './live-write-words.ts';

/** What a test hands in instead of the machine. */
export interface WriteMachine {
  readonly devices: DeviceWorld;
  open(path: string, size: number): Promise<DeviceWriter>;
  /** What the device holds before. */
  read(path: string): ByteSource;
  /** Puts a question to a person; undefined where nobody can be asked. */
  readonly ask: ((question: string) => Promise<string | undefined>) | undefined;
}

function ownMachine(world: World): WriteMachine {
  const canAsk = process.stdin.isTTY === true && world.err.isTerminal && !world.json;
  return {
    devices: OWN_DEVICES,
    open: openDevice,
    read: fileSource,
    ask: canAsk ? askOnTerminal : undefined,
  };
}

async function askOnTerminal(question: string): Promise<string | undefined> {
  const { terminalAsk } = await import('./itu/menu.ts');
  const terminal = await terminalAsk();
  try {
    return await terminal.ask(question);
  } finally {
    terminal.close();
  }
}

/** Runs `live write`. The positionals are IMAGE and DEVICE, after the word "write" where that is one of them. */
export async function liveWrite(parsed: Parsed, world: World, machine: WriteMachine = ownMachine(world)): Promise<number> {
  const words = parsed.positionals[0] === 'write' ? parsed.positionals.slice(1) : parsed.positionals;
  const [path, device] = words;
  if (path === undefined || device === undefined) throw usageError('live write: IMAGE and DEVICE are needed');
  if (words.length > 2) throw usageError(`live write: unexpected argument "${words[2]}"`);
  const image = fileSource(path);
  const facts = deviceFacts(device, machine.devices);
  const found = refusals(facts, { imageSize: image.size, force: parsed.value('force') });
  const held = heldBy(device, machine, found.length > 0);
  const warnings = isDiskImage(image) ? [] : [`${printable(path)} has no partition table and is no ISO image: no firmware would start it`];
  const document = { image: path, imageSize: image.size, device: facts, contents: held, refusals: found, warnings };
  for (const warning of warnings) world.warn(warning);
  for (const line of described(facts, held)) world.note(line);
  if (found.length > 0) {
    for (const { message } of found) await world.err.line(`${world.err.style('red', 'refused:')} ${printable(message)}`);
    if (world.json) await world.document({ ...document, written: false });
    return 1;
  }
  if (parsed.flag('dry-run')) {
    if (world.json) await world.document({ ...document, written: false });
    else await world.out.line(`would write ${printable(path)} (${mib(image.size)}) to ${printable(device)}, and read it back`);
    return 0;
  }
  if (!(await allowed(parsed, facts, machine))) {
    world.note('nothing was written');
    if (world.json) await world.document({ ...document, written: false });
    return 1;
  }
  const startedAt = world.now();
  const written = await write(image, facts, world, machine);
  if (world.json) await world.document({ ...document, written: true, ...written });
  else for (const line of told(written, facts, (world.now() - startedAt) / 1000)) world.note(line);
  return 0;
}

/** What is on the device. Of one that is refused anyway it does not matter when it cannot be read: perhaps that is part of the reason. */
function heldBy(device: string, machine: WriteMachine, isRefused: boolean): DeviceContents {
  try {
    return contentsOf(machine.read(device));
  } catch (error) {
    if (isRefused && error instanceof KindlingError) return { scheme: 'none', parts: [] };
    throw error;
  }
}

const mib = (size: number): string => (size < 1 << 30 ? `${(size / (1 << 20)).toFixed(1)} MiB` : `${(size / (1 << 30)).toFixed(1)} GiB`);

/** The device and what is on it. */
function described(facts: DeviceFacts, { scheme, parts }: DeviceContents): string[] {
  const serial = facts.serial === '' ? '' : `, serial ${printable(facts.serial)}`;
  const kind = `${facts.removable ? 'removable, ' : ''}${facts.bus}`;
  const lines = [`${printable(facts.path)}: ${printable(facts.model) || 'no model'}${serial}, ${mib(facts.size)}, ${kind}`];
  if (scheme !== 'none') lines.push(`  a partition table (${scheme === 'gpt' ? 'GPT' : 'MBR'})`);
  for (const { index, size, type, label } of parts) {
    const what = `${type === '' ? 'unknown contents' : type}${label === '' ? '' : ` "${printable(label)}"`}`;
    lines.push(index === 0 ? `  on the whole device: ${what}` : `  partition ${index}: ${mib(size)}, ${what}`);
  }
  if (scheme === 'none' && parts.length === 0) lines.push('  nothing that is known');
  return lines;
}

/** Whether the person means this very device. Throws USAGE where nobody can be asked and --yes does not say it. */
async function allowed(parsed: Parsed, facts: DeviceFacts, { ask }: WriteMachine): Promise<boolean> {
  const yes = parsed.value('yes');
  if (yes !== undefined) {
    if (isNamed(facts, yes)) return true;
    throw usageError(`live write: --yes names ${yes}, the device is ${facts.path}`);
  }
  if (ask === undefined) {
    throw usageError(`live write: nobody can be asked here; --yes ${facts.name} says that everything on it may be destroyed`);
  }
  const answer = await ask(`Everything on ${facts.name} will be destroyed. Type ${facts.name} to go on: `);
  return answer?.trim() === facts.name;
}

async function write(image: ByteSource, facts: DeviceFacts, world: World, machine: WriteMachine): Promise<Written> {
  const device = await machine.open(facts.path, facts.size);
  // looked at again, now that nobody else can have it
  const [late] = refusals(deviceFacts(facts.path, machine.devices), { imageSize: image.size, force: facts.name });
  if (late !== undefined) {
    await device.close();
    throw new KindlingError('IO', late.message, late.where);
  }
  // nothing of standard error's own machinery runs any more when a signal ends the process
  const half = () => process.stderr.write(`\n${facts.path} is only half written: nothing on it can be used. Write it again.\n`);
  const withdraw = onInterrupt(half);
  try {
    let [current, since, from]: [string, number, number] = ['', world.now(), 0];
    const written = await writeImage(sliceSource(image, 0), device, {
      digest: runningSha256,
      onStep(step, done) {
        if (step !== current) {
          world.progress.step(step, image.size);
          [current, since, from] = [step, world.now(), done];
        }
        const seconds = (world.now() - since) / 1000;
        const rate = seconds < 0.5 ? '' : `, ${mib((done - from) / seconds)}/s`;
        world.progress.advance(done, `${mib(done)} of ${mib(image.size)}${rate}`);
      },
    });
    world.progress.clear();
    return written;
  } catch (error) {
    world.progress.clear();
    await world.err.line(`${facts.path} is only half written, or not as it should be: nothing on it can be relied on.`);
    throw error;
  } finally {
    withdraw();
    await device.close();
  }
}

const READ_BACK: Readonly<Record<ReadBack, string>> = {
  direct: 'read back from the device and compared',
  flushed: "read back after the kernel's memory of it was dropped, and compared",
  cached: "read back and compared, perhaps out of the kernel's memory: this device can be read in no other way",
};

function told({ size, sha256, readBack, table, endBlanked }: Written, { path }: DeviceFacts, seconds: number): string[] {
  const lines = [`${printable(path)}: ${mib(size)} written and ${READ_BACK[readBack]}, ${seconds.toFixed(1)} s`, `SHA-256 ${sha256}`];
  if (endBlanked) lines.push('the last MiB of the device was blanked: an older backup partition table may have been there');
  if (table === 'refused') lines.push('the kernel did not read the new partition table: unplug the device and plug it in again');
  if (table === 'no-program')
    lines.push('blockdev is not installed: unplug the device and plug it in again for its new partitions to be seen');
  return lines;
}

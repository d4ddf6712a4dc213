// kindling live: parses, makes a bootable medium of a root, and writes it in the form asked for (docs/live.md).
import { nodeEncoders } from '../../node/codecs.ts';
import { type LiveStore, liveStore } from '../../node/live-store.ts';
import { makeRecipeRoot } from '../../node/recipe.ts';
import { codecChoice } from '../../verbs/build.ts';
import { type LiveForecast, type LiveMedium, type LiveWords, liveForecast, liveMedium } from '../../verbs/live.ts';
import { blockWords, sharedBlocks } from '../block-words.ts';
import { diskWords } from '../live-disk.ts';
import { FORMS, formOf, type LiveForm, type MadeMedium } from '../live-forms.ts';
import { openLive } from '../live-outside.ts';
import { BUNDLE_CODEC, LIVE_OPTIONS, mediaWords, TIMEOUT } from '../live-words.ts';
import { LIVE_WRITE_OPTIONS } from '../live-write-words.ts';
import { printable } from '../report.ts';
import { type Parsed, usageError, type Verb } from '../verb.ts';
import type { World } from '../world.ts';

const MIB = 1 << 20;

/** The `live` verb. */
export const live: Verb = {
  name: 'live',
  summary: 'make bootable live media: ISO, USB stick, disk or folder',
  description: [
    'Takes a root (a directory or any image kindling reads) and makes a medium that boots it without being installed: the root as compressed bundles, its kernel, a boot archive that finds the bundles and unites them, and a boot menu for BIOS and UEFI.',
    'iso: an image for CDs that boots from a stick as well. usb: an image of a whole stick, with FAT32. disk: an image of a whole disk, with ext4. folder: the files alone, to be copied on a stick that has others. No root privilege, no mount and no loop device is used.',
    'GRUB is put together by grub-mkimage from the packages grub-pc-bin and grub-efi-amd64-bin (exit code 4 names what is missing). --loader systemd-boot and --loader uki make media that UEFI alone starts, --secure-boot media that UEFI starts with Secure Boot on. Bundles are kept in $XDG_CACHE_HOME/kindling/bundles and made again only when their files have changed.',
  ],
  positionals: [
    { name: 'FORM', summary: `one of ${FORMS.join(', ')}; or write, with IMAGE and DEVICE`, required: true },
    { name: 'ARGUMENT', summary: 'with write: IMAGE and DEVICE', required: false, repeated: true },
  ],
  options: { ...LIVE_OPTIONS, ...LIVE_WRITE_OPTIONS },
  examples: [
    { command: 'kindling live iso --root /srv/root -o live.iso', does: 'makes an ISO image of a root' },
    { command: 'kindling live usb --root root.tar -o stick.img --changes 512M', does: 'makes a stick that keeps what is changed' },
    {
      command: 'kindling live usb --root root.tar -o stick.img --changes 2G --encrypted',
      does: 'the same, encrypted: the first boot asks for a passphrase',
    },
    { command: 'kindling live iso --root /srv/root -o live.iso --secure-boot', does: 'makes one that starts with Secure Boot on' },
    { command: 'kindling boot live.iso --firmware uefi', does: 'tries it in QEMU' },
  ],
  run,
};

async function run(parsed: Parsed, world: World): Promise<number> {
  const [word = ''] = parsed.positionals;
  if (word === 'write') return await (await import('../live-write.ts')).liveWrite(parsed, world);
  const form = FORMS.find((one) => one === word);
  if (form === undefined) throw usageError(`live: "${word}" is none of ${FORMS.join(', ')}, write`);
  if (parsed.positionals.length > 1) throw usageError(`live: unexpected argument "${parsed.positionals[1]}"`);
  return await make(formOf(form, parsed), parsed, world);
}

async function make(form: LiveForm, parsed: Parsed, world: World): Promise<number> {
  const startedAt = world.now();
  const blocks = sharedBlocks(blockWords(parsed, parsed.value('codec') ?? BUNDLE_CODEC));
  const codec = codecChoice(parsed.value('archive-codec') ?? 'zstd:9', nodeEncoders());
  const store = liveStore(!parsed.flag('no-cache'));
  try {
    const root = await rootOf(parsed, store, world);
    world.progress.step('reading the root');
    const { outside, notes, time, kept } = await openLive(
      {
        root,
        allRoot: parsed.flag('all-root'),
        bundles: parsed.values('bundle'),
        blocks,
        form: JSON.stringify([blocks.codec, blocks.blockSize, parsed.values('codec-option')]),
        codec,
        store,
        sign: parsed.value('sign'),
      },
      world,
    );
    for (const { message } of notes) world.warn(printable(message));
    const words = liveWords(form, parsed, time);
    if (parsed.flag('dry-run')) return await dryRun(form, liveForecast(words, outside), world);
    const medium = await liveMedium(words, { ...outside, onId: (id) => form.begin?.(id) });
    for (const { severity, message } of medium.findings) {
      if (severity === 'note') world.detail(printable(message));
      else world.warn(printable(message));
    }
    for (const { path, reason } of medium.leftOut) world.detail(printable(`left out: ${path} (${reason})`));
    world.progress.step('writing');
    const made = await form.write(medium, { outside, store, world });
    world.progress.clear();
    await report(medium, made, kept, startedAt, world);
    return 0;
  } finally {
    await blocks.close();
    store.close();
  }
}

/** The root that was named, or one made of packages. */
async function rootOf(parsed: Parsed, store: LiveStore, world: World): Promise<string> {
  const packages = parsed
    .values('packages')
    .flatMap((value) => value.split(','))
    .filter((name) => name !== '');
  const root = parsed.value('root');
  if ((root === undefined) === (packages.length === 0)) throw usageError('live: one of --root ROOT and --packages LIST is needed');
  if (root !== undefined) return root;
  world.progress.step('installing packages');
  const target = store.scratch('root.tar');
  const suite = parsed.value('suite');
  const recipe = { packages, excludes: [], overlays: [], setups: [] };
  await makeRecipeRoot(recipe, target, { ...(suite === undefined ? {} : { suite }) });
  return target;
}

async function dryRun(form: LiveForm, forecast: LiveForecast, world: World): Promise<number> {
  const { bundles, plan, title, leftOut } = forecast;
  world.progress.clear();
  if (world.json) {
    const kernel = plan.kernel.version;
    await world.document({
      form: form.name,
      output: form.output,
      written: false,
      title,
      kernel,
      modules: plan.packed.length,
      bundles,
      leftOut,
    });
    return 0;
  }
  await world.out.line(
    `would write ${printable(form.output)}: ${printable(title)}, kernel ${plan.kernel.version}, ${plan.packed.length} modules in the archive`,
  );
  for (const { name, entryCount, contentSize } of bundles)
    await world.out.line(`  ${name}: ${entryCount} entries, ${mib(contentSize)} before compression`);
  for (const { path, reason } of leftOut) world.detail(printable(`left out: ${path} (${reason})`));
  return 0;
}

function liveWords(form: LiveForm, parsed: Parsed, time: number): LiveWords {
  return {
    kernel: parsed.value('kernel'),
    add: parsed.values('add'),
    omit: parsed.values('omit'),
    config: parsed.value('config'),
    title: parsed.value('title'),
    menu: {
      append: parsed.values('append').join(' '),
      timeout: parsed.number('menu-timeout', { most: 86_400 }) ?? TIMEOUT,
      serial: !parsed.flag('no-serial'),
      changes: changesWord(parsed),
    },
    data: parsed.value('data') ?? 'kindling',
    docs: !parsed.flag('no-docs'),
    exclude: parsed.values('exclude'),
    separateModules: !parsed.flag('one-bundle'),
    media: mediaWords(parsed),
    handover: parsed.value('handover'),
    encrypted: parsed.flag('encrypted'),
    bundleMost: form.bundleMost,
    time,
  };
}

// What is made for changes is empty: the first boot makes an encrypted volume of it (docs/live-changes.md).
function changesWord(parsed: Parsed): string | undefined {
  if (parsed.value('changes') === undefined || !parsed.flag('encrypted')) return undefined;
  const { changes = 0 } = diskWords(parsed);
  return `perch=luks perchsize=${changes / MIB}`;
}

const mib = (size: number): string => `${(size / MIB).toFixed(1)} MiB`;

async function report(medium: LiveMedium, made: MadeMedium, kept: ReadonlySet<string>, startedAt: number, world: World): Promise<void> {
  const { parts, plan, archiveSize, kernelSize, title } = medium;
  const seconds = (world.now() - startedAt) / 1000;
  if (world.json) {
    await world.document({
      ...made.facts,
      output: made.output,
      size: made.size,
      id: parts.id,
      title,
      kernel: plan.kernel.version,
      kernelSize,
      archiveSize,
      modules: plan.packed.length,
      bundles: parts.bundles.map(({ name, size, sha256 }) => ({ name, size, sha256, kept: kept.has(name) })),
      leftOut: medium.leftOut,
      findings: medium.findings,
    });
    return;
  }
  for (const { name, size } of parts.bundles) world.detail(`${name}: ${mib(size)}${kept.has(name) ? ', unchanged' : ''}`);
  world.detail(`archive: ${mib(archiveSize)} with ${plan.packed.length} modules, kernel ${plan.kernel.version}: ${mib(kernelSize)}`);
  world.detail(`medium ${parts.id}`);
  for (const line of made.lines ?? []) world.note(line);
  world.note(`${printable(made.output)}: ${mib(made.size)}, ${printable(title)}, ${parts.bundles.length} bundles, ${seconds.toFixed(2)} s`);
}

// Whether an image may be written to a device: what is known of the device, and every reason against it (docs/live-write.md). Pure.
import type { Finding } from '../errors.ts';

/** Something that has a device in use now. */
export interface DeviceUse {
  readonly kind: 'mounted' | 'swap' | 'holder';
  /** The device, partition or device on top of it that is in use: "sdb1". */
  readonly name: string;
  /** Where it is mounted, or what holds it. */
  readonly detail: string;
}

/** A partition as the kernel knows it now. Sizes in bytes. */
export interface DevicePartition {
  readonly name: string;
  readonly firstByte: number;
  readonly size: number;
}

/** A device as the kernel describes it. Sizes in bytes. */
export interface DeviceFacts {
  /** What the person named. */
  readonly path: string;
  /** The kernel's name: "sdb". */
  readonly name: string;
  /** MAJOR:MINOR. */
  readonly numbers: string;
  readonly size: number;
  readonly readOnly: boolean;
  readonly removable: boolean;
  /** How it is attached: the kernel's name of the bus ("usb", "mmc", "nvme", "virtio"), "virtual" for loop devices and the like. */
  readonly bus: string;
  /** "" where the device says nothing. */
  readonly model: string;
  readonly serial: string;
  /** The disk this is a partition of; undefined for a whole disk. */
  readonly wholeDisk: string | undefined;
  readonly partitions: readonly DevicePartition[];
  readonly uses: readonly DeviceUse[];
}

/** What is asked. */
export interface WriteWords {
  readonly imageSize: number;
  /** The name of a device that may be neither removable nor on USB, as the person gave it. */
  readonly force: string | undefined;
}

const MIB = 1 << 20;

function size(bytes: number): string {
  return bytes < 1024 * MIB ? `${(bytes / MIB).toFixed(1)} MiB` : `${(bytes / MIB / 1024).toFixed(1)} GiB`;
}

/** Whether a device is of the kind that people unplug. */
export function isPluggable({ removable, bus }: DeviceFacts): boolean {
  return removable || bus === 'usb';
}

/** Whether a name, with or without its directory, is this device. */
export function isNamed(facts: DeviceFacts, name: string): boolean {
  return name === facts.name || name === facts.path || name === `/dev/${facts.name}`;
}

const USES: Readonly<Record<DeviceUse['kind'], (use: DeviceUse) => string>> = {
  mounted: ({ name, detail }) => (detail === '/' ? `${name} is the root of the running system` : `${name} is mounted on ${detail}`),
  swap: ({ name }) => `${name} is swap space in use`,
  holder: ({ name, detail }) => `${name} is held by ${detail}`,
};

/** Everything that speaks against writing, as errors; empty when nothing does. */
export function refusals(facts: DeviceFacts, { imageSize, force }: WriteWords): Finding[] {
  const found: Finding[] = [];
  const refuse = (code: string, message: string) => found.push({ code, severity: 'error', where: { file: facts.path }, message });
  if (facts.wholeDisk !== undefined) {
    refuse('device-partition', `${facts.name} is a partition of ${facts.wholeDisk}; an image goes on a whole disk`);
  }
  for (const use of facts.uses) refuse(`device-${use.kind}`, USES[use.kind](use));
  if (facts.readOnly) refuse('device-read-only', `${facts.name} is read-only: a write-protect switch, or a medium that cannot be written`);
  if (facts.size === 0) refuse('device-empty', `${facts.name} has no size: there is no medium in it`);
  else if (facts.size < imageSize) {
    refuse(
      'device-too-small',
      `${facts.name} has ${size(facts.size)} (${facts.size} bytes), the image ${size(imageSize)} (${imageSize} bytes)`,
    );
  }
  if (!isPluggable(facts) && (force === undefined || !isNamed(facts, force))) {
    const other = force === undefined ? '' : `; --force names ${force}`;
    refuse(
      'device-fixed',
      `${facts.name} is neither removable nor on USB (it is on ${facts.bus}): --force ${facts.name} if it is meant${other}`,
    );
  }
  return found;
}

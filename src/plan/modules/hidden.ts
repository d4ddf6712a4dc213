// Needs that no module declares: what the kernel asks for by name at run time, or what a device only works with.
// Words are module names or aliases; those a kernel does not have (or has built in) are passed over.

/** One undeclared need and the reason for it. */
export interface HiddenNeed {
  readonly wants: readonly string[];
  readonly because: string;
}

/** By module name in the kernel's spelling. */
export const HIDDEN: ReadonlyMap<string, HiddenNeed> = new Map([
  [
    'fat',
    { wants: ['nls_cp437', 'nls_iso8859_1', 'nls_ascii', 'nls_utf8'], because: 'mount asks for the default code page and character set' },
  ],
  ['libcrc32c', { wants: ['crypto-crc32c'], because: 'asks the crypto layer for crc32c by name' }],
  ['btrfs', { wants: ['crypto-crc32c'], because: 'asks the crypto layer for crc32c by name' }],
  ['f2fs', { wants: ['crypto-crc32'], because: 'asks the crypto layer for crc32 by name' }],
  ['ubifs', { wants: ['crypto-deflate', 'crypto-lzo', 'crypto-zstd'], because: 'asks the crypto layer for its compressors by name' }],
  ['mlx4_core', { wants: ['mlx4_ib', 'mlx4_en'], because: 'asks for the driver of the port type by name' }],
  ['mlx5_core', { wants: ['mlx5_ib'], because: 'asks for the protocol driver by name' }],
  ['i8042', { wants: ['psmouse'], because: 'a port whose mouse is not driven can block the keyboard' }],
  ['nvme', { wants: ['vmd'], because: 'disks can sit behind a volume management device' }],
  ['usbhid', { wants: ['hid_generic'], because: 'drives the devices without a driver of their own' }],
  ['nfs', { wants: ['nfsv3', 'nfsv4'], because: 'mount asks for the protocol version by name' }],
  [
    'dm_crypt',
    {
      wants: ['xts', 'ecb', 'cbc', 'essiv', 'crypto-aes', 'crypto-sha256'],
      because: 'asks the crypto layer for the cipher of the volume by name',
    },
  ],
]);

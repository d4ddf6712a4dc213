// What the failsafe archive takes for an installed system, and what it does with one, in the shells it may run in and without a machine:
// mounting, drivers and kindling are stand-ins that write down how they were called.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { needs } from '../tools.ts';
import { EARLY, inShell, SHELLS } from './shells.ts';

const folder = mkdtempSync(join(tmpdir(), 'kindling-failsafe-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let made = 0;

/** A root of these files. */
function system(files: Readonly<Record<string, string>>): string {
  const root = join(folder, `root${made++}`);
  for (const [path, text] of Object.entries({ 'dev/null.txt': '', ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

// /a of the archive is a folder here: the script's own text with another name for it.
const STAND_INS = `
say() { echo "say $*"; }
warn() { echo "warn $*"; }
fact() { :; }
sync() { :; }
mounted() { false; }
member() { false; }
find_device() { f_path=$1; [ "$1" != /dev/gone ]; }
mount_device() { echo "mount $1 $2 $3 $5 fsck=$k_fsck"; [ "$m_fails" != "$1" ]; }
kindling() { echo "kindling $*"; case "$*" in *-n*) return "$needed" ;; esac; return "$updated"; }
m_fails='' needed=1 updated=0 k_fsck=auto k_shell='' z_fsck='' z_below='' z_lacking='' m_error=
set +eu
`;

async function at(shell: readonly [string, ...string[]], root: string, script: string): Promise<readonly string[]> {
  // the functions of root.sh that are wanted here, and the script itself, with /a replaced by the folder
  const loaded = `. '${EARLY}/words.sh'
. '${EARLY}/root.sh'
eval "$(sed 's|\\([^a-zA-Z0-9]\\)/a\\>|\\1${root}|g' '${EARLY}/failsafe.sh')"
${STAND_INS}
e_new='${root}'
`;
  const said = await inShell(shell, [], loaded + script);
  return said.map((line) => line.replaceAll(root, '/a'));
}

const DEBIAN = {
  'etc/fstab': 'LABEL=debian / ext4 defaults 0 1\n',
  'usr/lib/os-release': 'NAME=x\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
  'usr/lib/modules/6.1.0-1/modules.dep': '',
  'usr/lib/modules/6.1.0-2/modules.dep': '',
  'boot/vmlinuz-6.1.0-2': '',
  'boot/vmlinuz-6.1.0-3': '',
};

test('what is a system, with its name and kernels', async (t) => {
  if (!needs(t, 'busybox', 'dash', 'sed')) return;
  const cases: readonly (readonly [Readonly<Record<string, string>>, string])[] = [
    [DEBIAN, 'Debian GNU/Linux 12 (bookworm), kernels: 6.1.0-1 6.1.0-2 6.1.0-3'],
    [{ 'etc/hostname': '', 'lib/modules/5.10/x': '' }, 'a system without a name here, kernels: 5.10'],
    [{ 'etc/os-release': "PRETTY_NAME='Plain'\n", 'etc/x': '' }, 'Plain, kernels: none here'],
    [{ 'etc/fstab': 'LABEL=u /usr ext4 ro 0 2\n' }, 'a system without a name here, kernels: none here'],
    [{ 'home/somebody': '' }, 'none'],
    [{ 'etc/hosts': '' }, 'none'],
    [{ 'modules/6.1/x': '', 'vmlinuz-6.1': '' }, 'none'],
  ];
  for (const shell of SHELLS) {
    for (const [files, expected] of cases) {
      const said = await at(shell, system(files), 'if failsafe_system; then echo "$z_text"; else echo none; fi');
      assert.deepEqual(said, [expected], `${shell.join(' ')} ${Object.keys(files)}`);
    }
  }
});

test('its other file systems are mounted below it; without one that holds a part of it nothing is repaired', async (t) => {
  if (!needs(t, 'busybox', 'dash', 'sed')) return;
  const places = { 'usr/x': '', 'boot/efi/x': '', 'var/x': '', 'home/x': '' };
  const enter = 'z_device_1=/dev/vda2 z_type_1=btrfs z_flags_1=subvol=@\nfailsafe_enter 1 && failsafe_repair yes; echo "ended $?"';
  const table = (device: string, place: string): string => `# a comment
${device} ${place} ext4 ro,noatime 0 2
LABEL=esp /boot/efi vfat umask=0077 0 1
tmpfs /var tmpfs defaults 0 0
LABEL=home /home ext4 defaults 0 2
`;
  for (const shell of SHELLS) {
    const whole = await at(shell, system({ ...places, 'etc/fstab': table('LABEL=boot', '/boot') }), enter);
    assert.deepEqual(
      whole.filter((line) => /^(mount|kindling|ended)/.test(line)),
      [
        'mount /dev/vda2 /a btrfs subvol=@ fsck=auto',
        'mount LABEL=boot /a/boot ext4 noatime fsck=auto',
        'mount LABEL=esp /a/boot/efi vfat umask=0077 fsck=auto',
        'kindling update -n -R /a',
        'kindling update -R /a',
        'ended 0',
      ],
    );
    const lacking = await at(shell, system({ ...places, 'etc/fstab': table('/dev/gone', '/boot') }), enter);
    assert.ok(lacking.includes('warn failsafe: nothing can be repaired without /boot of that system'), lacking.join('\n'));
    assert.ok(lacking.includes('ended 1') && !lacking.some((line) => line.startsWith('kindling ')));
  }
});

test('how a repair ends: in step already, refused, failed', async (t) => {
  if (!needs(t, 'busybox', 'dash', 'sed')) return;
  const root = system(DEBIAN);
  for (const shell of SHELLS) {
    const ended = async (script: string) => await at(shell, root, `${script}\nfailsafe_repair yes; echo "ended $?"`);
    assert.deepEqual((await ended('needed=0')).slice(-3), ['kindling update -n -R /a', 'say its archives are in step', 'ended 0']);
    assert.deepEqual((await ended('updated=1')).slice(-2), ['warn failsafe: the update failed (exit code 1)', 'ended 1']);
    const broken = await ended('needed=4');
    assert.deepEqual(broken.slice(-2), ['warn failsafe: the comparison failed (exit code 4)', 'ended 1']);
    assert.ok(!broken.includes('kindling update -R /a'));
  }
});

test('a root that was not clean is checked again at each try', async (t) => {
  if (!needs(t, 'busybox', 'dash', 'sed')) return;
  const script = `mount_device() { echo "fsck=$k_fsck"; k_fsck=skip; return 1; }
z_device_1=/dev/vda z_type_1=ext4 z_flags_1=
failsafe_enter 1; failsafe_enter 1; echo "ended $?"`;
  for (const shell of SHELLS) {
    const said = await at(shell, system(DEBIAN), script);
    assert.deepEqual(
      said.filter((line) => !line.startsWith('warn')),
      ['fsck=auto', 'fsck=auto', 'ended 1'],
    );
  }
});

test('a system in a subvolume of Btrfs; a file system of another kind is only looked at once', async (t) => {
  if (!needs(t, 'busybox', 'dash', 'sed')) return;
  const inside = Object.fromEntries(Object.entries(DEBIAN).map(([path, text]) => [`@/${path}`, text]));
  const top = system({ ...inside, 'home/somebody': '', 'odd name/etc/fstab': '', 'data/etc/hosts': '' });
  const place = join(folder, 'place');
  // a mount is a link to what is mounted
  const script = (type: string): string => `mount() {
	case "$*" in
		*subvol=@*) ln -sfn '${top}/@' '${place}' ;;
		*subvol=data*) ln -sfn '${top}/data' '${place}' ;;
		*subvol=*) return 1 ;;
		*) ln -sfn '${top}' '${place}' ;;
	esac
}
umount() { rm -f '${place}'; }
probe() { P_TYPE=${type} P_LABEL=x P_UUID=''; }
md_end() { false; }
d_path=/dev/vdc d_size=1 z_count=0
failsafe_device
echo "ended $? $z_count $z_device_1 $z_flags_1"`;
  for (const shell of SHELLS) {
    assert.deepEqual(await at(shell, place, script('btrfs')), [
      'say   1  /dev/vdc  btrfs  subvol=@  LABEL=x  Debian GNU/Linux 12 (bookworm), kernels: 6.1.0-1 6.1.0-2 6.1.0-3',
      'ended 1 1 /dev/vdc subvol=@',
    ]);
    assert.deepEqual(await at(shell, place, script('ext4')), ['ended 1 0  ']);
    assert.deepEqual(await at(shell, place, script('vfat')), ['ended 1 0  ']);
  }
});

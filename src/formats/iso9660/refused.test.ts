// Hostile images: each lie ends in an error with structure and place, within bounds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, utf8 } from '../../bytes/index.ts';
import { type ErrorCode, KindlingError } from '../../errors.ts';
import { directory, file, makeTree, symlink, type Tree } from '../../tree/index.ts';
import { type Editable, edited, imageOf, noise } from './discs.fixture.ts';
import { check, type DecodeOptions, decode } from './index.ts';

const tree: Tree = makeTree([
  directory('dir'),
  file('dir/deep', bytesSource(utf8('deep'))),
  file('file', bytesSource(noise(5000, 1))),
  symlink('link', 'one/two'),
  directory('other'),
]);
const PRIMARY = 16 * 2048;

function refused(bytes: Uint8Array, code: ErrorCode, message: RegExp, options: DecodeOptions = {}): void {
  assert.throws(
    () => decode(bytesSource(bytes), options),
    (error) => {
      assert.ok(error instanceof KindlingError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      assert.ok(error.where.structure !== undefined && error.where.offset !== undefined, error.message);
      return true;
    },
  );
  assert.ok(check(bytesSource(bytes), options).some(({ severity }) => severity === 'error'));
}

const lie = (edit: (image: Editable) => void) => edited(tree, edit);
/** A lie about four bytes of a record, in the order that is read. */
const field = (id: string, at: number, value: number) => lie(({ view, recordAt }) => view.setUint32(recordAt(id) + at, value, true));
const blockOf = ({ view, recordAt }: Editable, id: string): number => view.getUint32(recordAt(id) + 2, true);

test('what is no image, or not all of one', () => {
  refused(new Uint8Array(100_000), 'BAD_MAGIC', /CD001/);
  const whole = imageOf(tree);
  refused(whole.subarray(0, PRIMARY + 2048), 'TRUNCATED', /bytes 34816 to 36864 are named/);
  refused(whole.subarray(0, whole.length - 4096), 'TRUNCATED', /the image has/);
  refused(
    lie(({ bytes }) => bytes.fill(0x20, PRIMARY + 2049, PRIMARY + 2054)),
    'BAD_MAGIC',
    /before the list has ended/,
  );
  refused(
    lie(({ bytes }) => {
      bytes[PRIMARY] = 3;
    }),
    'BAD_VALUE',
    /no primary one/,
  );
});

test('numbers that no image has', () => {
  refused(
    lie(({ view }) => view.setUint16(PRIMARY + 128, 4096, true)),
    'BAD_VALUE',
    /blocks of 4096 bytes/,
  );
  refused(field('DIR', 10, 0x7fffffff), 'LIMIT', /larger than the image/);
  refused(field('DIR', 2, 0xffffffff), 'TRUNCATED', /are named/);
  refused(field('FILE.;1', 2, 0xffffffff), 'TRUNCATED', /are named/);
  refused(field('FILE.;1', 10, 0xffffffff), 'TRUNCATED', /are named/);
  refused(imageOf(tree), 'LIMIT', /more than 3 entries/, { limits: { entries: 3 } });
});

test('directories in a circle, and in two places', () => {
  const leadTo = (id: string, to: (image: Editable) => number) =>
    lie((image) => image.view.setUint32(image.recordAt(id) + 2, to(image), true));
  refused(
    leadTo('DIR', ({ view }) => view.getUint32(PRIMARY + 156 + 2, true)),
    'LINK_LOOP',
    /"" is also at "dir"/,
  );
  refused(
    leadTo('OTHER', (image) => blockOf(image, 'DIR')),
    'LINK_LOOP',
    /"dir" is also at "other"/,
  );
  const withChild = lie(({ bytes, view, recordAt, entryAt }) => {
    // the link's target becomes a CL that leads to the root
    const at = entryAt('SL', recordAt('LINK.;1'));
    bytes.set([0x43, 0x4c, 12, 1], at);
    view.setUint32(at + 4, view.getUint32(PRIMARY + 156 + 2, true), true);
  });
  refused(withChild, 'LINK_LOOP', /"" is also at "link"/);
});

test('records that are cut short, or longer than they may be', () => {
  const size = (value: number) =>
    lie(({ bytes, recordAt }) => {
      bytes[recordAt('DIR')] = value;
    });
  refused(size(20), 'BAD_VALUE', /a record of 20 bytes/);
  refused(
    lie(({ bytes, recordAt }) => {
      bytes[recordAt('DIR') + 32] = 200;
    }),
    'BAD_VALUE',
    /an identifier of 200 bytes/,
  );
  refused(
    lie(({ bytes, recordAt }) => {
      bytes[recordAt('FILE.;1') + 25] = 0x80;
    }),
    'BAD_VALUE',
    /further sections, but another name follows/,
  );
  refused(
    lie(({ bytes, recordAt }) => {
      bytes[recordAt('OTHER') + 25] = 0x80 | 2;
    }),
    'BAD_VALUE',
    /last section of a file is missing/,
  );
});

test('names that lead elsewhere', () => {
  const named = (name: string) => lie(({ bytes, recordAt, entryAt }) => bytes.set(utf8(name), entryAt('NM', recordAt('FILE.;1')) + 5));
  refused(named('a/bc'), 'BAD_NAME', /holds a slash/);
  refused(named('a\0bc'), 'BAD_NAME', /holds a NUL/);
  const dots = lie(({ bytes, recordAt, entryAt }) => {
    const at = entryAt('NM', recordAt('FILE.;1'));
    bytes.set([0x4e, 0x4d, 7, 1, 0, 0x2e, 0x2e, 0, 0], at);
  });
  refused(dots, 'BAD_NAME', /"\.\."/);
  refused(
    lie(({ bytes, recordAt }) => bytes.set(utf8('A/LE'), recordAt('FILE.;1') + 33)),
    'BAD_NAME',
    /holds a slash/,
    { names: 'plain' },
  );
  const twice = lie(({ bytes, recordAt, entryAt }) => bytes.set(utf8('link'), entryAt('NM', recordAt('FILE.;1')) + 5));
  assert.throws(() => decode(bytesSource(twice)), { code: 'CONFLICT' });
});

test('entries of Rock Ridge that do not add up', () => {
  const entry = (signature: string, id: string, edit: (image: Editable, at: number) => void) =>
    lie((image) => edit(image, image.entryAt(signature, image.recordAt(id))));
  refused(
    entry('NM', 'FILE.;1', ({ bytes }, at) => {
      bytes[at + 2] = 200;
    }),
    'BAD_VALUE',
    /200 bytes where/,
  );
  refused(
    entry('SL', 'LINK.;1', ({ bytes }, at) => {
      bytes[at + 6] = 250;
    }),
    'BAD_VALUE',
    /a component of 250 bytes/,
  );
  refused(
    entry('SL', 'LINK.;1', ({ bytes }, at) => {
      bytes[at + 5] = 32;
    }),
    'UNSUPPORTED',
    /flags 32/,
  );
  refused(
    entry('SL', 'LINK.;1', ({ bytes }, at) => {
      bytes[at + 7] = 0;
    }),
    'BAD_VALUE',
    /holds a NUL/,
  );
  refused(
    entry('PX', 'FILE.;1', ({ view }, at) => view.setUint32(at + 4, 0o040755, true)),
    'BAD_VALUE',
    /the type 40000/,
  );
  const short = entry('PX', 'FILE.;1', ({ bytes }, at) => {
    bytes[at + 2] = 10;
    bytes.fill(0, at + 10, at + 44);
  });
  refused(short, 'BAD_VALUE', /PX entry: 10 bytes, expected 36/);
});

test('continuations without end, and outside', () => {
  const long = makeTree([file('n'.repeat(200), bytesSource(noise(10, 1)))]);
  const broken = (edit: (image: Editable, at: number) => void) =>
    edited(long, (image) => edit(image, image.entryAt('CE', image.recordAt(`${'N'.repeat(30)}.;1`))));
  refused(
    broken(({ view }, at) => view.setUint32(at + 4, 0xfffffff0, true)),
    'TRUNCATED',
    /CE entry/,
  );
  refused(
    broken(({ view }, at) => view.setUint32(at + 20, 0x7fffffff, true)),
    'LIMIT',
    /2147483647 bytes of further entries/,
  );
  const circle = broken(({ bytes, view }, at) => {
    // where the entries go on there is another CE, which leads to itself
    const [block, offset] = [view.getUint32(at + 4, true), view.getUint32(at + 12, true)];
    view.setUint32(at + 20, 28, true);
    bytes.copyWithin(block * 2048 + offset, at, at + 28);
  });
  refused(circle, 'LIMIT', /more than 32 one after the other/);
});

test('boot catalogs that are none', () => {
  const options = { bootEntries: [{ platform: 'bios', path: 'file' }] } as const;
  const catalogAt = (view: DataView): number => view.getUint32(17 * 2048 + 71, true) * 2048;
  const broken = (edit: (image: Editable, at: number) => void) => edited(tree, (image) => edit(image, catalogAt(image.view)), options);
  refused(
    broken(({ bytes }, at) => {
      bytes[at] = 9;
    }),
    'BAD_VALUE',
    /starts with 9/,
  );
  refused(
    broken(({ bytes }, at) => {
      bytes[at + 5] = 1;
    }),
    'BAD_CHECKSUM',
    /add up to 100/,
  );
  refused(
    broken(({ view }) => view.setUint32(17 * 2048 + 71, 0x7fffffff, true)),
    'TRUNCATED',
    /boot catalog/,
  );
  const many = broken(({ bytes, view }, at) => {
    bytes[at + 64] = 0x91;
    view.setUint16(at + 66, 0xffff, true);
  });
  refused(many, 'BAD_VALUE', /65535 entries/);
});

test('contents that are stored in a way that is not read say so when they are read', () => {
  const packed = lie(({ bytes, recordAt, entryAt }) => {
    bytes.set([0x5a, 0x46], entryAt('TF', recordAt('FILE.;1')));
  });
  const entry = decode(bytesSource(packed)).tree.get('file');
  assert.ok(entry?.kind === 'file');
  assert.throws(() => entry.content.read(0, 1), { code: 'UNSUPPORTED', message: /zisofs/ });
  const interleaved = lie(({ bytes, recordAt }) => {
    bytes[recordAt('FILE.;1') + 26] = 1;
  });
  const other = decode(bytesSource(interleaved)).tree.get('file');
  assert.ok(other?.kind === 'file');
  assert.throws(() => other.content.read(0, 1), { code: 'UNSUPPORTED', message: /interleaved/ });
});

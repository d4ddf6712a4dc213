import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseLine, type ReportEvent, reportReader } from './index.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const GOLDEN: readonly [string, ReportEvent | undefined][] = [
  ['kindling: phase early uptime=1.85 available=437500 free=430000', phase('early', 1.85, 437_500, 430_000)],
  ['kindling: phase mount', phase('mount')],
  ['kindling: phase init uptime=3 free=1', phase('init', 3, undefined, 1)],
  ['kindling: phase init uptime=-3 free=0x10 available=', phase('init')],
  ['kindling: phase nonsense uptime=1', undefined],
  ['kindling: phase', undefined],
  ['kindling: fact root.device /dev/vda2', { kind: 'fact', key: 'root.device', value: '/dev/vda2' }],
  ['kindling: fact module.count ', { kind: 'fact', key: 'module.count', value: '' }],
  ['kindling: fact bad;key x', undefined],
  ['kindling: fact k a\x1b[2Jb', { kind: 'fact', key: 'k', value: 'a\u{fffd}[2Jb' }],
  ['kindling: failed no-root LABEL=root did not appear', { kind: 'failed', code: 'no-root', text: 'LABEL=root did not appear' }],
  ['kindl\0kindling: phase early', phase('early')],
  ['kindling:phase early', undefined],
  ['', undefined],
  ['[    1.0] kindling', undefined],
];

function phase(name: 'early' | 'mount' | 'init', uptime?: number, available?: number, free?: number): ReportEvent {
  return { kind: 'phase', name, uptime, available, free };
}

test('lines of the protocol, and others', () => {
  for (const [line, expected] of GOLDEN) assert.deepEqual(parseLine(line), expected, line);
});

test('the pieces in which bytes arrive make no difference', () => {
  const text = GOLDEN.map(([line]) => line).join('\r\n');
  const whole = reportReader();
  const expected = whole.push(bytes(`${text}\n`));
  assert.equal(expected.length, GOLDEN.filter(([, event]) => event !== undefined).length);
  for (const size of [1, 2, 7, 64]) {
    const reader = reportReader();
    const found: ReportEvent[] = [];
    const all = bytes(`${text}\n`);
    for (let at = 0; at < all.length; at += size) found.push(...reader.push(all.subarray(at, at + size)));
    assert.deepEqual(found, expected);
    assert.equal(reader.dropped, whole.dropped);
  }
});

test('half a line is no event', () => {
  const reader = reportReader();
  assert.deepEqual(reader.push(bytes('kindling: phase early uptime=1.2')), []);
  assert.deepEqual(reader.push(bytes('5\n')), [phase('early', 1.25)]);
});

test('a line without end and events without number stay bounded', () => {
  const reader = reportReader();
  for (let count = 0; count < 64; count++) reader.push(new Uint8Array(1 << 16).fill(0x41));
  assert.equal(reader.push(bytes('\n')).length, 0);
  let taken = 0;
  for (let count = 0; count < 200; count++) taken += reader.push(bytes('kindling: fact a b\n'.repeat(100))).length;
  assert.equal(taken, 10_000);
  assert.equal(reader.dropped, 10_001);
});

test('any bytes give events or nothing, never a throw', () => {
  const words = fc.constantFrom(
    'kindling: ',
    'phase ',
    'fact ',
    'failed ',
    'early',
    ' uptime=',
    '9'.repeat(30),
    '\n',
    '\r',
    '\0',
    '\u{202e}',
  );
  const garbage = fc.array(fc.oneof(fc.uint8Array({ maxLength: 40 }), words.map(bytes)), { maxLength: 60 });
  fc.assert(
    fc.property(garbage, (pieces) => {
      const reader = reportReader();
      for (const piece of pieces) {
        for (const event of reader.push(piece)) {
          assert.ok(JSON.stringify(event).length < 20_000);
          if (event.kind === 'phase') assert.ok(event.uptime === undefined || Number.isFinite(event.uptime));
        }
      }
    }),
    { seed: 20_261_121, numRuns: 300 },
  );
});

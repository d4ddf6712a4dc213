// prove on a fake host: what it takes for success and failure, and that it always stops the machine. Real machines: test/boots.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MachineEnd, type MachineHost, type MachineListener, type MachineSpec, type PhaseMark, prove } from './index.ts';

const SPEC: MachineSpec = {
  architecture: 'x86_64',
  type: 'pc',
  accelerator: 'tcg',
  memory: 64,
  processors: 1,
  kernel: '/k',
  initrd: undefined,
  commandLine: 'quiet',
  disks: [],
  memoryDirectory: undefined,
  reportFile: '/r',
  monitorSocket: '/m',
};

/** One thing that happens: text on a port, time passing, or the end of QEMU. */
type Step = { console: string } | { report: string } | { wait: number } | { end: MachineEnd };

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A host whose machine goes through the steps, with a clock that only the steps move. */
function fakeHost(steps: readonly Step[]): MachineHost & { stops: number } {
  let now = 100;
  let timers: { at: number; act: () => void }[] = [];
  const pass = (seconds: number): void => {
    now += seconds;
    const due = timers.filter((timer) => timer.at <= now);
    timers = timers.filter((timer) => timer.at > now);
    for (const timer of due) timer.act();
  };
  const play = async (listener: MachineListener, end: (how: MachineEnd) => void): Promise<void> => {
    for (const step of steps) {
      await new Promise((resolve) => setImmediate(resolve));
      if ('console' in step) listener.console(bytes(step.console));
      else if ('report' in step) listener.report(bytes(step.report));
      else if ('wait' in step) pass(step.wait);
      else end(step.end);
    }
    for (let count = 0; count < 3; count++) await new Promise((resolve) => setImmediate(resolve));
    pass(1000);
  };
  const host = {
    stops: 0,
    seconds: () => now,
    after(seconds: number, act: () => void) {
      const timer = { at: now + seconds, act };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    start(_spec: MachineSpec, _qemu: readonly string[], _console: string, listener: MachineListener) {
      const ended = Promise.withResolvers<MachineEnd>();
      play(listener, ended.resolve);
      return Promise.resolve({
        touched: () => 4096,
        ended: ended.promise,
        stop() {
          host.stops += 1;
          ended.resolve({ ending: 'quit', messages: '', status: 0 });
          return ended.promise;
        },
      });
    },
  };
  return host;
}

async function proofOf(steps: readonly Step[], until = 'released', signal?: AbortSignal, crashes = false) {
  const host = fakeHost(steps);
  const marks: PhaseMark[] = [];
  const request = { spec: SPEC, until, timeout: 60, consoleFile: '/c', onPhase: (mark: PhaseMark) => marks.push(mark), crashes };
  const proof = await prove(signal === undefined ? request : { ...request, signal }, host);
  assert.equal(host.stops, 1);
  assert.deepEqual(marks, proof.phases);
  return proof;
}

test('a boot that gets there', async () => {
  const proof = await proofOf([
    { console: '[ 0.0] Linux\r\n' },
    { wait: 2 },
    { report: 'kindling: phase early uptime=1.50 available=60000 free=50000\n' },
    { report: 'kindling: phase early uptime=9 available=1 free=1\nkindling: fact __proto__ x\nkindling: fact a b\n' },
    { wait: 1.25 },
    { report: 'kindling: phase init uptime=2.00\nkindling: phase released available=58000\n' },
  ]);
  assert.equal(proof.reached, true);
  assert.equal(proof.reason, null);
  assert.deepEqual(proof.phases, [
    { name: 'early', at: 2, uptime: 1.5, memory: 60_000, free: 50_000, touched: 4096 },
    { name: 'init', at: 3.25, uptime: 2, memory: null, free: null, touched: 4096 },
    { name: 'released', at: 3.25, uptime: null, memory: 58_000, free: null, touched: 4096 },
  ]);
  assert.deepEqual(proof.memory, { total: 65_536, least: 4096, afterSwitch: 58_000 });
  assert.equal(JSON.stringify(proof.facts), '{"__proto__":"x","a":"b"}');
  assert.equal(proof.seconds, 3.25);
});

test('a later phase proves an earlier one', async () => {
  assert.equal((await proofOf([{ report: 'kindling: phase switch\n' }], 'mount')).reached, true);
});

test('a fact can be waited for', async () => {
  const steps = [{ report: 'kindling: phase released\n' }, { report: 'kindling: fact probe.done yes\n' }];
  const proof = await proofOf(steps, 'fact:probe.done');
  assert.equal(proof.reached, true);
  assert.deepEqual(proof.facts, { 'probe.done': 'yes' });
});

test('each way to fail has its reason', async () => {
  const end = (ending: MachineEnd['ending'], status: number | null = 0, messages = ''): Step => ({ end: { ending, status, messages } });
  const cases: readonly [readonly Step[], string, RegExp][] = [
    [[{ wait: 61 }], 'timeout', /phase released did not come within 60 s; the last phase was none/],
    [[{ console: 'Kernel panic - not syncing: x\n' }, end('guest-reset')], 'panic', /Kernel panic - not syncing: x/],
    [[{ console: 'Initramfs unpacking failed: y\n' }, { report: 'kindling: phase released\n' }], 'unpack', /unpacking/],
    [[{ console: 'System is deadlocked on memory\n' }], 'memory', /deadlocked/],
    [[{ report: 'kindling: failed no-root LABEL=x\n' }], 'early', /no-root: LABEL=x/],
    [[end('guest-shutdown')], 'ended', /went off before released/],
    [[end('guest-reset')], 'ended', /restarted/],
    [[end('exit', 1, 'qemu: no such file\n')], 'refused', /^qemu: no such file$/],
  ];
  for (const [steps, code, text] of cases) {
    const proof = await proofOf(steps);
    assert.equal(proof.reached, false);
    assert.equal(proof.reason?.code, code);
    assert.match(proof.reason?.text ?? '', text);
  }
});

test('an awaited text is not found in the command line, and an interruption ends the boot', async () => {
  const steps = [{ console: 'Kernel command line: login:\n' }, { console: 'debian login: ' }];
  assert.equal((await proofOf(steps, 'login:')).reached, true);
  assert.equal((await proofOf(steps.slice(0, 1), 'login:')).reason?.code, 'timeout');
  const abort = new AbortController();
  abort.abort();
  assert.equal((await proofOf([{ wait: 1 }], 'login:', abort.signal)).reason?.code, 'interrupted');
});

test('the panic that starts a second kernel is no failure; one more, or one too early, is', async () => {
  const panic = { console: 'Kernel panic - not syncing: sysrq triggered crash\n' };
  const crash = { report: 'kindling: phase loaded\nkindling: phase crash uptime=3\n' };
  const capture = { report: 'kindling: phase early uptime=1\nkindling: phase kdump\n' };
  const saved = { report: 'kindling: phase saved\n' };
  const of = async (steps: readonly Step[]) => (await proofOf(steps, 'saved', undefined, true)).reason?.code ?? 'saved';
  assert.equal(await of([crash, panic, capture, saved]), 'saved');
  assert.equal(await of([panic, crash, capture, saved]), 'panic');
  assert.equal(await of([crash, panic, panic, capture, saved]), 'panic');
  assert.equal(await of([crash, panic, capture, panic, saved]), 'panic');
  assert.equal(await of([crash, panic, { console: 'System is deadlocked on memory\n' }]), 'memory');
  assert.equal((await proofOf([crash, panic, capture, saved], 'saved')).reason?.code, 'panic');
});

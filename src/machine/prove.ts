// prove: starts a machine, follows its report and its console until the awaited point, a failure or a deadline, and ends it.
import { isPhase, type PhaseName } from '../boot/index.ts';
import { consoleWatch } from './console.ts';
import type { MachineEnd, MachineHost, RunningMachine } from './host.ts';
import type { PhaseMark, Proof, Shortfall } from './proof.ts';
import { commandLine } from './qemu.ts';
import { recorder, rounded } from './recorder.ts';
import { reportReader } from './report.ts';
import type { MachineSpec } from './spec.ts';

/** One boot to do. */
export interface ProveRequest {
  readonly spec: MachineSpec;
  /** A phase, `fact:KEY` for a fact of that name, or a text on the console. */
  readonly until: string;
  /** Seconds after which the boot counts as failed. */
  readonly timeout: number;
  readonly consoleFile: string;
  /** Told each phase as it is reached. */
  readonly onPhase?: (mark: PhaseMark) => void;
  /** Told each fact as it is reported. */
  readonly onFact?: (key: string, value: string, at: number) => void;
  /** Told each piece of console output. */
  readonly onConsole?: (bytes: Uint8Array) => void;
  /** The first kernel is to crash, and a second one to start: the panic after phase "crash" is no failure. */
  readonly crashes?: boolean;
  /** Ends the boot early; the proof then says `interrupted`. */
  readonly signal?: AbortSignal;
}

// after a failure the guest may still say more, or restart by itself, which tells how it ended
const GRACE = 1;

/** What ended the waiting: undefined when the awaited point was reached. */
type Outcome = Shortfall | undefined;

/** Boots once. Throws what `MachineHost.start` throws, and USAGE for a machine that cannot be; every other failure is in the proof. */
export async function prove(request: ProveRequest, host: MachineHost): Promise<Proof> {
  const qemu = commandLine(request.spec);
  const record = recorder();
  const reader = reportReader();
  const goal = goalFrom(request.until);
  const watch = consoleWatch(goal.kind === 'text' ? goal.text : undefined);
  const started = host.seconds();
  const at = (): number => host.seconds() - started;
  let settledAt: number | undefined;
  let machine: RunningMachine | undefined;
  const outcome = Promise.withResolvers<Outcome>();
  const settle = (found: Outcome): void => {
    settledAt ??= at();
    outcome.resolve(found);
  };
  let crashes = request.crashes === true;
  // once: whatever panics after that is the capture kernel, or a first kernel that could not start it
  const awaitedCrash = (code: Shortfall['code']): boolean => {
    if (!crashes || code !== 'panic' || record.phases.at(-1)?.name !== 'crash') return false;
    crashes = false;
    return true;
  };
  const interrupted = (): void => settle({ code: 'interrupted', text: 'stopped from outside' });

  const listener = {
    console(bytes: Uint8Array): void {
      request.onConsole?.(bytes);
      const news = watch.push(bytes);
      if (news.seen) settle(undefined);
      if (news.failure !== undefined && !awaitedCrash(news.failure.code)) settle(news.failure);
    },
    report(bytes: Uint8Array): void {
      for (const event of reader.push(bytes)) {
        const mark = record.take(event, at(), machine?.touched());
        if (mark !== undefined) request.onPhase?.(mark);
        if (event.kind === 'fact') request.onFact?.(event.key, event.value, at());
        if (event.kind === 'failed') settle({ code: 'early', text: `${event.code}: ${event.text}` });
        if (goal.kind === 'phase' && record.reached(goal.name)) settle(undefined);
        if (goal.kind === 'fact' && record.facts.has(goal.key)) settle(undefined);
      }
    },
  };

  machine = await host.start(request.spec, qemu, request.consoleFile, listener);
  const cancel = host.after(request.timeout, () => settle({ code: 'timeout', text: awaited(request, record.phases) }));
  request.signal?.addEventListener('abort', interrupted);
  if (request.signal?.aborted === true) interrupted();
  machine.ended.then((end) => settle(endedEarly(end, request)));
  const found = await outcome.promise;
  cancel();
  if (found !== undefined && found.code !== 'timeout' && found.code !== 'interrupted') await grace(machine, host);
  const end = await machine.stop();
  request.signal?.removeEventListener('abort', interrupted);

  return {
    reached: found === undefined,
    until: request.until,
    reason: found ?? null,
    ending: end.ending,
    seconds: rounded(settledAt ?? at()),
    phases: record.phases,
    memory: {
      total: request.spec.memory * 1024,
      least: machine.touched() ?? null,
      afterSwitch: record.phases.find((mark) => mark.name === 'released')?.memory ?? null,
    },
    facts: Object.fromEntries(record.facts),
    commandLine: request.spec.commandLine,
    qemu,
    console: request.consoleFile,
  };
}

type Goal = { readonly kind: 'phase'; readonly name: PhaseName } | { kind: 'fact'; key: string } | { kind: 'text'; text: string };

function goalFrom(until: string): Goal {
  if (isPhase(until)) return { kind: 'phase', name: until };
  return until.startsWith('fact:') ? { kind: 'fact', key: until.slice('fact:'.length) } : { kind: 'text', text: until };
}

/** What is waited for, in words. */
export function describeGoal(until: string): string {
  const goal = goalFrom(until);
  if (goal.kind === 'phase') return `phase ${goal.name}`;
  return goal.kind === 'fact' ? `fact ${goal.key}` : `"${goal.text}" on the console`;
}

function awaited(request: ProveRequest, phases: readonly PhaseMark[]): string {
  return `${describeGoal(request.until)} did not come within ${request.timeout} s; the last phase was ${phases.at(-1)?.name ?? 'none'}`;
}

function endedEarly(end: MachineEnd, request: ProveRequest): Shortfall {
  if (end.ending === 'exit' && end.status !== 0) return { code: 'refused', text: end.messages.trim() || `QEMU exited with ${end.status}` };
  const how = end.ending === 'guest-shutdown' ? 'the guest went off' : end.ending === 'guest-reset' ? 'the guest restarted' : 'QEMU ended';
  return { code: 'ended', text: `${how} before ${request.until}` };
}

async function grace(machine: RunningMachine, host: MachineHost): Promise<void> {
  const over = Promise.withResolvers<void>();
  const cancel = host.after(GRACE, over.resolve);
  await Promise.race([machine.ended, over.promise]);
  cancel();
}

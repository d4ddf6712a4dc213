// QEMU's monitor (QMP, docs/interop/qmp-spec in QEMU's sources) for tests that plug and pull devices while a machine runs.
import { connect, type Socket } from 'node:net';

/** A monitor to give commands to. */
export interface Qmp {
  /** Gives a command and waits for its answer; rejects with QEMU's own words when it is refused. */
  execute(command: string, words?: Readonly<Record<string, unknown>>): Promise<unknown>;
  /** Waits until QEMU has told of an event of this name, at most so many seconds. */
  event(name: string, seconds: number): Promise<void>;
  close(): void;
}

const RETRY_MS = 50;
const RETRIES = 200;

/** Connects to a monitor socket (`-qmp unix:PATH,server=on,wait=off`). */
export async function openQmp(path: string): Promise<Qmp> {
  const socket = await reached(path);
  const events: string[] = [];
  const waiting: { resolve(value: unknown): void; reject(error: Error): void }[] = [];
  let text = '';
  socket.on('data', (bytes) => {
    text += bytes.toString('utf8');
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) hear(JSON.parse(line));
  });
  const hear = (said: { event?: string; return?: unknown; error?: { desc?: string } }): void => {
    if (said.event !== undefined) events.push(said.event);
    else if (said.error !== undefined) waiting.shift()?.reject(new Error(`qemu: ${said.error.desc}`));
    else if ('return' in said) waiting.shift()?.resolve(said.return);
  };
  const execute = (command: string, words: Readonly<Record<string, unknown>> = {}): Promise<unknown> => {
    const answer = Promise.withResolvers<unknown>();
    waiting.push(answer);
    socket.write(`${JSON.stringify({ execute: command, arguments: words })}\n`);
    return answer.promise;
  };
  await execute('qmp_capabilities');
  return {
    execute,
    async event(name, seconds) {
      const until = performance.now() + seconds * 1000;
      while (!events.includes(name)) {
        if (performance.now() > until)
          throw new Error(`qemu told of no ${name} within ${seconds} s; told: ${events.join(' ') || 'nothing'}`);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
      events.splice(events.indexOf(name), 1);
    },
    close: () => void socket.destroy(),
  };
}

async function reached(path: string): Promise<Socket> {
  for (let tries = 0; ; tries++) {
    const tried = connect(path);
    const outcome = await new Promise<Error | undefined>((resolve) => {
      tried.once('connect', () => resolve(undefined));
      tried.once('error', resolve);
    });
    if (outcome === undefined) return tried;
    tried.destroy();
    if (tries >= RETRIES) throw outcome;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

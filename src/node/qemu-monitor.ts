// QEMU's monitor protocol (QMP, docs/interop/qmp-spec in QEMU's sources), as little as is needed: why the machine ended, and asking it to.
import { connect, type Socket } from 'node:net';

/** A monitor connection that may not be there yet, or any more. */
export interface Monitor {
  /** Reason of the SHUTDOWN event ("guest-reset", "guest-shutdown", "guest-panic", "host-qmp-quit", ...), undefined before it. */
  readonly reason: string | undefined;
  /** Asks QEMU to quit; false when there is no connection to ask on. */
  quit(): boolean;
  close(): void;
}

const RETRY_MS = 20;
const TEXT_MOST = 1 << 20;

/** Connects to the socket, trying again until it is there or `close` is called. */
export function openMonitor(path: string): Monitor {
  let reason: string | undefined;
  let socket: Socket | undefined;
  let ready = false;
  let closed = false;
  let retry: NodeJS.Timeout | undefined;
  let text = '';

  const message = (line: string): void => {
    const said = parsed(line);
    if (said === undefined) return;
    if ('QMP' in said) socket?.write('{"execute":"qmp_capabilities"}\n');
    if ('return' in said) ready = true;
    if (said.event !== 'SHUTDOWN') return;
    const data = said.data;
    reason ??= typeof data === 'object' && data !== null && 'reason' in data ? String(data.reason) : 'unknown';
  };
  const attempt = (): void => {
    const tried = connect(path);
    tried.on('connect', () => {
      socket = tried;
    });
    tried.on('data', (bytes) => {
      text = (text + bytes.toString('utf8')).slice(-TEXT_MOST);
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) message(line);
    });
    // not there yet, or gone with QEMU: the process's own end says the rest
    tried.on('error', () => tried.destroy());
    tried.on('close', () => {
      ready = false;
      if (socket === undefined && !closed) retry = setTimeout(attempt, RETRY_MS);
    });
  };
  attempt();
  return {
    get reason() {
      return reason;
    },
    quit() {
      if (!ready || socket === undefined) return false;
      // what write answers is back-pressure, of which one line makes none that matters
      socket.write('{"execute":"quit"}\n');
      return true;
    },
    close() {
      closed = true;
      clearTimeout(retry);
      socket?.destroy();
    },
  };
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined; // half a line at the end of a connection
  }
}

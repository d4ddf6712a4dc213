// Progress of long work, on standard error: one line that is redrawn on a terminal, plain lines with -v, nothing otherwise.

/** Where progress goes and how. */
export interface ProgressSink {
  /** `redrawn` on a terminal, `plain` lines elsewhere, `off` shows nothing. */
  readonly mode: 'redrawn' | 'plain' | 'off';
  readonly columns: number;
  write(text: string): void;
  now(): number;
}

/** Steps of long work. All calls are cheap and may come as often as convenient. */
export interface Progress {
  /** Starts a step ("compressing") and ends the one before. `total` in whatever unit `advance` uses. */
  step(title: string, total?: number): void;
  /** Sets how far the step is, with a few words on what is being done now. */
  advance(done: number, detail?: string): void;
  /** Takes the line away before something else is printed; the step goes on and is drawn again when it advances. */
  hide(): void;
  /** Ends the step. */
  clear(): void;
}

const REDRAW_MS = 100;

/** Makes a Progress over a sink. */
export function makeProgress(sink: ProgressSink): Progress {
  let title: string | undefined;
  let total: number | undefined;
  let startedAt = 0;
  let drawnAt = Number.NEGATIVE_INFINITY;
  let shown = false;

  const draw = (text: string): void => {
    const width = Math.max(20, sink.columns - 1);
    sink.write(`\r\x1b[K${text.length > width ? `${text.slice(0, width - 3)}...` : text}`);
    shown = true;
    drawnAt = sink.now();
  };
  const hide = (): void => {
    if (shown) sink.write('\r\x1b[K');
    shown = false;
  };
  const clear = (): void => {
    if (title !== undefined && sink.mode === 'plain') sink.write(`${title}: ${((sink.now() - startedAt) / 1000).toFixed(1)} s\n`);
    hide();
    title = undefined;
  };
  return {
    step(nextTitle, nextTotal) {
      if (sink.mode === 'off') return;
      clear();
      title = nextTitle;
      total = nextTotal;
      startedAt = sink.now();
      if (sink.mode === 'redrawn') draw(title);
    },
    advance(done, detail) {
      if (sink.mode !== 'redrawn' || title === undefined || sink.now() - drawnAt < REDRAW_MS) return;
      const share = total === undefined || total === 0 ? '' : ` ${Math.min(100, Math.floor((done * 100) / total))} %`;
      draw(`${title}${share}${detail === undefined ? '' : `  ${detail}`}`);
    },
    hide,
    clear,
  };
}

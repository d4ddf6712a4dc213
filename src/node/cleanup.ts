// What must be undone when the process is interrupted: temporary files to remove, child processes to end.
// A registry for the whole process, because a signal is one for the whole process.

const pending = new Set<() => void>();

/** Registers something to undo on a signal or at the end of a verb; returns the function that withdraws it (the work is done). */
export function onInterrupt(undo: () => void): () => void {
  pending.add(undo);
  return () => pending.delete(undo);
}

/** Undoes everything registered, newest first. Synchronous: the process may end right after. */
export function runCleanups(): void {
  for (const undo of [...pending].reverse()) {
    pending.delete(undo);
    try {
      undo();
    } catch {
      // The next one must still run; what failed was already gone or is out of reach.
    }
  }
}

// What a serial console said, as a person would have read it: terminal codes gone, overwritten text overwritten (ECMA-48, as far as getty, bash,
// apt and GRUB use it).

// CSI sequences, OSC strings, charset choices and the like, and single-character escapes; an unfinished one at the end is dropped too.
const CODES = /\x1b(?:\[[0-?]*[ -/]*(?:[@-~]|$)|\][^\x07\x1b]*(?:\x07|\x1b\\|$)|[()*+#%][0-9A-Za-z]|[=>78cDEHMNOZ]|$)/g;

// Moving to a place of the screen, as boot menus do before each piece they draw: read as a new line.
const PLACES = /\x1b\[\d*;\d*[Hf]/g;

// A line that its writer took back.
const ERASED = /[^\r\n]*\r\x1b\[2?K/g;

/** A line as it stood in the end: carriage returns and backspaces move, what comes after them overwrites. */
function settled(line: string): string {
  if (!/[\r\b]/.test(line)) return line;
  let cells: string[] = [];
  let at = 0;
  for (const char of line) {
    if (char === '\r') at = 0;
    else if (char === '\b') at = Math.max(0, at - 1);
    else {
      if (at > cells.length) cells = [...cells, ...Array<string>(at - cells.length).fill(' ')];
      cells[at++] = char;
    }
  }
  return cells.join('');
}

/** The readable form of what a console said. */
export function readable(said: string): string {
  return said
    .replace(ERASED, '')
    .replace(PLACES, '\n')
    .replace(CODES, '')
    .split('\n')
    .map((line) => settled(line.replace(/\r+$/, '')).replace(/[\x00-\x08\x0b-\x1f\x7f]/g, ''))
    .join('\n');
}

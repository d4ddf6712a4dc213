// Bytes from a serial port to lines of text: any bytes, in any pieces, within bounded memory.

/** Longest line kept, in characters; the rest of a longer one is dropped. */
export const LINE_MOST = 4096;

/** Takes bytes as they arrive and hands on whole lines, without their ends. */
export interface LineSplitter {
  push(bytes: Uint8Array): readonly string[];
  /** What has arrived of a line that is not ended (a prompt, say). */
  rest(): string;
}

/** A splitter at LF, CR or both. Bytes that are no UTF-8 become U+FFFD. */
export function lineSplitter(): LineSplitter {
  const decoder = new TextDecoder('utf-8');
  let open = '';
  return {
    push(bytes) {
      const pieces = decoder.decode(bytes, { stream: true }).split(/[\r\n]+/);
      const lines: string[] = [];
      for (const [index, piece] of pieces.entries()) {
        if (index > 0) {
          if (open !== '') lines.push(open);
          open = '';
        }
        if (open.length < LINE_MOST) open += piece.slice(0, LINE_MOST - open.length);
      }
      return lines;
    },
    rest: () => open,
  };
}

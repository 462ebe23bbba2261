/**
 * Cuts a stream of bytes into whole lines: neither a line nor a character of several bytes is cut where two pieces
 * meet. The last line may have no newline.
 */
export function lineSplitter(onLine: (line: string) => void): {
  push: (chunk: Uint8Array) => void;
  end: () => void;
} {
  const decoder = new TextDecoder();
  let rest = '';
  const take = (text: string): void => {
    if (!text.includes('\n')) {
      // not split again and again: a line may be very long
      rest += text;
      return;
    }
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  };
  return {
    push: (chunk) => {
      take(decoder.decode(chunk, { stream: true }));
    },
    end: () => {
      take(decoder.decode());
      if (rest !== '') onLine(rest);
      rest = '';
    },
  };
}

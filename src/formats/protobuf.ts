/** Messages of protocol buffers whose fields are changed by number, without knowing the others (protobuf.dev: "Encoding"). */

/** By number of a field: its new bytes for those that it has; undefined takes it out. Only of fields that have a length. */
export type FieldEdits = Readonly<Record<number, (bytes: Buffer) => Buffer | undefined>>;

/**
 * A message with some of its fields changed, and more of them at its end.
 * @throws Error when the bytes are no message
 */
export function editMessage(
  message: Buffer,
  edits: FieldEdits,
  more: readonly { field: number; bytes: Buffer }[] = [],
): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length;) {
    const tag = readVarint(message, at);
    const field = tag.value >>> 3;
    const end = endOfField(message, tag.value & 7, tag.end);
    const edit = edits[field];
    if (edit && (tag.value & 7) === 2) {
      const { end: start } = readVarint(message, tag.end);
      const bytes = edit(message.subarray(start, end));
      if (bytes) parts.push(lengthDelimited(field, bytes));
    } else parts.push(message.subarray(at, end));
    at = end;
  }
  return Buffer.concat([...parts, ...more.map(({ field, bytes }) => lengthDelimited(field, bytes))]);
}

/** The bytes of all fields of this number that have a length. */
export function fieldsOf(message: Buffer, field: number): Buffer[] {
  const found: Buffer[] = [];
  editMessage(message, {
    [field]: (bytes) => {
      found.push(bytes);
      return bytes;
    },
  });
  return found;
}

function endOfField(message: Buffer, wireType: number, at: number): number {
  const end = ((): number => {
    switch (wireType) {
      case 0:
        return readVarint(message, at).end;
      case 1:
        return at + 8;
      case 2: {
        const { value, end: start } = readVarint(message, at);
        return start + value;
      }
      case 5:
        return at + 4;
      default:
        throw new Error(`a field has the wire type ${wireType}`);
    }
  })();
  if (end > message.length) throw new Error('a field is longer than its message');
  return end;
}

/** Lengths and tags are far below 2^31; of longer numbers only the end counts here. */
function readVarint(message: Buffer, at: number): { value: number; end: number } {
  let value = 0;
  for (let shift = 0, end = at; end < message.length && shift < 70; shift += 7, end += 1) {
    const byte = message.readUInt8(end);
    if (shift < 28) value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return { value, end: end + 1 };
  }
  throw new Error('a number does not end');
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}

function lengthDelimited(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint((field << 3) | 2), varint(bytes.length), bytes]);
}

/** As much of protobuf's wire format (protobuf.dev, "Encoding") as an answer of texts, numbers and messages takes. */

export interface Field {
  number: number;
  /** Of a text or message its bytes, of a number the number. */
  value: Uint8Array | number;
}

/** The fields of a message in their order. @throws RangeError when it ends too early */
export function* fieldsOf(message: Uint8Array): Generator<Field> {
  let position = 0;
  const varint = (): number => {
    // sizes beyond 2^53 do not occur, and numbers are exact until there
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = message[position];
      if (byte === undefined) throw new RangeError('protobuf: the message ends within a number');
      position += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  const bytes = (length: number): Uint8Array => {
    if (position + length > message.length) throw new RangeError('protobuf: the message ends within a field');
    position += length;
    return message.subarray(position - length, position);
  };
  while (position < message.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    switch (key % 8) {
      case 0:
        yield { number, value: varint() };
        break;
      case 1:
        yield { number, value: bytes(8) };
        break;
      case 2:
        yield { number, value: bytes(varint()) };
        break;
      case 5:
        yield { number, value: bytes(4) };
        break;
      default:
        throw new RangeError(`protobuf: wire type ${key % 8} is not known`);
    }
  }
}

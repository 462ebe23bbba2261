/**
 * DER (X.690), as much of it as certificates need: a value is the bytes of its tag, its length and what it holds. Written
 * here because libraries take longer to load and to run than all else that a create computes (docs/dependencies.md).
 */

/** One whole value: tag, length, content. */
export type Der = Uint8Array;

/** @param tag the identifier's octet (X.690, 8.1.2) */
function value(tag: number, ...content: readonly Uint8Array[]): Der {
  const body = Buffer.concat(content);
  return Buffer.concat([Uint8Array.of(tag, ...lengthOctets(body.length)), body]);
}

/** Short below 128, else the number of octets and these (X.690, 8.1.3). */
function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length];
  const octets = bigEndian(length);
  return [0x80 | octets.length, ...octets];
}

function bigEndian(number: number): number[] {
  const octets: number[] = [];
  for (let rest = number; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return octets;
}

export function sequence(...members: readonly Der[]): Der {
  return value(0x30, ...members);
}

/** Of one member: DER sorts the others, and names have one. */
export function setOf(member: Der): Der {
  return value(0x31, member);
}

export function boolean(is: boolean): Der {
  return value(0x01, Uint8Array.of(is ? 0xff : 0));
}

/** @param octets a number that is not negative, the most significant octet first */
export function integer(octets: Uint8Array): Der {
  // the first bit is the sign
  return (octets[0] ?? 0) >= 0x80 ? value(0x02, Uint8Array.of(0), octets) : value(0x02, octets);
}

/** @param unused bits at the end of the last octet that do not belong to it */
export function bitString(octets: Uint8Array, unused = 0): Der {
  return value(0x03, Uint8Array.of(unused), octets);
}

export function octetString(octets: Uint8Array): Der {
  return value(0x04, octets);
}

/** @param dotted like "2.5.4.3" */
export function objectIdentifier(dotted: string): Der {
  const [first = 0, second = 0, ...others] = dotted.split('.').map(Number);
  const octets = [first * 40 + second, ...others].flatMap((arc) => {
    // seven bits an octet, the first bit says that more follow
    const septets = [arc % 128];
    for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) {
      septets.unshift((rest % 128) | 0x80);
    }
    return septets;
  });
  return value(0x06, Uint8Array.from(octets));
}

/** PrintableString where it will do (X.680, 41.4), as issuers do that follow RFC 5280's predecessors. */
export function text(characters: string): Der {
  const tag = /^[A-Za-z0-9 '()+,-./:=?]*$/.test(characters) ? 0x13 : 0x0c;
  return value(tag, new TextEncoder().encode(characters));
}

/** To the second. Years have two digits until 2049 (RFC 5280, 4.1.2.5). */
export function time(date: Date): Der {
  const digits = `${date.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`;
  return date.getUTCFullYear() < 2050
    ? value(0x17, new TextEncoder().encode(digits.slice(2)))
    : value(0x18, new TextEncoder().encode(digits));
}

/** A field known by its number instead of its type, holding octets. */
export function tagged(number: number, octets: Uint8Array): Der {
  return value(0x80 | number, octets);
}

/** A field known by its number, around one of a type of its own. */
export function wrapped(number: number, member: Der): Der {
  return value(0xa0 | number, member);
}

/** The values that one holds, in order. @throws an Error for bytes that are cut off */
export function membersOf(whole: Der): Der[] {
  const members: Der[] = [];
  const end = endOf(whole, 0);
  for (let start = contentOf(whole, 0); start < end;) {
    const next = endOf(whole, start);
    members.push(whole.subarray(start, next));
    start = next;
  }
  return members;
}

/** What a value holds, without tag and length. */
export function contentOctets(whole: Der): Uint8Array {
  return whole.subarray(contentOf(whole, 0), endOf(whole, 0));
}

function contentOf(bytes: Uint8Array, start: number): number {
  const first = bytes[start + 1] ?? 0;
  return start + 2 + (first < 0x80 ? 0 : first & 0x7f);
}

function endOf(bytes: Uint8Array, start: number): number {
  const content = contentOf(bytes, start);
  const first = bytes[start + 1] ?? 0;
  const octets = bytes.subarray(start + 2, content);
  const length = first < 0x80 ? first : octets.reduce((sum, octet) => sum * 256 + octet, 0);
  if (content + length > bytes.length) throw new Error('DER: the bytes end too soon');
  return content + length;
}

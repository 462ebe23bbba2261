import { describe, expect, it } from 'vitest';

import * as der from '../../src/pki/der.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('DER', () => {
  it.each([
    ['a short length', der.octetString(new Uint8Array(127)), '047f'],
    ['a length of one octet', der.octetString(new Uint8Array(128)), '048180'],
    ['a length of two octets', der.octetString(new Uint8Array(256)), '04820100'],
  ])('writes %s', (_what, value, start) => {
    expect(hex(value).startsWith(start)).toBe(true);
    expect(der.contentOctets(value)).toHaveLength(value.length - start.length / 2);
  });

  it.each([
    ['a number', der.integer(Uint8Array.of(0x7f)), '02017f'],
    ['a number whose first bit is set, which is no sign', der.integer(Uint8Array.of(0x80)), '02020080'],
    ['true', der.boolean(true), '0101ff'],
    [
      'an identifier whose arcs are larger than seven bits',
      der.objectIdentifier('1.2.840.10045.4.3.2'),
      '06082a8648ce3d040302',
    ],
    ['bits', der.bitString(Uint8Array.of(0b1000_0110), 1), '03020186'],
    ['printable text', der.text('system:nodes'), `130c${Buffer.from('system:nodes').toString('hex')}`],
    ['text with an ampersand, as UTF-8', der.text('b&c'), '0c03622663'],
    [
      'the last year of two digits',
      der.time(new Date('2049-12-31T23:59:59.999Z')),
      `170d${Buffer.from('491231235959Z').toString('hex')}`,
    ],
    [
      'the first year of four',
      der.time(new Date('2050-01-01T00:00:00Z')),
      `180f${Buffer.from('20500101000000Z').toString('hex')}`,
    ],
    ['a field known by its number', der.tagged(2, Uint8Array.of(1)), '820101'],
    ['a field around another', der.wrapped(3, der.boolean(false)), 'a303010100'],
  ])('writes %s', (_what, value, expected) => {
    expect(hex(value)).toBe(expected);
  });

  it('gives back the values that one holds', () => {
    const long = der.octetString(new Uint8Array(300));
    expect(der.membersOf(der.sequence(der.boolean(true), long, der.sequence()))).toEqual([
      der.boolean(true),
      long,
      der.sequence(),
    ]);
  });

  it('refuses bytes that are cut off', () => {
    const whole = der.sequence(der.octetString(new Uint8Array(300)));
    expect(() => der.membersOf(whole.subarray(0, 200))).toThrow('end too soon');
  });
});

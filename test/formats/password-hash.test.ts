import { describe, expect, it } from 'vitest';

import { isPasswordHash, isPasswordOf, saltOf, sha512Crypt } from '../../src/formats/password-hash.ts';

describe('sha512Crypt', () => {
  // the first from Drepper's paper, the others from openssl passwd -6
  it.each([
    [
      'Hello world!',
      'saltstring',
      '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
    ],
    [
      'correct horse battery staple',
      './09AZaz./09AZaz',
      '$6$./09AZaz./09AZaz$i7aHPzd9FbXaZKZ4RwLXt2zGHQa5DqyRne5Iim.NlEbPmDrtseREOydYQBzcKaSYr.MMKfOqYQ.78iNeXGkB01',
    ],
    [
      'Grüße, Jürgen',
      'zzzz',
      '$6$zzzz$m0oQDDoVpGhZHAlYTKmN4Wm54G0dYeWPKjIhzyi8aUoMEJDBZWSFRbzXmC1HeBsVduJy5BQiH1tIJfBvkh/mA0',
    ],
    [
      'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      'abcdefgh',
      '$6$abcdefgh$J74PEApZRYnxFxfV7YR9J1SNDZA/y9/0zjoD/.pAGZufEnXskYcAOuzejxsvcHUUKaiVU43hXJUUM0/I8NBis1',
    ],
    [
      'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy',
      'abcdefgh',
      '$6$abcdefgh$wrO3ut6zcaf2AIBI.XTEeDUSiuZ/dsVeeZJ2JOc3GEcX6krmp6iJxpairaCv1569r1hfQFS.1JoVA8g.dxvTU1',
    ],
    [
      'long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long ',
      'knest',
      '$6$knest$w1.EZ8M.dnUSn2JpteTZ/oatXXSJodeGuV4WWP9xWA/WAW82D9VPtJZP0uY.hXJmYw4XFlAqlv7cs5T02q3cu.',
    ],
  ])('of %j with salt %s', (password, salt, expected) => {
    expect(sha512Crypt(password, salt)).toBe(expected);
  });
});

describe('saltOf', () => {
  it('makes 16 characters of 12 bytes', () => {
    expect(saltOf(new Uint8Array(12))).toBe('................');
    expect(saltOf(Uint8Array.from({ length: 12 }, (_, index) => 17 * index + 30))).toMatch(
      /^[./0-9A-Za-z]{16}$/,
    );
  });
});

describe('isPasswordHash', () => {
  it('knows what is whole', () => {
    const hash = sha512Crypt('secret', 'saltstring');
    expect(isPasswordHash(hash)).toBe(true);
    expect(isPasswordHash(hash.slice(0, -1))).toBe(false);
    expect(isPasswordHash(`${hash}:0`)).toBe(false);
    expect(isPasswordHash('$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7')).toBe(
      true,
    );
    expect(isPasswordHash('secret')).toBe(false);
  });
});

describe('isPasswordOf', () => {
  it('asks the hash with its own salt', () => {
    const hash = sha512Crypt('secret', 'saltstring');
    expect(isPasswordOf('secret', hash)).toBe(true);
    expect(isPasswordOf('secrets', hash)).toBe(false);
  });

  it('says no where it cannot tell', () => {
    expect(
      isPasswordOf('secret', '$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7'),
    ).toBe(false);
    const rounds = sha512Crypt('secret', 'saltstring').replace('$6$', '$6$rounds=1000$');
    expect(isPasswordOf('secret', rounds)).toBe(false);
  });
});

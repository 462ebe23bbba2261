import { describe, expect, it } from 'vitest';

import { withRootPassword } from '../../src/formats/shadow.ts';

describe('withRootPassword', () => {
  it("replaces root's and nothing else", () => {
    expect(
      withRootPassword('daemon:*:1:0:99999:7:::\nroot:*:20779:0:99999:7:::\nrooter:!:1::::::\n', '$6$a$b'),
    ).toBe('daemon:*:1:0:99999:7:::\nroot:$6$a$b:20779:0:99999:7:::\nrooter:!:1::::::\n');
  });

  it('adds root where there is none', () => {
    expect(withRootPassword('daemon:*:1::::::\n', '$6$a$b')).toBe('root:$6$a$b:::::::\ndaemon:*:1::::::\n');
    expect(withRootPassword('', '$6$a$b')).toBe('root:$6$a$b:::::::\n');
  });
});

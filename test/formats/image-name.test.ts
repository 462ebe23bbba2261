import { expect, it } from 'vitest';

import { wholeImageName } from '../../src/formats/image-name.ts';

it.each([
  ['busybox', 'docker.io/library/busybox:latest'],
  ['busybox:1', 'docker.io/library/busybox:1'],
  ['team/app', 'docker.io/team/app:latest'],
  ['docker.io/busybox:1', 'docker.io/library/busybox:1'],
  ['localhost/app:1', 'localhost/app:1'],
  ['localhost:5000/app', 'localhost:5000/app:latest'],
  ['registry.example/team/app:1', 'registry.example/team/app:1'],
  ['registry.example/app@sha256:00', 'registry.example/app@sha256:00'],
])('%s is %s', (name, whole) => {
  expect(wholeImageName(name)).toBe(whole);
});

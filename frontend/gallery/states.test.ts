import { expect, test } from 'vitest';
import { entries } from '../src/state';
import { GROUPS } from './states';

const STATES = GROUPS.flatMap(({ states }) => states);

test('each state has a name of its own', () => {
  const names = STATES.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

test.each(STATES)('the page understands the address of $name', ({ state }) => {
  for (const [key, value] of Object.entries(state)) {
    const entry = entries[key as keyof typeof entries];
    expect(entry, key).toBeDefined();
    expect(entry.parse(String(value)), `${key}=${value}`).toBeDefined();
  }
});

import { expect, it } from 'vitest';
import { ByteLru } from './cache';

it('forgets what was used least recently when its bytes run out', () => {
  const cache = new ByteLru<string>(10);
  cache.set('a', 'A', 4);
  cache.set('b', 'B', 4);
  expect(cache.get('a')).toBe('A');
  cache.set('c', 'C', 4);
  expect([cache.has('a'), cache.has('b'), cache.has('c')]).toEqual([true, false, true]);
  expect(cache.bytes).toBe(8);
});

it('counts an entry that is set again once', () => {
  const cache = new ByteLru<string>(10);
  cache.set('a', 'A', 4);
  cache.set('a', 'B', 6);
  expect(cache.bytes).toBe(6);
  expect(cache.get('a')).toBe('B');
});

it('keeps one value that is larger than the limit', () => {
  const cache = new ByteLru<string>(10);
  cache.set('a', 'A', 4);
  cache.set('b', 'B', 40);
  expect([cache.has('a'), cache.has('b')]).toEqual([false, true]);
});

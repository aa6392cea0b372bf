import { describe, expect, it } from 'vitest';
import { neighbours, repeated, resized } from './resizing';

const values = (...list: number[]) => Float32Array.from(list);

describe('resized', () => {
  it('lies between the centres of the pixels, and stays at the edges', () => {
    // As in tests of the Python twin: 0 and 4 in four places.
    expect([...resized(values(0, 4), [1, 2], [1, 4])]).toEqual([0, 1, 3, 4]);
    expect([...resized(values(0, 4), [2, 1], [4, 1])]).toEqual([0, 1, 3, 4]);
  });

  it('interpolates both axes', () => {
    const found = resized(values(0, 4, 8, 12), [2, 2], [4, 4]);
    expect([...found.slice(0, 4)]).toEqual([0, 1, 3, 4]);
    expect([...found.slice(4, 8)]).toEqual([2, 3, 5, 6]);
  });

  it('makes things smaller, too, and leaves them alone', () => {
    expect([...resized(values(0, 1, 2, 3), [1, 4], [1, 2])]).toEqual([0.5, 2.5]);
    const same = values(1, 2);
    expect(resized(same, [1, 2], [1, 2])).toBe(same);
    expect([...resized(values(7), [1, 1], [1, 3])]).toEqual([7, 7, 7]);
  });

  it('keeps NaN where it is', () => {
    const found = resized(values(1, Number.NaN, 1, 1), [1, 4], [1, 8]);
    expect([...found].map(Number.isNaN)).toEqual([0, 1, 1, 1, 1, 0, 0, 0].map(Boolean));
  });
});

describe('neighbours', () => {
  it('gives the lower one and the share of the upper', () => {
    const { lower, share } = neighbours(2, 4);
    expect([...lower]).toEqual([0, 0, 0, 0]);
    expect([...share]).toEqual([0, 0.25, 0.75, 1]);
  });
});

describe('repeated', () => {
  it('gives each place the value that it lies in', () => {
    expect([...repeated(values(1, 2), [1, 2], [2, 4])]).toEqual([1, 1, 2, 2, 1, 1, 2, 2]);
  });
});

import { expect, it } from 'vitest';
import {
  formatBytes,
  formatCount,
  formatOrdinal,
  formatShape,
  formatShare,
  formatValue,
  formatWithError,
  parseValue,
  plural,
  superscript,
} from './format';

it.each([
  [0, '0'],
  [2.3184, '2.318'],
  [-0.0042, '−0.0042'],
  [123.456, '123.5'],
  [12345.6, '12,350'],
  [0.99999, '1'],
  [1.23e-7, '1.23×10⁻⁷'],
  [-4e9, '−4×10⁹'],
  [Number.NaN, 'NaN'],
  [Number.POSITIVE_INFINITY, '+∞'],
  [Number.NEGATIVE_INFINITY, '−∞'],
])('writes %d as %s', (value, text) => {
  expect(formatValue(value)).toBe(text);
});

it('writes a value to the digits that its error leaves', () => {
  expect(formatWithError(2.31842, 0.0069)).toBe('2.318 ± 0.0069');
  expect(formatWithError(0, 0.5)).toBe('0 ± 0.5');
  expect(formatWithError(1.25, 0)).toBe('1.25');
  expect(formatWithError(Number.NaN, 0.1)).toBe('NaN');
});

it('never rounds a share to nothing or to all', () => {
  const shares = [0, 0.0004, 0.016, 0.4123, 0.9995, 1, Number.NaN];
  expect(shares.map(formatShare)).toEqual([
    '0 %',
    '< 0.1 %',
    '1.6 %',
    '41 %',
    '> 99.9 %',
    '100 %',
    '–',
  ]);
});

it('writes counts, shapes and exponents', () => {
  expect(formatCount(12400)).toBe('12,400');
  expect(formatShape([14, -1, 64])).toBe('14 × ? × 64');
  expect([2, 3, 11, 13, 21, 1022].map(formatOrdinal)).toEqual([
    '2nd',
    '3rd',
    '11th',
    '13th',
    '21st',
    '1,022nd',
  ]);
  expect(superscript(-12)).toBe('⁻¹²');
  expect(plural(1, 'record')).toBe('1 record');
  expect(plural(1200, 'record')).toBe('1,200 records');
});

it('writes bytes as the recorder does', () => {
  expect([0, 999, 1900, 123456, 5e9].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1.9 kB',
    '123 kB',
    '5.0 GB',
  ]);
});

it('reads the numbers that it writes into a field, and refuses others', () => {
  expect(parseValue(' −0.25 ')).toBe(-0.25);
  expect(parseValue('1e−7')).toBe(1e-7);
  expect(['', ' ', 'max', '1,5', 'Infinity'].map(parseValue)).toEqual(
    Array(5).fill(undefined),
  );
});

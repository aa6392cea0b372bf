/** Numbers as the page writes them. */

const MINUS = '−';
const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** Whole numbers with thousands separators: 12,400. */
export function formatCount(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en-US') : '–';
}

/** Bytes for a person, as `budget.format_bytes`: 312 B, 1.9 MB. */
export function formatBytes(count: number): string {
  let size = count;
  for (const unit of ['B', 'kB', 'MB']) {
    if (size < 1000) return `${size.toFixed(unit === 'B' || size >= 100 ? 0 : 1)} ${unit}`;
    size /= 1000;
  }
  return `${size.toFixed(size >= 100 ? 0 : 1)} GB`;
}

/** A value to `digits` significant digits: 2.318, −0.0042, 1.2×10⁻⁷, NaN, ∞. */
export function formatValue(value: number, digits = 4): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+∞' : `${MINUS}∞`;
  if (value === 0) return '0';
  const sign = value < 0 ? MINUS : '';
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e6) {
    const rounded = Number(size.toPrecision(digits));
    const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(rounded)));
    return sign + (rounded >= 1e4 ? formatCount(rounded) : trim(rounded.toFixed(decimals)));
  }
  const [mantissa, exponent] = size.toExponential(Math.max(0, digits - 2)).split('e');
  return `${sign}${trim(mantissa)}×10${superscript(Number(exponent))}`;
}

/** The number that was typed, with a minus of either kind; undefined where it is none. */
export function parseValue(text: string): number | undefined {
  const plain = text.trim().replaceAll(MINUS, '-');
  const value = Number(plain);
  return plain && Number.isFinite(value) ? value : undefined;
}

/** The uncertainty of a value, one or two digits: ± 0.007. */
export function formatError(error: number): string {
  return error > 0 ? ` ± ${formatValue(error, 2)}` : '';
}

/** A value to no more digits than its error leaves any meaning. */
export function formatWithError(value: number, error: number): string {
  if (!Number.isFinite(value) || !(error > 0)) return formatValue(value, 5);
  const digits = value === 0 ? 2 : Math.floor(Math.log10(Math.abs(value) / error)) + 2;
  return formatValue(value, Math.min(7, Math.max(2, digits))) + formatError(error);
}

/** 0.4123 to "41 %"; small and near-whole shares keep a digit, none is rounded away. */
export function formatShare(share: number): string {
  if (!Number.isFinite(share)) return '–';
  const percent = 100 * share;
  if (percent === 0 || percent === 100) return `${percent} %`;
  if (percent < 0.1) return '< 0.1 %';
  if (percent > 99.9) return '> 99.9 %';
  return `${percent < 10 || percent > 99 ? percent.toFixed(1) : Math.round(percent)} %`;
}

/** 10 to the power of a whole number, in figures: 10⁻². */
export function superscript(exponent: number): string {
  const digits = [...String(Math.abs(exponent))]
    .map((d) => SUPERSCRIPTS[Number(d)])
    .join('');
  return (exponent < 0 ? '⁻' : '') + digits;
}

/** A shape as people say it: 14 × 14 × 64; unknown sizes are "?". */
export function formatShape(sizes: readonly number[]): string {
  return sizes.map((size) => (size < 0 ? '?' : String(size))).join(' × ');
}

/** 2nd, 3rd, 11th, 1,022nd. */
export function formatOrdinal(count: number): string {
  const [tens, ones] = [Math.floor(count / 10) % 10, count % 10];
  const ending = tens === 1 ? 'th' : (['th', 'st', 'nd', 'rd'][ones] ?? 'th');
  return formatCount(count) + ending;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

function trim(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

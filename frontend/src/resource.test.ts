import { signal } from '@preact/signals';
import { expect, it } from 'vitest';
import { resource } from './resource';

/** A question whose answers are given by hand. */
function byHand() {
  const question = signal<string | undefined>(undefined);
  const asked = new Map<string, { give: (answer: string) => void; signal: AbortSignal }>();
  const known = new Map<string, string>();
  const result = resource<string, string>(question, {
    key: (q) => q,
    load: (q, abort) => new Promise((give) => asked.set(q, { give, signal: abort })),
    peek: (q) => known.get(q),
    keep: (old, next) => old[0] === next[0],
  });
  return { question, asked, known, result };
}

const settle = () => new Promise((resolve) => setTimeout(resolve));

it('drops the answer to an old question', async () => {
  const { question, asked, result } = byHand();
  question.value = 'a1';
  question.value = 'a2';
  expect(asked.get('a1')?.signal.aborted).toBe(true);
  asked.get('a2')?.give('A2');
  await settle();
  asked.get('a1')?.give('A1');
  await settle();
  expect(result.value).toEqual({ question: 'a2', answer: 'A2', loading: false });
});

it('keeps an old answer of the same kind until the new one comes, and no other', async () => {
  const { question, asked, result } = byHand();
  question.value = 'a1';
  asked.get('a1')?.give('A1');
  await settle();
  question.value = 'a2';
  expect(result.value).toEqual({ question: 'a1', answer: 'A1', loading: true });
  question.value = 'b1';
  expect(result.value).toEqual({ loading: true });
});

it('shows a known answer at once, without a request', () => {
  const { question, asked, known, result } = byHand();
  known.set('a1', 'A1');
  question.value = 'a1';
  expect(result.value).toEqual({ question: 'a1', answer: 'A1', loading: false });
  expect(asked.size).toBe(0);
  question.value = undefined;
  expect(result.value).toEqual({ loading: false });
});

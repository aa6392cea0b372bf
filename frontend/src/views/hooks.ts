import { createContext, type RefObject } from 'preact';
import { useContext, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

export interface Size {
  width: number;
  height: number;
}

/** The size of an element's content, without padding and scroll bars, kept up to date. */
export function useSize<E extends Element>() {
  const ref = useRef<E>(null);
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    // Called before the first paint, too.
    const observer = new ResizeObserver((records) => {
      const { width, height } = records[records.length - 1].contentRect;
      setSize((old) =>
        old.width === width && old.height === height ? old : { width, height },
      );
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, size] as const;
}

const watchers = new WeakMap<Element, (visible: boolean) => void>();

// One observer for all tiles: hundreds of them would each cost a task.
const observer = new IntersectionObserver(
  (records) => {
    for (const { target, isIntersecting, boundingClientRect } of records) {
      // TensorBoard hides the frame at times, which takes every size away; that is not
      // out of view, and what changes meanwhile is painted for the reader's return.
      if (isIntersecting || boundingClientRect.width > 0)
        watchers.get(target)?.(isIntersecting);
    }
  },
  // So that a tile is painted before it is scrolled into view.
  { rootMargin: '400px' },
);

/** Set within a row that is in the document only while it is in view, or nearly. */
export const InView = createContext(false);

/** Whether an element is in view, or nearly. */
export function useVisible<E extends Element>() {
  const ref = useRef<E>(null);
  const within = useContext(InView);
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    const element = ref.current;
    if (!element || within) return;
    watchers.set(element, setVisible);
    observer.observe(element);
    return () => {
      observer.unobserve(element);
      watchers.delete(element);
    };
  }, [within]);
  return [ref, within || visible] as const;
}

/** A dialog that is open while it is wanted. */
export function useModal(open: boolean): RefObject<HTMLDialogElement | null> {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open) ref.current?.showModal();
    else ref.current?.close();
  }, [open]);
  return ref;
}

import { Component, type ComponentChildren, type FunctionComponent, h } from 'preact';

/** A component that renders again only when a property differs; `preact/compat`'s, without it. */
export function memo<P extends object>(inner: FunctionComponent<P>): FunctionComponent<P> {
  class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const old = this.props as P;
      const keys = new Set([...Object.keys(old), ...Object.keys(next)]) as Set<keyof P>;
      for (const key of keys) if (!Object.is(old[key], next[key])) return true;
      return false;
    }

    override render(): ComponentChildren {
      return h(inner, this.props as P);
    }
  }
  return Memo as unknown as FunctionComponent<P>;
}

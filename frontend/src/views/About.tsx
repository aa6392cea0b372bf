import type { ComponentChildren } from 'preact';
import { type FactGroup, layerFacts, recorderFacts } from '../about';
import { state } from '../state';
import { data, layer } from '../store';

/** A view's title, and on demand all that is known of the tensor that it shows. */
export function TitleWithAbout(props: {
  children: ComponentChildren;
  /** Of the tensor itself; undefined where none is shown. */
  tensor: FactGroup | undefined;
}) {
  const [known, one, shown] = [data.value, layer.value, state.about.value];
  return (
    <>
      <div class="title">
        <h1>{props.children}</h1>
        <button
          type="button"
          class="link"
          aria-label="About this tensor"
          aria-expanded={shown}
          aria-controls="about"
          title="Where this tensor is from, and what of it is recorded (I)"
          data-testid="about-toggle"
          onClick={() => {
            state.about.value = !shown;
          }}
        >
          About<span> this tensor</span>
        </button>
      </div>
      <section
        id="about"
        class="about-tensor"
        aria-label="About this tensor"
        data-testid="about"
        // In the tab order, for it may have to be scrolled.
        tabIndex={0}
        hidden={!shown}
      >
        {shown && known && one && (
          <>
            <Facts {...layerFacts(one, known.model.layers)} />
            {props.tensor && <Facts {...props.tensor} />}
            <Facts {...recorderFacts(known.model)} />
          </>
        )}
      </section>
    </>
  );
}

function Facts({ title, facts }: FactGroup) {
  if (facts.length === 0) return null;
  return (
    <div>
      <h2>{title}</h2>
      <dl>
        {facts.map(([term, text], i) => (
          <div key={i}>
            <dt>{term}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

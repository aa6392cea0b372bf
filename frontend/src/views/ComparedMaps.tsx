import { selectTile } from '../actions';
import type { Colormap } from '../colormaps';
import { compared, reference, versusRun, versusStep } from '../compare_store';
import type { Changes } from '../compare';
import { formatValue, plural } from '../format';
import type { Domain } from '../heatmap';
import { type Pair, pairOf } from '../pair_painting';
import { paintingOf } from '../painting';
import { KIND_TITLES } from '../selection';
import { state } from '../state';
import { kind, path } from '../store';
import { runTitle } from './colors';
import { Groups } from './CompareGroups';
import type { Size } from './hooks';
import { Failure, Note, Waiting } from './Messages';
import { ScaleBar } from './ScaleBar';

// So many channels are named as the most changed, come alive or died.
const NAMED = 6;

/** The maps of A and B, channel by channel, the most changed first. */
export function ComparedMaps({ room }: { room: Size }) {
  const found = compared.value;
  const { error } = reference.value;
  if (error) return <Failure error={error} />;
  if (!found) return versusStep.value === undefined ? <NoPartner /> : <Waiting />;
  const { a, b, unlike, difference, changes } = found;
  const pair = pairOf(a, b, difference);
  const order = changes?.order ?? Array.from({ length: a.channels }, (_, i) => i);
  return (
    <>
      {unlike && <Note>{unlike}: their maps have no difference.</Note>}
      <div class="changes">
        {changes && <Summary changes={changes} channels={a.channels} />}
        <Legends pair={pair} />
      </div>
      <Groups pair={pair} order={order} changes={changes} room={room} />
    </>
  );
}

/** B has nothing to compare with. */
function NoPartner() {
  const run = versusRun.value?.run;
  return (
    <div class="message" data-testid="no-partner">
      <p>
        <b>
          {run === undefined
            ? 'There is no run to compare with.'
            : `${runTitle(run)} has no maps of ${path.value} · ${KIND_TITLES[kind.value ?? 'activation']}.`}
        </b>
      </p>
      <p>
        Runs are matched by the layers’ paths. Tick another run at the left, or choose
        another layer.
      </p>
    </div>
  );
}

/** What changed, in words, with the way there. */
function Summary({ changes, channels }: { changes: Changes; channels: number }) {
  const { order, change, born, died } = changes;
  if (channels < 2) return null;
  const moved = order.filter((channel) => change[channel] !== 0);
  return (
    <p data-testid="changes">
      Most changed: <Channels list={moved} />
      {born.length > 0 && (
        <>
          {' '}
          · <b>{plural(born.length, 'channel')}</b> alive in A alone:{' '}
          <Channels list={born} />
        </>
      )}
      {died.length > 0 && (
        <>
          {' '}
          · <b>{plural(died.length, 'channel')}</b> alive in B alone:{' '}
          <Channels list={died} />
        </>
      )}
    </p>
  );
}

function Legends({ pair }: { pair: Pair }) {
  const own = paintingOf(pair.a).normalisation === 'map';
  const both = state.comparison.value === 'side' && pair.difference !== undefined;
  return (
    <span class="legends">
      <Legend of="A, B" domain={pair.domainOf(0)} map={pair.map} own={own} />
      {both && (
        <Legend
          of="A − B"
          domain={pair.differenceOf(0)}
          map={pair.differenceMap}
          own={own}
        />
      )}
    </span>
  );
}

/** What the colours of A and B, or of their difference, span. */
function Legend(props: { of: string; domain: Domain; map: Colormap; own: boolean }) {
  const { of, domain, map, own } = props;
  const [low, high] = own ? ['min', 'max'] : [domain.low, domain.high].map(ended);
  return (
    <span class="legend" data-testid="compare-legend" data-low={low} data-high={high}>
      {of}
      <span class="end">{low}</span>
      <ScaleBar domain={domain} map={map} />
      <span class="end">{high}</span>
      {own && <small>each its own</small>}
    </span>
  );
}

function ended(value: number): string {
  return formatValue(value, 3);
}

function Channels({ list }: { list: readonly number[] }) {
  if (list.length === 0) return <>none</>;
  return (
    <>
      {list.slice(0, NAMED).map((channel, i) => (
        <span key={channel}>
          {i > 0 && ', '}
          <button type="button" class="link" onClick={() => selectTile(channel)}>
            {channel}
          </button>
        </span>
      ))}
      {list.length > NAMED && ' …'}
    </>
  );
}

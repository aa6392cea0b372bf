import { useMemo } from 'preact/hooks';
import { chartOf } from '../histogram_chart';
import {
  type HistogramPair,
  histogramPairs,
  pairsError,
  pairsLoading,
  ranking,
} from '../histogram_pair_store';
import { PAIR_ORDERS, state } from '../state';
import { data, histogramsNearby } from '../store';
import { Nearest } from './Absent';
import { Segments } from './Controls';
import { CardGrid, LayerCard } from './HistogramGrid';
import { formatDistance, PairChart, PairKeys, Unmatched } from './HistogramPair';
import { type Size, useVisible } from './hooks';
import { Failure, Note, Waiting } from './Messages';

export function PairOrderPicker() {
  return (
    <Segments
      label="In which order"
      value={state.pairOrder.value}
      choices={PAIR_ORDERS.map((value) => ({
        value,
        title: value === 'distance' ? 'Most changed first' : 'As in the model',
        testId: `pair-order-${value}`,
      }))}
      onChoose={(value) => {
        state.pairOrder.value = value;
      }}
    />
  );
}

/** A and B of all layers as small charts. */
export function ComparedGrid({ edges }: { edges: readonly number[] }) {
  const found = histogramPairs.value;
  if (data.value?.series.histograms === null)
    return <Note>This run holds no histograms.</Note>;
  if (pairsError.value) return <Failure error={pairsError.value} />;
  if (!found) return pairsLoading.value ? <Waiting /> : <NothingToCompare />;
  const pairs = state.pairOrder.value === 'distance' ? ranking.value : found.pairs;
  if (pairs.length === 0) return <NothingToCompare />;
  return (
    <>
      <PairKeys rows={pairs[0].rows} />
      <Unmatched />
      <CardGrid>
        {(size) =>
          pairs.map((pair) => (
            <PairCard key={pair.row} pair={pair} edges={edges} size={size} />
          ))
        }
      </CardGrid>
    </>
  );
}

function NothingToCompare() {
  const nearby = histogramsNearby.value;
  return (
    <div class="note">
      A and B have no histograms of the same tensors at these steps. Choose another step, or
      tick another run at the left. {nearby && !nearby.here && <Nearest nearby={nearby} />}
    </div>
  );
}

function PairCard(props: { pair: HistogramPair; edges: readonly number[]; size: Size }) {
  const { pair, edges, size } = props;
  const [ref, visible] = useVisible<HTMLSpanElement>();
  const axis = state.axis.value;
  const chart = useMemo(
    () => (visible ? chartOf(pair.rows, edges, axis, false) : undefined),
    [visible, pair, edges, axis],
  );
  return (
    <LayerCard
      row={pair.row}
      size={size}
      room={ref}
      note={formatDistance(pair.distance)}
      // Where the most changed come first, these are what is to be seen.
      follow={state.pairOrder.value === 'model'}
    >
      {chart && (
        <PairChart
          chart={chart}
          size={size}
          small
          testId="small-pair"
          label={`Histograms of A and B of ${pair.path}`}
        />
      )}
    </LayerCard>
  );
}

/** In which order maps stand, since which step they changed, and which are left out. */
import { pinStep } from '../actions';
import { formatCount, plural } from '../format';
import { looksBack, type Order, ORDERS } from '../order';
import { state } from '../state';
import { channelOrder, maps, stack } from '../maps_store';

const ORDER_TITLES: Record<Order, string> = {
  index: 'index',
  mean: 'mean',
  max: 'max',
  zeros: 'most zeros',
  change: 'change since last',
  pinned: 'change since pin',
};

const ORDER_HINT =
  'From the greatest down, by the recorded values of the samples on the page; a change is the mean absolute difference';

export function OrderPicker() {
  const pin = state.pin.value;
  return (
    <select
      class="select order"
      data-testid="order-select"
      aria-label="Order of the maps"
      title={ORDER_HINT}
      value={state.order.value}
      onChange={(event) => {
        state.order.value = event.currentTarget.value as Order;
      }}
    >
      {ORDERS.map((order) => (
        <option key={order} value={order} disabled={order === 'pinned' && pin === null}>
          Sort: {ORDER_TITLES[order]}
        </option>
      ))}
    </select>
  );
}

/** Pins the step of the maps on the page, to sort by the change since then. */
export function PinButton() {
  const at = stack.value.answer?.header.step;
  const pin = state.pin.value;
  if (pin !== null) {
    return (
      <button
        type="button"
        class="button pressed"
        data-testid="pin"
        aria-pressed="true"
        title="Changes count from this step; click to unpin it"
        onClick={() => pinStep(null)}
      >
        Pinned: {formatCount(pin)} ×
      </button>
    );
  }
  return (
    <button
      type="button"
      class="button"
      data-testid="pin"
      aria-pressed="false"
      disabled={at === undefined}
      title="Sort by the change since this step, wherever the scrubber goes"
      onClick={() => at !== undefined && pinStep(at)}
    >
      Pin this step
    </button>
  );
}

export function FilterButton() {
  const isOn = state.filter.value === 'alive';
  return (
    <button
      type="button"
      class={`button ${isOn ? 'pressed' : ''}`}
      data-testid="filter-alive"
      aria-pressed={isOn}
      title="Hides maps that have one value throughout, 0 or another"
      onClick={() => {
        state.filter.value = isOn ? 'all' : 'alive';
      }}
    >
      Alive only
    </button>
  );
}

/** Since which step a change counts, or why there is none to sort by. */
function changeText(order: Order, since: number | undefined): string {
  if (since !== undefined) return `Δ since step ${formatCount(since)}`;
  if (order === 'change') return 'no maps before this step: by index';
  return state.pin.value === null
    ? 'no step is pinned: by index'
    : 'this is the pinned step: by index';
}

/** How many maps are hidden, and why an order is not what was asked for. */
export function OrderNote() {
  const order = channelOrder.value;
  if (!order) return null;
  const parts: string[] = [];
  if (order.hidden > 0) {
    const all = order.hidden + order.channels.length;
    parts.push(`${formatCount(order.hidden)} of ${plural(all, 'map')} hidden`);
  }
  if (looksBack(order.order)) {
    parts.push(changeText(order.order, order.keys && order.since));
  }
  return parts.length > 0 ? (
    <p
      class={`order-note ${maps.value.loading ? 'stale' : ''}`}
      data-testid="order-note"
      role="status"
    >
      {parts.join(' · ')}
    </p>
  ) : null;
}

import { formatCount, plural } from '../format';
import { mapTable } from '../map_table';
import { channelOrder, stack } from '../maps_store';
import { sample } from '../store';
import { isWeightKind, type Kind } from '../selection';

/** The numbers behind the maps: of several samples, those of the one in the details. */
export function MapTable() {
  const one = stack.value.answer;
  if (!one) return null;
  const all = Array.from({ length: one.channels }, (_, channel) => channel);
  const { columns, rows, hidden } = mapTable(one, channelOrder.value?.channels ?? all);
  const { kind, step } = one.header;
  const of = isWeightKind(kind as Kind) ? '' : `, sample ${sample.value}`;
  return (
    // Scrolled by key, too.
    <div
      class="table-room maps"
      tabIndex={0}
      role="region"
      aria-label="Numbers of the maps"
    >
      <table data-testid="map-table">
        <caption>
          Step {formatCount(step)}
          {of}
          {hidden > 0 && `; ${plural(hidden, 'more row')} in Export, NPZ`}
        </caption>
        <thead>
          <tr>
            <td />
            {columns.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, cells }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {cells.map((cell, i) => (
                <td key={columns[i]}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

import { isAttention } from '../attention';
import type { Painting } from '../painting';
import type { Stack } from '../wire_format';
import { QueryMark } from './Attention';
import { Axes } from './Axes';
import type { Size } from './hooks';
import { Plane } from './Plane';

// Room for the axes' names and numbers.
const LEFT = 52;
const BOTTOM = 40;
/** Cells are square unless the matrix would be a thread. */
const LONGEST_ASPECT = 3;
const LARGEST_CELL = 22;

/** One plane as a matrix, its axes named: units over time, inputs by outputs. */
export function Matrix({
  stack,
  painting,
  room,
}: {
  stack: Stack;
  painting: Painting;
  room: Size;
}) {
  const { height: rows, width: columns } = stack;
  const aspect = Math.min(LONGEST_ASPECT, Math.max(1 / LONGEST_ASPECT, columns / rows));
  const roomWidth = Math.max(80, room.width - LEFT - 8);
  const roomHeight = Math.max(160, room.height - BOTTOM - 8);
  const width = Math.min(
    roomWidth,
    roomHeight * aspect,
    LARGEST_CELL * Math.max(columns, rows * aspect),
  );
  const height = width / aspect;
  return (
    <Axes stack={stack}>
      <Plane
        stack={stack}
        channel={0}
        domain={painting.domainOf(0)}
        map={painting.map}
        testId="tile"
        width={Math.floor(width)}
        height={Math.floor(height)}
      />
      {isAttention(stack.header) && <QueryMark rows={rows} height="100%" />}
    </Axes>
  );
}

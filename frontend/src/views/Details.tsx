import { goToStep, selectTile } from '../actions';
import { isAttention } from '../attention';
import { extent, linePath } from '../axis';
import { formatCount, formatShare, formatValue, formatWithError } from '../format';
import { symmetric } from '../domain';
import { type Domain, summarize } from '../heatmap';
import { channelTitle } from '../layout';
import { centred, type Painting, paintingOf } from '../painting';
import { filterOf, rgbFilters } from '../rgb';
import { isWeightKind } from '../selection';
import { state } from '../state';
import { film, inputs, ranges, selectedChannel, stack } from '../maps_store';
import { kind, mapsNearby, sample, sampleLabel, samplesStay, step } from '../store';
import { type Stack, valueAt, worstError } from '../wire_format';
import { QueryMark, QueryRow } from './Attention';
import { Axes } from './Axes';
import { InputPicture, isPicture, sampleTitle, Segments } from './Controls';
import { useSize } from './hooks';
import { hover } from './hover';
import { Plane } from './Plane';
import { RgbPlane } from './RgbKernels';
import { Prediction } from './Prediction';
import { axisWord, valueText } from './ReadOut';

/** The selected map, large, with its numbers and its past; the sample and the prediction. */
export function Details() {
  const { answer } = stack.value;
  const channel = selectedChannel.value;
  return (
    <aside class="details" aria-label="Details" tabIndex={0}>
      {answer && channel !== null ? (
        <Selected stack={answer} channel={channel} painting={paintingOf(answer)} />
      ) : (
        answer && (
          <p class="hint">Click a map to see it large, with its numbers and its past.</p>
        )
      )}
      {mapsNearby.value && !mapsNearby.value.here && (
        <p class="hint">No maps at this step.</p>
      )}
      {kind.value && !isWeightKind(kind.value) && <Sample large={channel === null} />}
      <Prediction />
    </aside>
  );
}

interface SelectedProps {
  stack: Stack;
  channel: number;
  painting: Painting;
}

function Selected(props: SelectedProps) {
  const { stack, channel, painting } = props;
  const single = stack.channels === 1;
  const filters =
    state.kernels.value === 'rgb' && state.arrangement.value === 'maps'
      ? rgbFilters(stack.header)
      : undefined;
  return (
    <>
      {!single && (
        <div class="large-map">
          {filters ? (
            <RgbPlane
              stack={stack}
              filter={filterOf(filters, channel)}
              channels={filters[filterOf(filters, channel)]}
              width="100%"
              height="auto"
            />
          ) : (
            <LargePlane {...props} />
          )}
          {!filters && <SpecialMarks stack={stack} channel={channel} />}
        </div>
      )}
      <h2>
        {single ? 'Values' : channelTitle(stack.header, channel)}
        {!single && (
          <button
            type="button"
            class="close"
            aria-label="Close (Esc)"
            onClick={() => selectTile(channel)}
          >
            ×
          </button>
        )}
      </h2>
      {filters && (
        <Segments
          label="Input of the filter"
          value={channel}
          choices={filters[filterOf(filters, channel)].map((value, input) => ({
            value,
            title: `in ${input}`,
          }))}
          onChoose={(value) => {
            state.tile.value = value;
          }}
        />
      )}
      <Numbers stack={stack} channel={channel} />
      {isAttention(stack.header) && (
        <QueryRow stack={stack} head={channel} painting={painting} />
      )}
      <OverSteps channel={channel} painting={painting} />
    </>
  );
}

/** The map as wide as the details; of attention with its axes, and the query marked. */
function LargePlane({ stack, channel, painting }: SelectedProps) {
  const plane = (
    <Plane
      stack={stack}
      channel={channel}
      domain={painting.domainOf(channel)}
      map={painting.map}
      testId="tile-large"
      width="100%"
      height="auto"
    />
  );
  if (!isAttention(stack.header)) return plane;
  return (
    <Axes stack={stack}>
      {plane}
      <QueryMark rows={stack.height} height="100%" />
    </Axes>
  );
}

// Marks on more cells than this would be too small to see.
const MARKED_CELLS = 64 * 64;

/** NaN and ±Inf by shape, so that colour is not the only sign. */
function SpecialMarks({ stack, channel }: { stack: Stack; channel: number }) {
  const { nan, positiveInf, negativeInf } = summarize(stack, channel);
  const { width, height } = stack;
  if (nan + positiveInf + negativeInf === 0 || width * height > MARKED_CELLS) return null;
  let path = '';
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = valueAt(stack, channel, y, x);
      if (Number.isNaN(value)) path += `M${x + 0.2} ${y + 0.2}l.6 .6m0 -.6l-.6 .6`;
      else if (value === Number.POSITIVE_INFINITY)
        path += `M${x + 0.2} ${y + 0.7}l.3 -.4l.3 .4`;
      else if (value === Number.NEGATIVE_INFINITY)
        path += `M${x + 0.2} ${y + 0.3}l.3 .4l.3 -.4`;
    }
  }
  return (
    <svg
      class="marks"
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path d={path} />
    </svg>
  );
}

function Numbers({ stack, channel }: { stack: Stack; channel: number }) {
  const summary = summarize(stack, channel);
  const error = worstError(stack, channel);
  const at = hover.value;
  const here =
    at &&
    at.stack.header.path === stack.header.path &&
    (at.filter?.channels ?? [at.channel]).includes(channel)
      ? { ...at, channel }
      : null;
  const { height_axis, width_axis } = stack.header;
  const place = here
    ? stack.height > 1
      ? `at ${axisWord(height_axis, 'y')} ${here.y}, ${axisWord(width_axis, 'x')} ${here.x}`
      : `at ${axisWord(width_axis, 'x')} ${here.x}`
    : 'at the pointer';
  return (
    <dl class="numbers">
      <dt>{place}</dt>
      <dd>{here ? valueText(here) : '–'}</dd>
      <dt>mean</dt>
      <dd>{formatWithError(summary.mean, error)}</dd>
      <dt>min … max</dt>
      <dd>
        {formatValue(summary.min, 3)} … {formatValue(summary.max, 3)}
      </dd>
      <dt title="Values that are 0, or so near that their code is 0’s">zeros</dt>
      <dd>{formatShare(summary.zeroFraction)}</dd>
      {summary.nan > 0 && (
        <>
          <dt>NaN</dt>
          <dd class="bad">{formatCount(summary.nan)}</dd>
        </>
      )}
      {summary.positiveInf + summary.negativeInf > 0 && (
        <>
          <dt>±Inf</dt>
          <dd class="bad">{formatCount(summary.positiveInf + summary.negativeInf)}</dd>
        </>
      )}
    </dl>
  );
}

function OverSteps({ channel, painting }: { channel: number; painting: Painting }) {
  const frames = (film.value.answer ?? []).flatMap((frame) =>
    frame && frame.channels > channel ? [frame] : [],
  );
  const otherSamples = kind.value && !isWeightKind(kind.value) && !samplesStay.value;
  // One range for the strip, so that growth shows; where all steps have one, that.
  const domain = painting.steady
    ? painting.domainOf(channel)
    : stripDomain(frames, channel);
  return (
    <>
      <h2>Over steps</h2>
      {otherSamples && <p class="hint">Each step is of other samples: another batch.</p>}
      <RangeChart channel={channel} />
      {frames.length > 1 && frames[0].height > 1 && (
        <div class="film">
          {frames.map((frame) => {
            const at = frame.header.step;
            return (
              <button
                key={at}
                type="button"
                title={`Step ${formatCount(at)}`}
                aria-label={`Go to step ${formatCount(at)}`}
                aria-pressed={at === stack.value.answer?.header.step}
                onClick={() => goToStep(at)}
              >
                <Plane
                  stack={frame}
                  channel={channel}
                  domain={domain}
                  map={painting.map}
                  width="100%"
                  height="auto"
                />
              </button>
            );
          })}
        </div>
      )}
    </>
  );
}

/** What a channel spans over some steps, centred where its colours are. */
function stripDomain(frames: readonly Stack[], channel: number): Domain {
  const domain = {
    low: Math.min(...frames.map((frame) => frame.low[channel])),
    high: Math.max(...frames.map((frame) => frame.high[channel])),
  };
  return centred.value ? symmetric(domain) : domain;
}

const CHART_HEIGHT = 56;

/** From the least to the greatest value of the channel, at each recorded step. */
function RangeChart({ channel }: { channel: number }) {
  const [ref, { width }] = useSize<SVGSVGElement>();
  const index = stack.value.answer?.index ?? 0;
  // A smaller batch may lack the sample.
  const headers = (ranges.value.answer ?? []).filter(({ blobs }) => index < blobs);
  const steps = headers.map((header) => header.step);
  const at = (values: number[], header: { channels: number }) =>
    values[index * header.channels + channel];
  const lows = headers.map((header) => at(header.low, header));
  const highs = headers.map((header) => at(header.high, header));
  const span = extent([...lows, ...highs]);
  const [low, high] = span ?? [0, 0];
  const [from, to] = [steps[0] ?? 0, steps[steps.length - 1] ?? 0];
  const x = (one: number) => (to > from ? ((one - from) / (to - from)) * width : 0);
  const y = (value: number) =>
    high > low
      ? CHART_HEIGHT - 4 - ((value - low) / (high - low)) * (CHART_HEIGHT - 8)
      : CHART_HEIGHT / 2;
  const xs = steps.map(x);
  const top = linePath(xs, highs.map(y));
  const bottom = linePath([...xs].reverse(), [...lows].reverse().map(y));
  const now = step.value;
  return (
    <figure class="range" hidden={headers.length < 2 || !span}>
      <svg
        ref={ref}
        width="100%"
        height={CHART_HEIGHT}
        role="img"
        aria-label="Least and greatest value over steps"
      >
        {top && <path class="band" d={`${top}${bottom.replace('M', 'L')}Z`} />}
        <path class="edge" d={top} />
        <path class="edge" d={linePath(xs, lows.map(y))} />
        {low < 0 && high > 0 && <line class="zero" x1={0} x2={width} y1={y(0)} y2={y(0)} />}
        {now !== undefined && (
          <line class="now-line" x1={x(now)} x2={x(now)} y1={0} y2={CHART_HEIGHT} />
        )}
      </svg>
      <figcaption>
        <span title="The pictures below share this range">least to greatest value</span>
        <span>
          {formatValue(low, 3)} … {formatValue(high, 3)}
        </span>
      </figcaption>
    </figure>
  );
}

function Sample({ large }: { large: boolean }) {
  const input = inputs.value.answer?.[sample.value];
  const label = sampleLabel(sample.value);
  if (!input || !isPicture(input)) return null;
  return (
    <>
      <h2>Sample {sample.value}</h2>
      <div
        class={`sample-card ${large ? 'large' : ''} ${inputs.value.loading ? 'stale' : ''}`}
      >
        <InputPicture stack={input} />
        {label !== undefined && (
          <span>
            label <b>{sampleTitle(sample.value)}</b>
          </span>
        )}
      </div>
    </>
  );
}

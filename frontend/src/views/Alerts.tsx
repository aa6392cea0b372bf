import { signal } from '@preact/signals';
import { openLayer } from '../actions';
import { INITIAL_THRESHOLDS, RULES, type Rule, type Thresholds } from '../rules';
import { formatCount, plural } from '../format';
import { alerts, type RunAlert, thresholds } from '../alert_store';
import { shownData } from '../shown_runs';
import type { Kind } from '../selection';
import { state } from '../state';
import { colorOfRun, runTitle } from './colors';
import { HealthMark } from './HealthMark';

const rulesShown = signal(false);

// So many other layers are named; more are counted.
const OTHERS_NAMED = 3;

/** What is wrong in the shown runs, with the way to it. */
export function Alerts() {
  const all = alerts.value;
  return (
    <section class="alerts" aria-label="Alerts" data-testid="alerts">
      <h2>
        Alerts
        <button
          type="button"
          class="rules-button"
          aria-expanded={rulesShown.value}
          data-testid="rules-button"
          onClick={() => {
            rulesShown.value = !rulesShown.value;
          }}
        >
          {rulesShown.value ? 'Close rules' : 'Rules'}
        </button>
      </h2>
      <ul>
        {all.map((alert) => (
          <AlertRow key={`${alert.run} ${alert.rule.name}`} alert={alert} />
        ))}
        <Unbroken />
      </ul>
      {rulesShown.value && <Rules />}
    </section>
  );
}

function AlertRow({ alert }: { alert: RunAlert }) {
  const { rule, run, layer, step, worst } = alert;
  const open = (path: string, at: number, row: number) =>
    openLayer(run, path, at, kindOf(run, row));
  const level = { level: rule.level, word: '', sentence: '' } as const;
  return (
    <li class="alert" data-testid="alert" data-rule={rule.name} data-run={run}>
      <HealthMark health={level} />
      <span>
        <b>{rule.title}</b>{' '}
        <LayerLink path={layer} open={() => open(layer, step, alert.row)} />: {worst.says}
        {alert.last > step && ' at worst'}, {when(alert)}
        <Others alert={alert} open={open} />
      </span>
      <span class="space" />
      <span class="run-name">
        <i class="square" style={{ background: colorOfRun(run) }} />
        {runTitle(run)}
      </span>
    </li>
  );
}

function kindOf(run: string, row: number): Kind | undefined {
  const known = shownData.value.find((one) => one.run === run);
  return known?.model.rows[row]?.kind as Kind | undefined;
}

function when({ step, last, ongoing }: RunAlert): string {
  if (ongoing) return `since step ${formatCount(step)}`;
  if (step === last) return `at step ${formatCount(step)}`;
  return `from step ${formatCount(step)} to ${formatCount(last)}`;
}

function LayerLink({ path, open }: { path: string; open: () => void }) {
  return (
    <button
      type="button"
      class="link"
      title="Open the layer at the first step at which it does"
      data-testid="alert-layer"
      onClick={open}
    >
      {path}
    </button>
  );
}

function Others(props: {
  alert: RunAlert;
  open: (path: string, at: number, row: number) => void;
}) {
  const { others } = props.alert;
  if (others.length === 0) return null;
  const named = others.slice(0, OTHERS_NAMED);
  return (
    <span class="others">
      ; also{' '}
      {named.map(({ layer, step, row }, i) => (
        <span key={layer}>
          {i > 0 && ', '}
          <LayerLink path={layer} open={() => props.open(layer, step, row)} />
        </span>
      ))}
      {others.length > named.length &&
        ` and ${plural(others.length - named.length, 'more layer')}`}
    </span>
  );
}

/** The rules that no run breaks. */
function Unbroken() {
  const broken = new Set(alerts.value.map(({ rule }) => rule));
  const fine = RULES.filter((rule) => !broken.has(rule));
  if (fine.length === 0) return null;
  const titles = fine.map(({ title }, i) =>
    i === 0 || title.startsWith('NaN') ? title : title.toLowerCase(),
  );
  return (
    <li class="alert fine">
      <HealthMark health={{ level: 'good', word: '', sentence: '' }} />
      <span>
        In {plural(shownData.value.length, 'run')} not found: {titles.join(', ')}.
      </span>
    </li>
  );
}

function Rules() {
  const changed = Object.entries(INITIAL_THRESHOLDS).some(
    ([name, value]) => thresholds.value[name as keyof Thresholds] !== value,
  );
  return (
    <div class="rules" data-testid="rules">
      <dl>
        {RULES.map((rule) => (
          <div key={rule.name}>
            <dt>{rule.title}</dt>
            <dd>
              {rule.before} {rule.name !== 'nonfinite' && <Threshold rule={rule} />}{' '}
              {rule.after}
            </dd>
          </div>
        ))}
      </dl>
      <p>
        The marks beside the layers follow the same rules, at the scrubber’s step.{' '}
        {changed && (
          <button
            type="button"
            class="link"
            onClick={() => {
              for (const [name, value] of Object.entries(INITIAL_THRESHOLDS)) {
                state[name as keyof Thresholds].value = value;
              }
            }}
          >
            Back to the initial thresholds
          </button>
        )}
      </p>
    </div>
  );
}

function Threshold({ rule }: { rule: Rule }) {
  const name = rule.name as keyof Thresholds;
  const unit = rule.share ? 100 : 1;
  const shown = Number((state[name].value * unit).toPrecision(6));
  return (
    <>
      <input
        class="number"
        type="text"
        inputMode="decimal"
        aria-label={`Threshold: ${rule.title}`}
        data-testid={`threshold-${name}`}
        value={shown}
        onChange={(event) => {
          const next = Number(event.currentTarget.value) / unit;
          if (next > 0 && Number.isFinite(next)) state[name].value = next;
          else event.currentTarget.value = String(shown);
        }}
      />
      {rule.share && ' %'}
    </>
  );
}

/** What the table calls the peers. */
const NAMES = {
  replay: '`ReplaySubject`',
  plain: '`Subject`',
  genkit: 'Genkit',
  loop: 'array and loop',
  alone: 'beside none',
  raw: 'LMDB alone',
  driver: 'driver alone',
  resumable: '`resumable-stream`',
  own: 'own streams',
  manager: '`InMemoryStreamManager`',
  reference: 'reference server',
  official: 'official client',
};

const short = (value) => (value === 0 ? '0' : Number(value.toPrecision(3)).toLocaleString('en'));
const withUnit = (value, unit) => (unit === '' ? short(value) : `${short(value)} ${unit}`);

/** What was asked for, what was reached, and by how much that is too little; all as text. */
function judge({ of, least, most }, ours, values, unit) {
  const reached = of === undefined ? ours : least === undefined ? ours / values[of] : values[of] / ours;
  const show = of === undefined ? (value) => withUnit(value, unit) : (value) => `${short(value)}×`;
  const by = least === undefined ? reached / most - 1 : 1 - reached / least;
  return {
    target: `${least === undefined ? '≤' : '≥'} ${show(least ?? most)}${of === undefined ? '' : ` ${NAMES[of]}`}`,
    reached: show(reached),
    missedBy: by > 0 ? `${short(100 * by)}%` : undefined,
  };
}

/** The cells of a row, and a line for each target that it misses. */
function describe({ label, ours: name, targets }, values, unit, columns) {
  const ours = values[name];
  const judged = targets.map((target) => judge(target, ours, values, unit));
  const cells = [
    label,
    withUnit(ours, unit),
    ...columns.map((peer) => (values[peer] === undefined ? '' : `${short(values[peer] / ours)}×`)),
    judged.map(({ target }) => target).join(', ') || '–',
    judged.map(({ reached, missedBy }) => (missedBy === undefined ? reached : `**${reached}**`)).join(', '),
  ];
  const missed = judged
    .filter(({ missedBy }) => missedBy !== undefined)
    .map(({ target, reached, missedBy }) => ({ target, reached, missedBy }));
  return { label, cells, missed };
}

/** As Prettier writes it. */
function markdown(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const [head, ...body] = rows.map((row) => line(row.map((cell, column) => cell.padEnd(widths[column]))));
  return [head, line(widths.map((width) => '-'.repeat(width))), ...body].join('\n');
}

/**
 * The report on what was measured: `results` has `{ rows, unit, values }` of each case and parameter. Peers' columns
 * say how many times our cost theirs is; `columns` names those that have one.
 */
export function report(results, columns) {
  const rows = [];
  const misses = [];
  let before = '';
  for (const { rows: wanted, unit, values } of results) {
    for (const row of wanted) {
      const { label, cells, missed } = describe(row, values, unit, columns);
      rows.push(cells);
      // "the same" leans on the row before.
      const full = label.replace('the same', before);
      for (const { target, reached, missedBy } of missed) {
        misses.push(`- ${full}: ${reached} instead of ${target}, off by ${missedBy}.`);
      }
      if (full === label) before = label;
    }
  }
  const head = ['', 'ours', ...columns.map((peer) => NAMES[peer]), 'target', 'reached'];
  const verdict = misses.length === 0 ? 'Every target is reached.' : `Not reached:\n\n${misses.join('\n')}`;
  return `${markdown([head, ...rows])}\n\n${verdict}`;
}

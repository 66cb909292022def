/**
 * Runs the measurements, prints the table and, with `--write`, keeps it in README.md.
 *
 *     node run.mjs [--only <case>[,<case>]] [--rounds <n>] [--write] [--ours <file>]
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import { median } from './sampling.mjs';
import { report } from './table.mjs';

const CASES = [
  'next',
  'operator',
  'replay',
  'late-bytes',
  'unsubscribe',
  'complete',
  'streams',
  'heap',
  'eviction',
  'idle',
];
const README = new URL('README.md', import.meta.url);
const HERE = fileURLToPath(new URL('.', import.meta.url));

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', default: CASES.join() },
    rounds: { type: 'string', default: '5' },
    write: { type: 'boolean', default: false },
    ours: { type: 'string' },
  },
});
const names = flags.only.split(',');
const unknown = names.find((name) => !CASES.includes(name));
if (unknown !== undefined) throw new Error(`There is no case ${unknown}: there are ${CASES.join(', ')}.`);
if (!(Number(flags.rounds) >= 1)) throw new Error('--rounds must be a positive number.');
if (flags.write && (names.length < CASES.length || flags.ours)) throw new Error('--write is for a full run.');

/** Builds the library as it is now, beside `dist` so that nobody's build is disturbed and none disturbs a run. */
function build() {
  const folder = `${HERE}node_modules/.ours`;
  execFileSync('npm', ['run', 'build', '--silent', '--', '--silent', '--no-dts', '--out-dir', folder], {
    cwd: `${HERE}..`,
    stdio: 'inherit',
  });
  return `${folder}/index.js`;
}

const env = { ...process.env, BENCH_OURS: pathToFileURL(flags.ours ?? build()).href };

function measure(name, peer, param, nodeOptions = []) {
  const args = ['--expose-gc', ...nodeOptions, 'measure.mjs', name, peer];
  if (param !== undefined) args.push(JSON.stringify(param));
  return JSON.parse(
    execFileSync(process.execPath, args, { cwd: HERE, env, encoding: 'utf8', timeout: 120_000 }),
  );
}

/** The medians of all rounds; in each round every peer has its turn, so that a busy machine is busy for all. */
function compare(name, { peers, rounds = Infinity, nodeOptions }, param) {
  const taken = Object.fromEntries(peers.map((peer) => [peer, []]));
  for (let round = 0; round < Math.min(rounds, Number(flags.rounds)); round++) {
    for (const peer of peers) taken[peer].push(measure(name, peer, param, nodeOptions));
  }
  return Object.fromEntries(peers.map((peer) => [peer, median(taken[peer])]));
}

const started = Date.now();
const seconds = () => Math.round((Date.now() - started) / 1000);

const results = [];
for (const name of names) {
  const { default: measurement } = await import(`./cases/${name}.mjs`);
  for (const param of measurement.params ?? [undefined]) {
    const values = compare(name, measurement, param);
    console.error(`${seconds()}s ${name} ${JSON.stringify(param) ?? ''} ${JSON.stringify(values)}`);
    results.push({ rows: measurement.rows(param), unit: measurement.unit, values });
  }
}

const versionOf = (folder) => JSON.parse(readFileSync(`${HERE}${folder}/package.json`, 'utf8')).version;
const setting =
  `Node ${process.versions.node}, ${cpus()[0].model}, ${cpus().length} cores; RxJS ${versionOf('../node_modules/rxjs')}, ` +
  `Genkit ${versionOf('node_modules/@genkit-ai/core')}; ${flags.rounds} rounds, ${seconds()} s.`;
const text = `${report(results)}\n\n${setting}`;
console.log(text);

if (flags.write) {
  const written = readFileSync(README, 'utf8');
  writeFileSync(
    README,
    written.replace(/(?<=<!-- results -->\n)[^]*(?=<!-- \/results -->)/u, () => `\n${text}\n\n`),
  );
}

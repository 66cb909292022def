/**
 * Runs the measurements, prints the tables and, with `--write`, keeps them in README.md.
 *
 *     node run.mjs [--only <case or table>[,<case or table>]] [--rounds <n>] [--write] [--ours <file>]
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import { median } from './sampling.mjs';
import { report } from './table.mjs';

/** Of each table, its cases, the packages that they need beside RxJS, and the peers that have a column. */
const TABLES = {
  memory: {
    cases: [
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
    ],
    peers: { Genkit: 'node_modules/@genkit-ai/core' },
    columns: ['replay', 'plain', 'genkit', 'loop'],
  },
  engines: {
    cases: [
      'durable-write',
      'durable-writers',
      'durable-next',
      'durable-replay',
      'durable-hand-over',
      'durable-idle',
      'durable-open',
      'memory-engine',
      'memory-promises',
    ],
    peers: { lmdb: '../node_modules/lmdb' },
    columns: ['raw', 'manager', 'replay'],
  },
  networked: {
    cases: [
      'net-write',
      'net-writers',
      'net-next',
      'net-replay',
      'net-hand-over',
      'net-contended',
      'net-idle',
      'redis-resumable',
    ],
    peers: {
      ioredis: '../node_modules/ioredis',
      '@nats-io/transport-node': '../node_modules/@nats-io/transport-node',
      pg: '../node_modules/pg',
      'resumable-stream': 'node_modules/resumable-stream',
    },
    columns: ['driver', 'resumable'],
  },
  http: {
    cases: ['http-append', 'http-sse', 'http-catch-up', 'http-tail', 'http-restart'],
    peers: {
      lmdb: '../node_modules/lmdb',
      '@durable-streams/server': 'node_modules/@durable-streams/server',
    },
    columns: ['reference'],
  },
  client: {
    cases: ['client-read', 'client-live'],
    peers: { '@durable-streams/client': '../node_modules/@durable-streams/client' },
    columns: ['official'],
  },
};
const README = new URL('README.md', import.meta.url);
const HERE = fileURLToPath(new URL('.', import.meta.url));

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(TABLES).join() },
    rounds: { type: 'string', default: '5' },
    write: { type: 'boolean', default: false },
    ours: { type: 'string' },
  },
});
/** The cases to run, by table. */
const wanted = new Map();
for (const name of flags.only.split(',')) {
  const found = Object.entries(TABLES).filter(([table, { cases }]) => table === name || cases.includes(name));
  if (found.length === 0) {
    const all = Object.entries(TABLES).flatMap(([table, { cases }]) => [table, ...cases]);
    throw new Error(`There is no case ${name}: there are ${all.join(', ')}.`);
  }
  for (const [table, { cases }] of found) {
    wanted.set(table, [...(wanted.get(table) ?? []), ...(table === name ? cases : [name])]);
  }
}
const isWhole = ([table, names]) => TABLES[table].cases.every((name) => names.includes(name));
if (!(Number(flags.rounds) >= 1)) throw new Error('--rounds must be a positive number.');
if (flags.write && (![...wanted].every(isWhole) || flags.ours))
  throw new Error('--write is for whole tables.');

/** Builds the library as it is now, beside `dist` so that nobody's build is disturbed and none disturbs a run. */
function build() {
  const folder = `${HERE}node_modules/.ours`;
  execFileSync('npm', ['run', 'build', '--silent', '--', '--silent', '--no-dts', '--out-dir', folder], {
    cwd: `${HERE}..`,
    stdio: 'inherit',
  });
  return `${folder}/index.js`;
}

/** Stores are on the disk of the checkout, as long as the run takes. */
const data = `${HERE}node_modules/.data`;
mkdirSync(data, { recursive: true });
const env = {
  ...process.env,
  BENCH_OURS: pathToFileURL(flags.ours ?? build()).href,
  BENCH_DATA: mkdtempSync(`${data}/`),
};
process.on('exit', () => rmSync(env.BENCH_DATA, { recursive: true, force: true }));

function measure(name, peer, param, nodeOptions = []) {
  const args = ['--expose-gc', ...nodeOptions, 'measure.mjs', name, peer];
  if (param !== undefined) args.push(JSON.stringify(param));
  return JSON.parse(
    execFileSync(process.execPath, args, { cwd: HERE, env, encoding: 'utf8', timeout: 300_000 }),
  );
}

/** The medians of all rounds; in each round every peer has its turn, so that a busy machine is busy for all. */
function compare(name, { peers, rounds = Infinity, nodeOptions, prepare, cleanUp }, param) {
  if (prepare !== undefined) measure(name, 'prepare', param);
  const taken = Object.fromEntries(peers.map((peer) => [peer, []]));
  for (let round = 0; round < Math.min(rounds, Number(flags.rounds)); round++) {
    for (const peer of peers) taken[peer].push(measure(name, peer, param, nodeOptions));
  }
  if (cleanUp !== undefined) measure(name, 'cleanUp', param);
  return Object.fromEntries(peers.map((peer) => [peer, median(taken[peer])]));
}

const versionOf = (folder) => JSON.parse(readFileSync(`${HERE}${folder}/package.json`, 'utf8')).version;

for (const [table, names] of wanted) {
  const { columns, peers } = TABLES[table];
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

  const versions = Object.entries({ RxJS: '../node_modules/rxjs', ...peers })
    .map(([peer, folder]) => `${peer} ${versionOf(folder)}`)
    .join(', ');
  const setting =
    `Node ${process.versions.node}, ${cpus()[0].model}, ${cpus().length} cores; ${versions}; ` +
    `${flags.rounds} rounds, ${seconds()} s.`;
  const text = `${report(results, columns)}\n\n${setting}`;
  console.log(text);

  if (flags.write) {
    const place = new RegExp(`(?<=<!-- ${table} -->\\n)[^]*(?=<!-- /${table} -->)`, 'u');
    writeFileSync(
      README,
      readFileSync(README, 'utf8').replace(place, () => `\n${text}\n\n`),
    );
  }
}

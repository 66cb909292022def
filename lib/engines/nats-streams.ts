import { StreamError } from '../errors.js';
import { API, type ApiError, apiError, lost } from './nats-errors.js';
import type { NatsKeys } from './nats-keys.js';
import type { NatsLink } from './nats-link.js';

/** How the JetStream streams of a store are made. */
export interface Layout {
  readonly replicas: number;
  readonly storage: 'file' | 'memory';
}

/** What a server has to take at once, in bytes: its default. */
export const MAX_PAYLOAD = 1_048_576;
/** The first version with direct gets. */
const OLDEST = [2, 9, 0] as const;
/**
 * The first that stores one of two messages that go on from the same one, where there are replicas: before, a leader did
 * not look at those that are on their way to them. https://github.com/nats-io/nats-server/issues/4320
 */
const OLDEST_REPLICATED = [2, 11, 0] as const;

interface StreamConfig {
  readonly name: string;
  readonly description: string;
  readonly subjects: readonly string[];
  readonly retention: string;
  readonly discard: string;
  readonly max_age: number;
  readonly max_msgs_per_subject: number;
  readonly num_replicas: number;
  readonly storage: string;
  readonly allow_direct: boolean;
  readonly republish?: { readonly src: string; readonly dest: string };
}

interface StreamInfo {
  readonly config: StreamConfig;
  readonly state: { readonly messages: number };
}

/** What must be as it was made, or messages would be lost or not found; the rest is an operator's. */
const FIXED = [
  'description',
  'retention',
  'discard',
  'max_age',
  'max_msgs_per_subject',
  'allow_direct',
] as const;

/** Throws `FAILED_PRECONDITION` for a server that is too old, or takes too little at once. */
export function checkServer({ connection: { info } }: NatsLink, { replicas }: Layout): void {
  if (info === undefined) return;
  const { version, max_payload: most } = info;
  const oldest = replicas > 1 ? OLDEST_REPLICATED : OLDEST;
  if (isOlder(version, oldest)) {
    const what = replicas > 1 ? 'replicas need' : 'it needs';
    throw unfit(`${what} NATS ${oldest.join('.')} or later, but the server is ${version}`);
  }
  if (most < MAX_PAYLOAD)
    throw unfit(`it needs max_payload to be ${MAX_PAYLOAD} or more, but the server has ${most}`);
}

/** Whether a version comes before another. */
export function isOlder(version: string, than: readonly number[]): boolean {
  const numbers = version.split(/[.-]/).map(Number);
  const place = than.findIndex((number, i) => numbers[i] !== number);
  return place >= 0 && !((numbers[place] ?? 0) > (than[place] as number));
}

/**
 * Makes the streams of a store if there is none, and checks that they are what is needed. Of a store that is there none
 * may be missing: that is `DATA_LOSS`. Any number of processes may do this at once.
 */
export async function ensureStreams(link: NatsLink, keys: NatsKeys, layout: Layout): Promise<void> {
  const configs = configsOf(keys, layout);
  const first = await Promise.all(configs.map(({ name }) => infoOf(link, name)));
  const missing = configs.filter((_, i) => first[i] === undefined);
  if (missing.length > 0 && first.some((info) => (info?.state.messages ?? 0) > 0)) {
    // Another process may have made, and used, them meanwhile.
    for (const { name } of missing)
      if ((await infoOf(link, name)) === undefined) throw lost(`the stream ${name}`);
  }
  for (const [i, config] of configs.entries()) {
    const info = first[i] ?? (await create(link, config));
    check(config, info.config);
  }
}

/** Throws `DATA_LOSS` if a stream is not there any more. */
export async function checkStreams(link: NatsLink, keys: NatsKeys): Promise<void> {
  const names = [...keys.logs, keys.soft, keys.due];
  const found = await Promise.all(names.map((name) => infoOf(link, name)));
  const missing = names.find((_, i) => found[i] === undefined);
  if (missing !== undefined) throw lost(`the stream ${missing}`);
}

function configsOf(keys: NatsKeys, { replicas, storage }: Layout): StreamConfig[] {
  const { prefix, logs, soft, due, generation } = keys;
  const common = {
    retention: 'limits',
    // Rather refuse what is new than forget what is there.
    discard: 'new',
    max_age: 0,
    max_msgs_per_subject: -1,
    num_replicas: replicas,
    storage,
    allow_direct: true,
  };
  const described = (what: string): string => `rxjs-durable-streams 1: ${what}`;
  return [
    ...logs.map((name, shard) => ({
      ...common,
      name,
      description: described(`shard ${shard} of ${logs.length}`),
      subjects: [`${prefix}.log.${shard}.>`],
      republish: { src: `${prefix}.log.${shard}.>`, dest: `${prefix}.hint.${shard}.>` },
    })),
    {
      ...common,
      name: soft,
      description: described('what has no version'),
      subjects: [`${prefix}.soft.>`, generation],
      max_msgs_per_subject: 1,
    },
    { ...common, name: due, description: described('deadlines'), subjects: [`${prefix}.due.>`] },
  ];
}

async function create(link: NatsLink, config: StreamConfig): Promise<StreamInfo> {
  const { error, ...info } = await ask<StreamInfo>(link, `STREAM.CREATE.${config.name}`, config);
  if (error === undefined) return info as StreamInfo;
  const there = error.err_code === API.streamExists ? await infoOf(link, config.name) : undefined;
  if (there === undefined) throw apiError(`to make the stream ${config.name}`, error);
  return there;
}

async function infoOf(link: NatsLink, name: string): Promise<StreamInfo | undefined> {
  const { error, ...info } = await ask<StreamInfo>(link, `STREAM.INFO.${name}`, undefined);
  if (error === undefined) return info as StreamInfo;
  if (error.err_code === API.streamNotFound) return undefined;
  throw apiError(`a look at the stream ${name}`, error);
}

async function ask<T>(
  link: NatsLink,
  what: string,
  request: object | undefined,
): Promise<Partial<T> & { error?: ApiError }> {
  const payload = request === undefined ? '' : JSON.stringify(request);
  const { headers, data } = await link.work(`$JS.API.${what}`, payload);
  if (headers?.code !== 503) return JSON.parse(Buffer.from(data).toString()) as Partial<T>;
  if (link.connection.info?.jetstream !== true) throw unfit('the server has no JetStream: start it with -js');
  throw new StreamError('UNAVAILABLE', 'JetStream of NATS does not answer.');
}

function check(wanted: StreamConfig, found: StreamConfig): void {
  const name = wanted.name;
  for (const field of FIXED) {
    if (found[field] !== wanted[field])
      throw unfit(
        `the stream ${name} has ${field} ${JSON.stringify(found[field])} instead of ${JSON.stringify(wanted[field])}`,
      );
  }
  if (wanted.republish?.dest !== found.republish?.dest) throw unfit(`the stream ${name} does not republish`);
  // Reads of replicas may be stale, which has to be known beforehand.
  if (found.num_replicas > 1 && wanted.num_replicas === 1)
    throw unfit(`the stream ${name} has ${found.num_replicas} replicas, so replicas has to be given`);
}

const unfit = (why: string): StreamError =>
  new StreamError('FAILED_PRECONDITION', `The nats engine can't be used: ${why}.`);

import { loadPeer } from '../peers.mjs';
import { chunkAt, readers, sizeOf } from '../readers.mjs';
import { now, sampled } from '../sampling.mjs';

/** Writes a new stream that has subscribers; gives ns per write. `view` is what each subscribes to. */
export async function writes(peerName, { subscribers, mixed }, view = (source) => source) {
  const peer = await loadPeer(peerName);
  const count = Math.max(200, Math.floor(40_000 / (subscribers + 1)));
  const size = sizeOf(count);
  return sampled(async () => {
    const { sink, source } = await peer.stream();
    const { observers, check } = readers(subscribers, mixed);
    for (const observer of observers) await view(source()).subscribe(observer);
    const from = now();
    for (let i = 0; i < count; i++) sink.next(chunkAt(i));
    const ns = (now() - from) / count;
    check(size);
    return ns;
  });
}

export const labelOf = ({ subscribers, mixed }) =>
  `\`next\`, ${subscribers.toLocaleString('en')} ${mixed ? 'mixed ' : ''}subscriber${subscribers === 1 ? '' : 's'}`;

const TARGETS = [
  { of: 'replay', least: 1.8 },
  { of: 'loop', most: 1.6 },
];

export default {
  params: [
    { subscribers: 0 },
    { subscribers: 1 },
    { subscribers: 10 },
    { subscribers: 100 },
    { subscribers: 1_000 },
    { subscribers: 10, mixed: true },
  ],
  peers: ['manager', 'subject', 'replay', 'plain', 'genkit', 'loop'],
  unit: 'ns',
  run: writes,
  rows: (param) => [
    { label: labelOf(param), ours: 'manager', targets: TARGETS },
    { label: 'the same, `StreamSubject` alone', ours: 'subject', targets: TARGETS },
  ],
};

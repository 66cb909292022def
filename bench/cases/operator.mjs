import { labelOf, writes } from './next.mjs';

const TARGETS = [{ of: 'replay', least: 1.2 }];

export default {
  params: [{ subscribers: 1 }, { subscribers: 10 }, { subscribers: 100 }, { subscribers: 1_000 }],
  peers: ['manager', 'subject', 'replay', 'plain'],
  unit: 'ns',
  async run(peer, param) {
    const { map } = await import('rxjs');
    return writes(peer, param, (source) => source.pipe(map((chunk) => chunk)));
  },
  rows: (param) => [
    { label: `${labelOf(param)} behind \`map\``, ours: 'manager', targets: TARGETS },
    { label: 'the same, `StreamSubject` alone', ours: 'subject', targets: TARGETS },
  ],
};

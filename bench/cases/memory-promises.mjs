import { createHook } from 'node:async_hooks';

import { writer } from './memory-engine.mjs';

/** How many promises are made while a stream on the memory engine is written. */
export default {
  peers: ['reference', 'json'],
  unit: '',
  rounds: 1,
  async run(peer) {
    const write = await writer(peer);
    let promises = 0;
    const hook = createHook({
      init: (_id, type) => void (promises += type === 'PROMISE' ? 1 : 0),
    });
    hook.enable();
    write();
    hook.disable();
    return promises;
  },
  rows: () => [
    {
      label: 'promises made meanwhile, 40,000 writes by reference',
      ours: 'reference',
      targets: [{ most: 0 }],
    },
    { label: 'promises made meanwhile, 40,000 writes as JSON', ours: 'json', targets: [{ most: 0 }] },
  ],
};

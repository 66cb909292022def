import { describe, it } from 'vitest';

import { memoryEngine } from '../../lib/engines/memory.js';
import { engineSuite } from '../../lib/testing/index.js';

engineSuite(
  { describe, it },
  { name: 'memory', features: memoryEngine().features, presence: true, create: () => memoryEngine() },
);

engineSuite(
  { describe, it },
  {
    name: 'memory (without presence)',
    features: memoryEngine().features,
    create: () => memoryEngine({ presence: false }),
  },
);

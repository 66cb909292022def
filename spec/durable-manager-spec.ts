import { managers } from './managers/manager.js';
import { onMemoryEngine } from './support/manager-factory.js';

managers(onMemoryEngine);

import { inputs } from './managers/input.js';
import { onMemoryEngine } from './support/manager-factory.js';

inputs(onMemoryEngine, 'on an engine');

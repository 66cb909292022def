import { inputs } from './managers/input.js';
import { inMemory } from './support/manager-factory.js';

inputs(inMemory);

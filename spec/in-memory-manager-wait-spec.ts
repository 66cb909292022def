import { waiting } from './managers/waiting.js';
import { inMemory } from './support/manager-factory.js';

waiting(inMemory);

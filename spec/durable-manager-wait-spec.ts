import { waiting } from './managers/waiting.js';
import { onMemoryEngine } from './support/manager-factory.js';

waiting(onMemoryEngine, 'on an engine');

import { managerArguments } from './managers/arguments.js';
import { onMemoryEngine } from './support/manager-factory.js';

managerArguments(onMemoryEngine);

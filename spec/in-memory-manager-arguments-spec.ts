import { managerArguments } from './managers/arguments.js';
import { inMemory } from './support/manager-factory.js';

managerArguments(inMemory);

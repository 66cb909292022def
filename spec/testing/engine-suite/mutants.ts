import type { Mutant } from './mutant.js';
import { INDEX_MUTANTS } from './mutants-index.js';
import { LOG_MUTANTS } from './mutants-log.js';

export const MUTANTS: readonly Mutant[] = [...LOG_MUTANTS, ...INDEX_MUTANTS];

import { describeSnippets } from './support/snippets.js';

describeSnippets('README.md', 'docs/marbles.md', 'docs/engines/lmdb.md', 'docs/writing-an-engine.md');

import { describeSnippets } from './support/snippets.js';

describeSnippets('README.md', 'docs/marbles.md');

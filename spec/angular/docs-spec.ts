import '../support/angular-testbed.js';

import { describeSnippets } from '../support/snippets.js';

describeSnippets('docs/angular.md');

import { describeSnippetsIn } from '../support/snippets.js';

describeSnippetsIn(
  'spec/interop',
  'spec/interop/tsconfig.json',
  'docs/recipes/ai-sdk.md',
  'docs/recipes/genkit.md',
  'docs/recipes/tanstack-ai.md',
  'docs/recipes/nestjs.md',
);

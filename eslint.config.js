import { existsSync } from 'node:fs';

import js from '@eslint/js';
import rxjsX from 'eslint-plugin-rxjs-x';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const NO_RXJS = {
  regex: '^rxjs(/|$)',
  message: 'What a stream is, and where it is stored, is free of RxJS.',
};
const NO_NODE = { regex: '^node:', message: 'This runs in browsers too.' };
const NO_SELF = { regex: '^rxjs-durable-streams', message: 'Inside lib, import by path.' };
const NO_ANGULAR = { regex: '^@angular/', message: 'Only lib/angular knows Angular.' };
/** What everything may import. */
const LOWEST = 'code-points|codec|deadlines|errors|line|longest-delay|maybe-promise|offset|validation';
const NO_ENTRY = {
  regex: '^\\.{1,2}/(engine|testing|http|client|genkit|ai|angular|inspector|cli)/',
  message: 'Entry points import what they need from the root, never the reverse.',
};

const NO_GENKIT = {
  regex: '^(@?genkit(-ai)?)(/|$)',
  message: 'Genkit is known by the shapes of what it has, and never imported: it installs hundreds of MB.',
};
const NO_AI = {
  regex: '^(resumable-stream|ai|@ai-sdk|@tanstack)(/|$)',
  message: 'What others have is known by its shape, and never imported.',
};
const NO_COMMAND = { regex: '^\\.{1,2}/cli/', message: 'The command is on top of everything.' };

/** Keeps imports out of files. Of two blocks for a file the later one holds alone. */
const restrict = (files, ...patterns) => ({
  files,
  rules: { 'no-restricted-imports': ['error', { patterns: [NO_SELF, NO_ANGULAR, ...patterns] }] },
});

export default defineConfig(
  globalIgnores([
    'dist/',
    'coverage/',
    'examples/build/',
    // Before its packages are installed, types say nothing there.
    existsSync(`${import.meta.dirname}/spec/interop/node_modules`) ? 'spec/interop/build/' : 'spec/interop/',
    existsSync(`${import.meta.dirname}/examples/angular-chat/node_modules`)
      ? 'examples/angular-chat/{dist,.angular}/'
      : 'examples/angular-chat/',
  ]),
  js.configs.recommended,
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: {
      globals: {
        clearTimeout: false,
        console: false,
        performance: false,
        process: false,
        setTimeout: false,
        URL: false,
      },
    },
  },
  {
    files: ['**/*.ts'],
    extends: [
      tseslint.configs.strictTypeChecked,
      tseslint.configs.stylisticTypeChecked,
      rxjsX.configs.recommended,
    ],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // `streams.subscribe<Token, Answer>(id)` names what only the caller can know.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // `StreamInput<C, O = void>` is a stream without an output.
      '@typescript-eslint/no-invalid-void-type': ['error', { allowInGenericTypeArguments: true }],
      // It asks for `!` where another rule forbids `!`: `heap.pop() as T` stays where the length is known.
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },

  // The layers of lib, from the top down: nothing imports upward.
  restrict(['lib/**/*.ts'], NO_COMMAND),
  restrict(['lib/cli/**/*.ts'], {
    regex: '^\\.\\./(log|operators|testing|client|genkit|ai|angular|inspector)/',
    message: 'The command is made of what users of the package have.',
  }),
  restrict(['lib/*.ts', 'lib/operators/**/*.ts'], NO_NODE, NO_ENTRY),
  restrict(['lib/client/**/*.ts'], NO_NODE, NO_COMMAND),
  restrict(['lib/http/**/*.ts'], NO_NODE, NO_COMMAND),
  {
    files: ['lib/angular/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            NO_SELF,
            NO_NODE,
            NO_COMMAND,
            { regex: '^@angular/(?!core$)', message: 'Nothing else of Angular need be there.' },
          ],
        },
      ],
    },
  },
  restrict(['lib/genkit/**/*.ts'], NO_NODE, NO_COMMAND, NO_GENKIT),
  restrict(['lib/ai/**/*.ts'], NO_NODE, NO_COMMAND, NO_AI),
  restrict(['lib/engines/**/*.ts'], NO_RXJS, {
    regex: `^\\.\\./(?!log/|(${LOWEST})\\.js$)`,
    message: 'An engine knows the lowest layer and the log.',
  }),
  restrict(['lib/log/**/*.ts'], NO_RXJS, NO_NODE, {
    regex: `^\\.\\./(?!(${LOWEST}|engines/engine)\\.js$)`,
    message: 'The log knows the lowest layer and what an engine is.',
  }),
  restrict([`lib/{${LOWEST.replaceAll('|', ',')}}.ts`], NO_RXJS, NO_NODE, {
    regex: `^\\./(?!(${LOWEST}|engines/engine)\\.js$)`,
    message: 'The lowest layer imports only itself.',
  }),

  {
    files: ['spec/**/*.ts'],
    rules: {
      // Specs know what is there, and do on purpose what an application should not.
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      'rxjs-x/no-ignored-replay-buffer': 'off',
      'rxjs-x/no-nested-subscribe': 'off',
      'rxjs-x/no-redundant-notify': 'off',
      'rxjs-x/throw-error': 'off',
    },
  },
);

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Snippet {
  readonly title: string;
  readonly code: string;
  /** What it prints, if the document says so. */
  readonly output: string | undefined;
}

/** The `ts` blocks of a document, each with the `text` block right behind it. */
function snippetsOf(document: string): Snippet[] {
  const blocks = document.matchAll(/```ts\n(.*?)```\n(?:\n```text\n(.*?)```\n)?/gs);
  return Array.from(blocks, ({ 1: code = '', 2: output, index }) => ({
    title: /.*^#+ (.*?)$/ms.exec(document.slice(0, index))?.[1] ?? 'the top',
    code,
    output,
  }));
}

/**
 * Compiles and runs every TypeScript snippet of the documents, and compares what it prints with what the document
 * says.
 */
export function describeSnippets(...paths: string[]): void {
  describeSnippetsIn('examples', 'tsconfig.json', ...paths);
}

/** The same, with the packages and the compiler's options that a folder of the project has. */
export function describeSnippetsIn(home: string, tsconfig: string, ...paths: string[]): void {
  // Inside the project, because that is where packages are found and sources are transformed.
  const folder = `${root}${home}/build/snippets-${(paths[0] as string).replace(/\W/g, '-')}/`;
  const snippets = paths.flatMap((path) =>
    snippetsOf(readFileSync(root + path, 'utf8')).map((snippet, index) => ({
      ...snippet,
      path,
      file: `${folder}${path.replace(/\W/g, '-')}-${index + 1}.ts`,
    })),
  );

  describe('The snippets', () => {
    beforeAll(() => {
      mkdirSync(folder, { recursive: true });
      for (const { file, code } of snippets) writeFileSync(file, code);
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    it('compile', { timeout: 60_000 }, () => {
      const { config } = ts.readConfigFile(root + tsconfig, (name) => readFileSync(name, 'utf8')) as {
        config: unknown;
      };
      const { options } = ts.parseJsonConfigFileContent(config, ts.sys, dirname(root + tsconfig));
      const files = snippets.map(({ file }) => file);
      const problems = ts.getPreEmitDiagnostics(ts.createProgram(files, options)).map((problem) => {
        const line = problem.file?.text.slice(0, problem.start).split('\n').length;
        return `${problem.file?.fileName}:${line} ${ts.flattenDiagnosticMessageText(problem.messageText, '\n')}`;
      });
      expect(problems).toEqual([]);
    });

    it.each(snippets)('run as shown: $path, $title', async ({ file, output }) => {
      const printed: string[] = [];
      const log = vi.spyOn(console, 'log').mockImplementation((...values: unknown[]) => {
        printed.push(format(...values));
      });
      try {
        await import(/* @vite-ignore */ file);
      } finally {
        log.mockRestore();
      }
      expect(printed).toEqual(output?.trimEnd().split('\n') ?? []);
    });
  });
}

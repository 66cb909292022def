import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const PAGES = ['.', 'docs', 'bench', 'examples'].flatMap((folder) =>
  readdirSync(folder, { recursive: folder !== '.', encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !name.includes('node_modules'))
    .map((name) => join(folder, name)),
);

const withoutCode = (text: string): string => text.replace(/^```[^]*?^```/gm, '');

/** The anchors of a page's headings, as GitHub makes them. */
const anchorsOf = (page: string): string[] =>
  [...withoutCode(readFileSync(page, 'utf8')).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );

describe('The pages', () => {
  it.each(PAGES)('link to what is there: %s', (page) => {
    const links = [...withoutCode(readFileSync(page, 'utf8')).matchAll(/\]\((?!\w+:)([^)\s]*)\)/g)];
    const broken = links
      .map(([, link = '']) => link)
      .filter((link) => {
        const [path = '', anchor] = link.split('#');
        const target = path === '' ? page : join(dirname(page), path);
        return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
      });
    expect(broken).toEqual([]);
  });

  it('have the tables of all that was measured', () => {
    const tables = [...readFileSync('bench/README.md', 'utf8').matchAll(/<!-- (\w+) -->\n\n\| /g)];
    expect(tables.map(([, name]) => name)).toEqual(['memory', 'engines', 'networked', 'http', 'client']);
  });
});

import { describe, expect, it } from 'vitest';
import { browserBundle } from './support/bundle.js';

describe('what is built, bundled for browsers', () => {
  it.each([
    ['client', ['eventsource-parser', 'rxjs', 'tslib']],
    ['angular', ['@angular/core', 'eventsource-parser', 'rxjs', 'tslib']],
    ['index', ['rxjs', 'tslib']],
  ])('is whole for %s, and has no more packages than it should', async (entry, expected) => {
    const { imports, packages } = await browserBundle(`dist/${entry}.js`);
    expect(imports).toEqual([]);
    expect(packages).toEqual(expected);
  });

  it('fails for what needs Node, and names it', async () => {
    await expect(browserBundle('dist/lmdb.js')).rejects.toThrow('node:crypto');
  });
});

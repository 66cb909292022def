import { describe, expect, it } from 'vitest';

import type { ManagerFactory } from '../support/manager-factory.js';
import { marbles, testScheduler } from '../support/marbles.js';

export function exactlyOnce(createManager: ManagerFactory): void {
  describe('Promise 1: exactly once, in order, then the outcome', () => {
    it(
      'gives early, late and very late subscribers the same chunks',
      marbles((m) => {
        const streams = createManager(m.scheduler);
        const source = m.hot('  -a-b------c-|');
        const early = '         -a-b------c-|';
        const late = '          ----(ab)--c-|';
        const lateSub = '       ----^        ';
        const veryLate = '      -------------------(abc|)';
        const veryLateSub = '   -------------------^';
        const chunks$ = streams.subscribe<string>('s');

        source.subscribe(streams.open<string>('s'));

        m.expect(chunks$).toBeObservable(early);
        m.expect(chunks$, lateSub).toBeObservable(late);
        m.expect(chunks$, veryLateSub).toBeObservable(veryLate);
      }),
    );

    it('keeps the order when a callback of a replay writes', () => {
      const streams = createManager(testScheduler());
      const input = streams.open<string>('s');
      input.next('a');
      input.next('b');
      const seen: string[] = [];
      streams.subscribe<string>('s').subscribe((chunk) => {
        seen.push(chunk);
        if (chunk === 'a') input.next('c');
      });
      expect(seen).toEqual(['a', 'b', 'c']);
    });
  });
}

import { describe, expect, it } from 'vitest';

import { listen } from '../support/node-server.js';

const headers = { 'x-answer': 'yes' };

describe('an answer whose body has nothing yet', () => {
  it('has its header fields sent, and then the body', async () => {
    let begin!: () => void;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const body = new ReadableStream({
      async pull(controller) {
        await begun;
        controller.enqueue(new TextEncoder().encode('body'));
        controller.close();
      },
    });
    const { port } = await listen(() => Promise.resolve(new Response(body, { headers })));
    const response = await fetch(`http://127.0.0.1:${port}`);
    expect(response.headers.get('x-answer')).toBe('yes');
    begin();
    expect(await response.text()).toBe('body');
  });

  it('is whole where it never has anything', async () => {
    const { port } = await listen(() => {
      const body = new ReadableStream({ start: (controller) => controller.close() });
      return Promise.resolve(new Response(body, { headers }));
    });
    for (let i = 0; i < 3; i++) {
      const response = await fetch(`http://127.0.0.1:${port}`);
      expect([response.headers.get('x-answer'), await response.text()]).toEqual(['yes', '']);
    }
  });
});

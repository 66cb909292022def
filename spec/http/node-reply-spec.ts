import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { toNodeListener } from 'rxjs-durable-streams/http';
import { describe, expect, it, onTestFinished } from 'vitest';

async function listen(handler: (request: Request) => Promise<Response>): Promise<string> {
  const server = createServer(toNodeListener(handler));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

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
    const url = await listen(() => Promise.resolve(new Response(body, { headers })));
    const response = await fetch(url);
    expect(response.headers.get('x-answer')).toBe('yes');
    begin();
    expect(await response.text()).toBe('body');
  });

  it('is whole where it never has anything', async () => {
    const url = await listen(() => {
      const body = new ReadableStream({ start: (controller) => controller.close() });
      return Promise.resolve(new Response(body, { headers }));
    });
    for (let i = 0; i < 3; i++) {
      const response = await fetch(url);
      expect([response.headers.get('x-answer'), await response.text()]).toEqual(['yes', '']);
    }
  });
});

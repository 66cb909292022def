import { describe, expect, it } from 'vitest';
import { builtCommand } from '../support/command.js';

describe('head', () => {
  const command = builtCommand();

  it('prints what a stream is', async () => {
    const { url } = await command.serve(['--engine', 'memory']);
    const outcome = '{"type":"done","output":2}';
    const headers = {
      'content-type': 'application/json',
      'stream-ttl': '60',
      'stream-closed': 'true',
      'stream-outcome': outcome,
    };
    const made = await fetch(`${url}/s`, { method: 'PUT', headers, body: '[1,2]' });
    const asked = command.start(['head', `${url}/s`]);
    expect(await asked.ended).toBe(0);
    expect(asked.stdout().split('\n')).toEqual([
      'content-type: application/json',
      `stream-next-offset: ${made.headers.get('stream-next-offset') ?? ''}`,
      'stream-closed: true',
      `stream-outcome: ${outcome}`,
      'stream-ttl: 60',
      '',
    ]);
  });

  it('gives a token, and says so where it is none of the server', async () => {
    const { url } = await command.serve(['--engine', 'memory', '--token', 'right']);
    const right = command.start(['head', `${url}/s`], { env: { RXJS_DURABLE_STREAMS_TOKEN: 'right' } });
    expect(await right.ended).toBe(1);
    expect(right.stderr()).toMatch(
      /^rxjs-durable-streams: There is no stream: 127\.0\.0\.1:\d+\/v1\/stream\/s\.\n$/,
    );
    const wrong = command.start(['head', `${url}/s`, '--token', 'wrong']);
    expect(await wrong.ended).toBe(1);
    expect(wrong.stderr()).toMatch(/does not know this token\.\n$/);
  });

  it('fails where there is no server', async () => {
    const asked = command.start(['head', 'http://127.0.0.1:9/s']);
    expect(await asked.ended).toBe(1);
    expect(asked.stderr()).toMatch(/^rxjs-durable-streams: 127\.0\.0\.1:9 can't be reached: .*\.\n$/);
  });
});

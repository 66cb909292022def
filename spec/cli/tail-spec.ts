import { describe, expect, it } from 'vitest';
import { builtCommand, lastingPort } from '../support/command.js';
import { storePath } from '../support/lmdb.js';

const MEMORY = ['--engine', 'memory', '--long-poll-ms', '100'];
const TEXT = { 'content-type': 'text/plain' };
const JSON_TYPE = { 'content-type': 'application/json' };

describe('tail', () => {
  const command = builtCommand();

  const create = (url: string, headers: Record<string, string>, body?: string): Promise<Response> =>
    fetch(url, { method: 'PUT', headers, ...(body !== undefined && { body }) });
  const append = (url: string, headers: Record<string, string>, body?: string): Promise<Response> =>
    fetch(url, { method: 'POST', headers, ...(body !== undefined && { body }) });
  /** Appends again and again until something has happened. */
  async function appendUntil<T>(
    happened: Promise<T>,
    url: string,
    ...what: [typeof TEXT, string]
  ): Promise<T> {
    const state = { over: false };
    const end = happened.finally(() => (state.over = true));
    while (!state.over) await append(url, ...what);
    return end;
  }
  const close = (url: string): Promise<Response> => append(url, { 'stream-closed': 'true' });

  it('prints what there is and what comes, and ends with the stream', async () => {
    const { url } = await command.serve(MEMORY);
    await create(`${url}/s`, TEXT, 'Grüße, ');
    const tail = command.start(['tail', `${url}/s`]);
    await tail.until((stdout) => stdout === 'Grüße, ');
    await append(`${url}/s`, TEXT, 'Welt');
    await tail.until((stdout) => stdout === 'Grüße, Welt');
    await close(`${url}/s`);
    expect(await tail.ended).toBe(0);
    expect(tail.stderr()).toBe('');
  });

  it.each([
    ['{"type":"error","error":{"code":"CANCELLED","message":"Enough."}}', 'CANCELLED: Enough.'],
    [`{"type":"error","error":{"code":"UNKNOWN","message":"${'x'.repeat(3_000)}"}}`, 'an error.'],
  ])('fails behind what there is of a stream that has ended with an error', async (outcome, said) => {
    const { url } = await command.serve(MEMORY);
    await create(`${url}/s`, { ...TEXT, 'stream-closed': 'true', 'stream-outcome': outcome }, 'half');
    const tail = command.start(['tail', `${url}/s`]);
    expect(await tail.ended).toBe(1);
    expect(tail.stdout()).toBe('half');
    expect(tail.stderr()).toBe(`rxjs-durable-streams: The stream has ended with ${said}\n`);
  });

  it('prints each message of a JSON stream in a line, as it was sent', async () => {
    const { url } = await command.serve(MEMORY);
    await create(
      `${url}/s`,
      { ...JSON_TYPE, 'stream-closed': 'true' },
      '[12345678901234567890, {"a":\n\n "\\n"}, [1,2]]',
    );
    const tail = command.start(['tail', `${url}/s`]);
    expect(await tail.ended).toBe(0);
    expect(tail.stdout()).toBe('12345678901234567890\n{"a":  "\\n"}\n[1,2]\n');
  });

  it('tells offsets, and goes on from one', async () => {
    const { url } = await command.serve(MEMORY);
    await create(`${url}/s`, JSON_TYPE, '[1]');
    const first = command.start(['tail', `${url}/s`, '--offsets']);
    await first.until((_, stderr) => stderr.endsWith('\n'));
    await append(`${url}/s`, JSON_TYPE, '[2]');
    await first.until((stdout, stderr) => stdout === '1\n2\n' && stderr.split('\n').length === 3);
    await close(`${url}/s`);
    expect(await first.ended).toBe(0);

    const [after = ''] = first.stderr().split('\n');
    const second = command.start(['tail', `${url}/s`, '--from', after]);
    expect(await second.ended).toBe(0);
    expect(second.stdout()).toBe('2\n');
  });

  it('begins with what comes when told to', async () => {
    const { url } = await command.serve(MEMORY);
    await create(`${url}/s`, TEXT, 'before ');
    const tail = command.start(['tail', `${url}/s`, '--from', 'now', '--offsets']);
    // It does not say when it has begun.
    await appendUntil(
      tail.until((stdout) => stdout !== ''),
      `${url}/s`,
      TEXT,
      'after ',
    );
    await close(`${url}/s`);
    expect(await tail.ended).toBe(0);
    expect(tail.stdout()).toMatch(/^(after )+$/);
  });

  it('goes on where it was when the server has been away', async () => {
    const path = storePath();
    const port = String(await lastingPort());
    const args = ['--path', path, '--port', port, '--long-poll-ms', '100'];
    const first = await command.serve(args);
    const url = `${first.url}/s`;
    await create(url, JSON_TYPE, '[1]');
    const tail = command.start(['tail', url]);
    await tail.until((stdout) => stdout === '1\n');
    first.process.kill('SIGKILL');
    await first.ended;
    await tail.until((_, stderr) => /^127\.0\.0\.1:\d+ can't be reached: .*\. Trying again\.\n/.test(stderr));
    await command.serve(args);
    await append(url, JSON_TYPE, '[2]');
    await close(url);
    expect(await tail.ended).toBe(0);
    expect(tail.stdout()).toBe('1\n2\n');
  });

  it.each([
    ['there is no stream', '/none', [], 'There is no stream: '],
    ['an offset is malformed', '/s', ['--from', 'x'], 'The answer was 400: '],
    [
      'an offset is of another stream',
      '/s',
      ['--from', '1234567890123456_0000000001000000'],
      'The stream is gone, or',
    ],
  ])('fails where %s', async (_, id, args, complaint) => {
    const { url } = await command.serve(MEMORY);
    await create(`${url}/s`, TEXT, 'x');
    const tail = command.start(['tail', url + id, ...args]);
    expect(await tail.ended).toBe(1);
    expect(tail.stderr()).toMatch(/^rxjs-durable-streams: .*\n$/);
    expect(tail.stderr()).toContain(complaint);
  });

  it('fails when the stream is deleted', async () => {
    const { url } = await command.serve(MEMORY);
    await create(`${url}/s`, TEXT, 'x');
    const tail = command.start(['tail', `${url}/s`]);
    await tail.until((stdout) => stdout === 'x');
    await fetch(`${url}/s`, { method: 'DELETE' });
    expect(await tail.ended).toBe(1);
    expect(tail.stderr()).toContain('There is no stream: ');
  });

  it('ends quietly when nobody reads it any more', async () => {
    const { url } = await command.serve(MEMORY);
    await create(`${url}/s`, JSON_TYPE, '[1]');
    const tail = command.start(['tail', `${url}/s`]);
    await tail.until((stdout) => stdout === '1\n');
    tail.process.stdout?.destroy();
    expect(await appendUntil(tail.ended, `${url}/s`, JSON_TYPE, '[2]')).toBe(0);
    expect(tail.stderr()).toBe('');
  });
});

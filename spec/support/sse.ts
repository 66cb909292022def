/** An event as a browser gives it. */
export interface SseEvent {
  readonly type: string;
  readonly data: string;
}

/** What the events of a text are, by the rules of the HTML standard. What has no end is none. */
export function parseEvents(text: string): SseEvent[] {
  const events: SseEvent[] = [];
  let type = '';
  let data: string[] = [];
  const lines = text.split(/\r\n|\r|\n/);
  lines.pop();
  for (const line of lines) {
    if (line === '') {
      if (data.length > 0) events.push({ type: type === '' ? 'message' : type, data: data.join('\n') });
      type = '';
      data = [];
      continue;
    }
    const [, name, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (name === 'event') type = value;
    if (name === 'data') data.push(value);
  }
  return events;
}

/** What a control event tells. */
export interface Control {
  readonly streamNextOffset: string;
  readonly upToDate?: boolean;
  readonly streamClosed?: boolean;
}

export const controlOf = ({ data }: SseEvent): Control => JSON.parse(data) as Control;

import { malformed, refusal } from './refusal.js';

/** What of a URL says what a request is about. */
export interface Target {
  readonly path: string;
  readonly query: URLSearchParams;
}

/** How long a URL may be. */
const MAX_URL = 8_192;
/** URLs that say the same before and after they are parsed: nearly all are, and parsing takes longer than this. */
const PLAIN =
  /^https?:\/\/(?:127\.0\.0\.1|[a-z]+(?:-[a-z]+)*(?:\.[a-z]+(?:-[a-z]+)*)*)(?::[1-5]?\d{1,4})?(\/[\w~./-]*)(?:\?([\w~.=&-]*))?$/;
const NO_QUERY = new URLSearchParams();

/** The target of a request. */
export function targetOf(text: string): Target {
  const [, path, query] = text.length > MAX_URL ? [] : (PLAIN.exec(text) ?? []);
  if (path !== undefined) {
    return { path, query: query === undefined ? NO_QUERY : new URLSearchParams(query) };
  }
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw malformed('The request target is malformed.');
  }
  if (url.href.length > MAX_URL) {
    throw refusal(414, 'INVALID_ARGUMENT', `A URL may have ${MAX_URL} characters.`);
  }
  return { path: url.pathname, query: url.searchParams };
}

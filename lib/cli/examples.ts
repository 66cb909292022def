import { TOKEN_VARIABLE } from './tokens.js';

/** Three commands for a shell: they create a stream, append to it and read it live. */
export function examples(root: string, needsToken: boolean): string {
  const url = `${root}/hello`;
  const token = needsToken ? ` -H "Authorization: Bearer $${TOKEN_VARIABLE}"` : '';
  return `
Try, in another terminal:

  curl -X PUT "${url}" -H "Content-Type: text/plain"${token}
  curl -X POST "${url}" -H "Content-Type: text/plain"${token} -d "Hello, stream. "
  curl -N "${url}?offset=-1&live=sse"${token}

`;
}

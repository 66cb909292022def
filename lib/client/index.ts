export { durableStream } from './durable-stream.js';
export { openStream, type OpenStreamOptions } from './open-stream.js';
export type {
  ConnectionOptions,
  DurableStreamOptions,
  HeadersContext,
  HeadersOption,
  HeaderValue,
} from './options.js';
export { type OffsetMemory, remember, type TextStorage } from './remember.js';
export { stopStream, type StopStreamOptions } from './stop-stream.js';

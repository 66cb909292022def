export { type Codec, jsonCodec } from './codec.js';
export { DurableStreamManager, type DurableStreamManagerOptions } from './durable-manager.js';
export type { DurableStream } from './durable-stream.js';
export type { StreamEngine } from './engines/engine.js';
export { memoryEngine, type MemoryEngineOptions } from './engines/memory.js';
export { StreamError, type StreamErrorCode, type StreamErrorOptions } from './errors.js';
export { InMemoryStreamManager, type InMemoryStreamManagerOptions } from './in-memory-manager.js';
export type { Offset } from './offset.js';
export { chunks } from './operators/chunks.js';
export { durable, type DurableOptions } from './operators/durable.js';
export { resumable, type ResumableOptions, type RetryOptions } from './operators/resumable.js';
export { writeTo, type WriteToOptions } from './operators/write-to.js';
export type {
  ListOptions,
  MaybePromise,
  OpenOptions,
  StopOptions,
  StreamChunkEvent,
  StreamDoneEvent,
  StreamErrorEvent,
  StreamEvent,
  StreamHead,
  StreamInput,
  StreamLifetime,
  StreamManager,
  StreamStatus,
  SubscribeOptions,
} from './stream-manager.js';
export { StreamSubject } from './stream-subject.js';

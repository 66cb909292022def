export {
  createResumableStreamContext,
  type MakeStream,
  type ResumableStreamContext,
  type ResumableStreamContextOptions,
} from './resumable-stream.js';
export type { RunSource } from './run-request.js';
export {
  type RunChunk,
  streamDurability,
  type StreamDurability,
  type StreamDurabilityOptions,
} from './stream-durability.js';

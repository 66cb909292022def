export { chunkEvent, doneEvent, errorEvent, type EventPlace, streamError } from './stream-events.js';
export {
  TestStreamManager,
  type TestStreamManagerOptions,
  type WriteMarblesOptions,
} from './test-manager.js';

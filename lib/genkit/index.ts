export type { GenkitErrorClasses, GenkitStatus } from './errors.js';
export { genkitHandler, type GenkitHandler } from './handler.js';
export type { GenkitAttempt, GenkitHandlerOptions, GenkitOperation, GenkitRequestData } from './options.js';
export type { GenkitRun, GenkitRunOptions } from './run.js';
export {
  type GenkitStreamInput,
  type GenkitStreamManager,
  genkitStreamManager,
  type GenkitStreamManagerOptions,
  type GenkitStreamSubscriber,
} from './stream-manager.js';

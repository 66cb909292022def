export { durableResource } from './durable-resource.js';
export { DurableStreams, injectDurableStreams } from './durable-streams.js';
export type { DurableStreamsOptions } from './options.js';
export { provideDurableStreams } from './provide.js';
export type {
  DurableResource,
  DurableResourceOptions,
  DurableResourceStatus,
  ReducedResourceOptions,
} from './resource-options.js';

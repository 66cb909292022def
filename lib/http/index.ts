export { createHandler, type StreamHandler } from './handler.js';
export { type NodeListener, type NodeListenerOptions, toNodeListener } from './node-listener.js';
export type { Attempt, CorsOptions, HandlerOptions, Operation } from './options.js';

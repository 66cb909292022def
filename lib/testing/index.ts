export { Deferred } from './deferred.js';
export { engineSuite, type EngineUnderTest, type FuzzOptions, type TestFramework } from './engine-suite.js';
export {
  type CallFault,
  type Delays,
  type EngineCall,
  type EngineMethod,
  type FaultPlan,
  type FaultyEngine,
  faultyEngine,
  type FaultyEngineOptions,
  type HintFault,
} from './faulty-engine.js';
export { httpSuite, type HttpUnderTest } from './http-suite.js';
export {
  type ArmedFault,
  type ScriptedCall,
  type ScriptedEngine,
  scriptedEngine,
  type ScriptedEngineOptions,
  type ScriptTarget,
} from './scripted-engine.js';
export { chunkEvent, doneEvent, errorEvent, type EventPlace, streamError } from './stream-events.js';
export {
  TestStreamManager,
  type TestStreamManagerOptions,
  type WriteMarblesOptions,
} from './test-manager.js';

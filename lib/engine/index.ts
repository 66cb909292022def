export type {
  Commit,
  CommitResult,
  EngineFeatures,
  Entry,
  Hint,
  Loaded,
  LoadRequest,
  Move,
  Page,
  Parts,
  Payload,
  Presence,
  ReadRequest,
  StreamEngine,
  Touch,
  Version,
  Watch,
} from '../engines/engine.js';
export { blankHint, goneHint, hintOf } from '../engines/hint.js';
export { decodeEntry, decodePart, encodeEntry, encodePart } from '../log/frame.js';
export { decodeHead, encodeHead, type Head, type Soft } from '../log/head.js';

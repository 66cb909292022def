/* What is simulated: all of it, so that a mutant of any module can take its place. */
export { DurableInput } from '../../../lib/durable-input.js';
export { AT_START, placeOf } from '../../../lib/log/place.js';
export { Streams } from '../../../lib/log/streams.js';

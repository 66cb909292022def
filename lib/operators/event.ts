import type { StreamEvent } from '../stream-manager.js';
import { demand } from '../validation.js';

const TYPES: readonly unknown[] = ['chunk', 'done', 'error'] satisfies StreamEvent<unknown>['type'][];

/** Throws `INVALID_ARGUMENT` for what is no event: of a stream without `events()` all but a chunk would be lost. */
export function checkEvent(event: unknown): void {
  const { type } = Object(event) as { readonly type?: unknown };
  demand(TYPES.includes(type), 'an event', 'what events() of a stream gives', event);
}

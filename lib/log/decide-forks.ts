import { StreamError } from '../errors.js';
import type { Recheck, Refer } from './command.js';
import { change, type Decision, DUPLICATE, refuse, SETTLED, type State, withFacts } from './decision.js';
import { type Facts, type Head, headWith, PART, type Reference } from './head.js';

export function refer({ head, parts }: State, { nonce, change: what }: Refer): Decision {
  const name = PART.reference(nonce);
  const known = parts.get(name) as Reference | undefined;
  const { references, announced = 0, deleted, recheckAt = Infinity } = head.facts;
  const store = (facts: Partial<Facts>, reference: Reference | undefined): Decision => ({
    ...change(withFacts(head, facts)),
    parts: { [name]: reference },
  });
  switch (what.type) {
    case 'announce': {
      if (known !== undefined) return DUPLICATE;
      if (deleted)
        return refuse(
          new StreamError('FAILED_PRECONDITION', 'The source is deleted, and only kept for its forks.'),
        );
      if (what.after > head.tail)
        return refuse(new StreamError('OUT_OF_RANGE', `The source has no position ${what.after}.`));
      return store(
        {
          references: references + 1,
          announced: announced + 1,
          recheckAt: Math.min(recheckAt, what.until),
        },
        { id: what.id, until: what.until },
      );
    }
    case 'confirm':
      if (known === undefined)
        return refuse(new StreamError('ABORTED', 'The fork was given up for not being made in time.'));
      return known.until === undefined && !isLater(what.generation, known.generation)
        ? DUPLICATE
        : store({}, { id: known.id, generation: what.generation });
    case 'drop':
      if (known === undefined || isLater(known.generation, what.generation)) return DUPLICATE;
      if (deleted && references === 1) return { type: 'removal' };
      return store({ references: references - 1 }, undefined);
  }
}

/** Whether a life is known, and the other is not as late. */
const isLater = (generation: number | undefined, than = 0): boolean =>
  generation !== undefined && generation > than;

export function recheck(head: Head, { seen, at }: Recheck): Decision {
  // It stays due: whoever looks next sees the forks that this one has not.
  if (head.facts.announced !== seen) return SETTLED;
  const { recheckAt: _, ...facts } = head.facts;
  if (facts.deleted && facts.references === 0) return { type: 'removal' };
  return change(
    headWith(head, { n: head.n + 1, facts: at === undefined ? facts : { ...facts, recheckAt: at } }),
  );
}

import { engineSuite, type EngineUnderTest } from '../../../lib/testing/index.js';

interface Case {
  /** Its title behind those of its groups. */
  readonly title: string;
  readonly run: () => Promise<void>;
}

/** The cases that the suite has for an engine, without a test framework. */
export function registered(subject: EngineUnderTest): Case[] {
  const cases: Case[] = [];
  const groups: string[] = [];
  engineSuite(
    {
      describe: (name, body) => {
        groups.push(name);
        body();
        groups.pop();
      },
      it: (name, run) => cases.push({ title: [...groups, name].join(' > '), run }),
    },
    subject,
  );
  return cases;
}

/** What a script that runs as a process of its own answers to each question. */
export type Answers = Readonly<Record<string, (...args: never[]) => unknown>>;

/** Answers the process that started this one, see `child.ts`, for as long as it is connected. */
export function answering(answers: Answers): void {
  process.on('message', ({ number, question, rest }: { number: number; question: string; rest: never[] }) => {
    // Also what is thrown at once.
    const answer = new Promise((resolve) => {
      resolve(answers[question]?.(...rest));
    });
    answer.then(
      (value) => {
        tell({ number, value });
      },
      (error: unknown) => {
        tell({ number, error: String(error) });
      },
    );
  });
}

function tell(answer: object): void {
  if (process.connected) process.send?.(answer);
}

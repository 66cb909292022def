/** What a source has, in batches: in each one all that has come while the one before was dealt with. */
export async function* batches<T>(
  source: AsyncIterable<T>,
  sizeOf: (item: T) => number,
  most: number,
): AsyncGenerator<T[], void, undefined> {
  let waiting: T[] = [];
  let size = 0;
  let end: { readonly error?: unknown } | undefined;
  let arrived = (): void => undefined;
  let taken = (): void => undefined;
  const fill = async (): Promise<void> => {
    for await (const item of source) {
      waiting.push(item);
      size += sizeOf(item);
      arrived();
      if (size >= most) await new Promise<void>((resolve) => (taken = resolve));
    }
  };
  fill().then(
    () => {
      end = {};
      arrived();
    },
    (error: unknown) => {
      end = { error };
      arrived();
    },
  );
  for (;;) {
    if (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      size = 0;
      taken();
      yield batch;
    } else if (end !== undefined) {
      // After what came before it.
      if ('error' in end) throw end.error;
      return;
    } else {
      await new Promise<void>((resolve) => (arrived = resolve));
    }
  }
}

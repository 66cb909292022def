function closeIt(this: { close: () => unknown }): unknown {
  return this.close();
}

/**
 * Makes `close()` what `using` calls, where the platform has `Symbol.dispose`. Not declared in the types, which have
 * to hold on platforms without it.
 */
export function attachDispose(prototype: { close: () => unknown }): void {
  const { dispose, asyncDispose } = Symbol as { dispose?: symbol; asyncDispose?: symbol };
  for (const key of [dispose, asyncDispose]) {
    if (key !== undefined) Object.assign(prototype, { [key]: closeIt });
  }
}

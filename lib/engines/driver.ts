import { StreamError } from '../errors.js';

/**
 * Loads the driver of an engine. Rejects with `FAILED_PRECONDITION` where it is not installed, saying what to do; the
 * details have the packages as `install`.
 */
export async function loadDriver<T>(engine: string, packages: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const message = `The ${engine} engine needs ${packages}, which could not be loaded: npm install ${packages}`;
    throw new StreamError('FAILED_PRECONDITION', message, { cause, details: { install: packages } });
  }
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new directory. */
export const temporaryDirectory = (name: string): string => mkdtempSync(join(tmpdir(), `${name}-`));

/** Removes a directory and all in it. */
export const removeDirectory = (path: string): void => rmSync(path, { recursive: true, force: true });

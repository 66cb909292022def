import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new directory. */
export const temporaryDirectory = (name: string): string => mkdtempSync(join(tmpdir(), `${name}-`));

/** Writes to standard output, and waits until it has been taken: by a pipe that is slow, slowly. */
export function print(data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(data, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

/**
 * Calls back once standard output is read by nobody any more. Without this, the first to write to it, or to standard
 * error, would end the process with a stack.
 */
export function onUnread(callback: () => void): void {
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') callback();
  });
  process.stderr.on('error', () => undefined);
}

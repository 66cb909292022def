import type { StreamLifetime, StreamManager } from './stream-manager.js';

/** ms after which a producer whose process is gone is given up, unless somebody says otherwise. */
const LEASE = 15_000;

/** The lifetime of a stream that must not hang: with a lease, where a producer can be gone without notice. */
export const withLease = (streams: StreamManager, lifetime: StreamLifetime): StreamLifetime =>
  streams.needsLease === true && lifetime.lease === undefined ? { ...lifetime, lease: LEASE } : lifetime;

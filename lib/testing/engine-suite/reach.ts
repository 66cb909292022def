import type { EngineFeatures, StreamEngine } from '../../engines/engine.js';
import type { Awaitable } from '../../maybe-promise.js';

/** Makes a call of an engine, or does something else. */
type Around = <T>(call: () => Awaitable<T>) => Awaitable<T>;

/** What is different about an engine that is reached through another. */
export interface Detour {
  /** Done around each call. Default: nothing else. */
  readonly around?: Around;
  /** What it says of itself beside what the engine behind it does. */
  readonly features?: Partial<EngineFeatures>;
  /** Whether it knows who is there, if the engine behind it does. Default: it does. */
  readonly presence?: boolean;
  readonly commit?: StreamEngine['commit'];
  readonly load?: StreamEngine['load'];
  readonly watch?: StreamEngine['watch'];
  readonly touch?: StreamEngine['touch'];
}

/** An engine as one process of several has it: what is closed is the way to it, and not the engine. */
export function reach(engine: StreamEngine, detour: Detour = {}): StreamEngine {
  const { around = straight, features, presence = true, ...changed } = detour;
  const { commit, load, watch, touch } = { ...plain(engine), ...changed };
  return {
    name: engine.name,
    features: { ...engine.features, ...features },
    ...(presence && engine.presence && { presence: engine.presence }),
    ...(engine.confirm && { confirm: (ids) => around(() => engine.confirm?.(ids) ?? []) }),
    load: (requests) => around(() => load(requests)),
    commit: (commits) => around(() => commit(commits)),
    ...(engine.ready && {
      ready: (callback) =>
        void around(
          () =>
            new Promise<void>((resolve) => {
              engine.ready?.(() => {
                callback();
                resolve();
              });
            }),
        ),
    }),
    watch: (ids, onHint) => around(() => watch(ids, onHint)),
    touch: (touches) => around(() => touch(touches)),
    read: (requests) => around(() => engine.read(requests)),
    list: (options) => around(() => engine.list(options)),
    due: (now, limit) => around(() => engine.due(now, limit)),
    schedule: (moves) => around(() => engine.schedule(moves)),
    close: () => undefined,
  };
}

/** Makes a call, and nothing else. */
export const straight: Around = (call) => call();

/** The calls that can be changed, as the engine has them. */
const plain = (engine: StreamEngine): Required<Pick<Detour, 'commit' | 'load' | 'watch' | 'touch'>> => ({
  commit: (commits) => engine.commit(commits),
  load: (requests) => engine.load(requests),
  watch: (ids, onHint) => engine.watch(ids, onHint),
  touch: (touches) => engine.touch(touches),
});

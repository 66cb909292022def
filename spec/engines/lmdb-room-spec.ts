import { describe, expect, it } from 'vitest';

import { Room } from '../../lib/engines/lmdb-room.js';

const GIB = 2 ** 30;

/** The room on a disk with so many bytes free, the ways to change that and the time, and how often it was looked at. */
function roomOn(free: number) {
  const disk = { free, now: 1_000, looks: 0 };
  const look = (path: string): number => {
    expect(path).toBe('/data');
    disk.looks++;
    return disk.free;
  };
  return { disk, room: new Room('/data', look, () => disk.now) };
}

describe('The room of an LMDB store', () => {
  it('is looked at once in a while where there is plenty', () => {
    const { disk, room } = roomOn(100 * GIB);
    expect(room.free).toBe(100 * GIB);

    disk.free = 90 * GIB;
    disk.now += 99;
    expect(room.free).toBe(100 * GIB);
    expect(disk.looks).toBe(1);

    disk.now += 1;
    expect(room.free).toBe(90 * GIB);
    expect(disk.looks).toBe(2);
  });

  it('is looked at each time where there is not', () => {
    const { disk, room } = roomOn(4 * GIB - 1);
    for (let i = 1; i <= 3; i++) {
      disk.free--;
      expect(room.free).toBe(disk.free);
      expect(disk.looks).toBe(i);
    }
  });

  it('is looked at each time from when there is no plenty any more, until there is again', () => {
    const { disk, room } = roomOn(5 * GIB);
    expect(room.free).toBe(5 * GIB);

    disk.free = 0;
    disk.now += 100;
    expect(room.free).toBe(0);

    disk.free = 10 * GIB;
    expect(room.free).toBe(10 * GIB);
    expect(room.free).toBe(10 * GIB);
    expect(disk.looks).toBe(3);
  });
});

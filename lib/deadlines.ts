/** Something that has to be looked at by a certain time. */
export interface Dated {
  /** When, in ms of some clock; `Infinity` while there is nothing to wait for. The heap writes it. */
  deadline: number;
  /** Its place in the heap; below 0 while it is not in it. The heap writes it. */
  slot: number;
}

/** Things in the order of their deadlines: a binary heap whose items know their places, so that they can be moved. */
export class DeadlineHeap<T extends Dated> {
  protected readonly items: T[] = [];

  /** The one with the earliest deadline. */
  get first(): T | undefined {
    return this.items[0];
  }

  /** Puts an item in, moves it, or takes it out if its deadline is `Infinity`. */
  set(item: T, deadline: number): void {
    const items = this.items;
    const { slot } = item;
    item.deadline = deadline;
    if (deadline !== Infinity) {
      this.#place(slot < 0 ? items.push(item) - 1 : slot, item);
    } else if (slot >= 0) {
      item.slot = -1;
      const last = items.pop() as T;
      if (last !== item) this.#place(slot, last);
    }
  }

  /** Puts an item where it belongs, beginning at a slot that is free. */
  #place(from: number, item: T): void {
    const items = this.items;
    let slot = from;
    for (;;) {
      let next = (slot - 1) >> 1;
      let other = slot > 0 ? items[next] : undefined;
      if (other === undefined || other.deadline <= item.deadline) {
        // Not up, then down, to the earlier child.
        next = 2 * slot + 1;
        other = items[next];
        const right = items[next + 1];
        if (other !== undefined && right !== undefined && right.deadline < other.deadline) {
          other = right;
          next++;
        }
        if (other === undefined || other.deadline >= item.deadline) break;
      }
      items[slot] = other;
      other.slot = slot;
      slot = next;
    }
    items[slot] = item;
    item.slot = slot;
  }
}

/** A heap that can be asked for what is due without taking it out. */
export class DeadlineIndex<T extends Dated> extends DeadlineHeap<T> {
  /**
   * Up to `limit` items whose deadlines are at or before a moment, earliest first, and the next one, due or not. What
   * is not given is not looked at, but for about as many.
   */
  due(now: number, limit: number): { readonly due: T[]; readonly next: T | undefined } {
    const items = this.items;
    const due: T[] = [];
    // An item comes into question once its parent was taken.
    const slots = items.length > 0 ? [0] : [];
    const deadlineOf = (slot: number): number => (items[slot] as T).deadline;
    for (;;) {
      let first = 0;
      for (let i = 1; i < slots.length; i++) {
        if (deadlineOf(slots[i] as number) < deadlineOf(slots[first] as number)) first = i;
      }
      const slot = slots[first];
      const item = slot === undefined ? undefined : items[slot];
      if (slot === undefined || item === undefined || item.deadline > now || due.length >= limit)
        return { due, next: item };
      due.push(item);
      slots.splice(first, 1);
      for (const child of [2 * slot + 1, 2 * slot + 2]) if (child < items.length) slots.push(child);
    }
  }
}

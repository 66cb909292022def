/** Readers in the order they came: a set to join and to leave, an array to go through. */
export class Line<R> extends Set<R> {
  #inOrder: readonly R[] | undefined;

  /** As they are now; who joins or leaves later does not change it. */
  get inOrder(): readonly R[] {
    return (this.#inOrder ??= [...this]);
  }

  override add(reader: R): this {
    this.#inOrder = undefined;
    return super.add(reader);
  }

  override delete(reader: R): boolean {
    this.#inOrder = undefined;
    return super.delete(reader);
  }
}

/** The longest delay, in ms, that timers take; beyond it they fire at once. */
export const LONGEST_DELAY = 2 ** 31 - 1;

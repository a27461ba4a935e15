/** Why a row of docs/nat.md misses its figure, by the row's name. What is not here makes the full run fail. */
export const KNOWN: ReadonlyMap<string, string> = new Map();

/**
 * The memory that a Coordinator holds for others: how much it is, for whom, and who loses it first.
 *
 * @module
 */

export { budgetOf } from "./budget.ts";
export { HeldMemory, type HeldMemoryHost } from "./held-memory.ts";

/**
 * How much memory a Coordinator may hold for others.
 *
 * @module
 */

const LEAST_BYTES = 256 * 1_048_576;
const SHARE_OF_MACHINE = 4;

/** The budget: `heldBytes` if it is given, or a quarter of the machine's memory, at least 256 MiB. */
export function budgetOf(heldBytes: number, machineBytes: number): number {
	return heldBytes > 0 ? heldBytes : Math.max(LEAST_BYTES, Math.floor(machineBytes / SHARE_OF_MACHINE));
}

/**
 * How much a stream may send and receive, and when it says so: windows, budgets and the schedule of ACKs.
 *
 * @module
 */

export { AckSchedule } from "./ack-schedule.ts";
export { fixedWindows } from "./fixed-window.ts";
export { KeptBudget, type KeptLimits } from "./kept-budget.ts";
export { ReceiveBudget, type ReceiveLimits } from "./receive-budget.ts";
export {
	type AckSlot,
	type AckSlots,
	EARLY_BYTES,
	type KeptEvents,
	type KeptShare,
	type KeptShares,
	type LimitRaised,
	type ReceiveWindow,
	type ReceiveWindows,
	type SendShare,
	type SendShares,
	UNIT_COST_BYTES,
} from "./seams.ts";
export { SendBudget, type SendBudgetOptions } from "./send-budget.ts";

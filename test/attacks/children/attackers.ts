/**
 * The attackers: one kind, so many keys, one process.
 *
 * @module
 */

import { serve } from "../../../bench/roles/serve.ts";
import { Army, type Deeds, type Orders } from "../army.ts";
import { kindOf } from "../kinds/index.ts";

let begin: () => void = () => undefined;
let army: Army | undefined;
let under: Promise<void> | undefined;
let failure: unknown;
const fail = (error: unknown): void => {
	failure = error;
};

/** What the runner sends. */
export interface AttackOrders extends Orders {
	readonly kind: string;
	/** This process plays those who only read, of a kind that has such. */
	readonly accomplices?: boolean;
}

serve({
	/** Makes the keys, and does what comes before the attack. */
	prepare: async ({ kind, accomplices = false, ...orders }: AttackOrders): Promise<void> => {
		army = new Army(orders);
		await army.arm();
		const { prepare, readers, attack } = kindOf(kind);
		if (accomplices) await readers?.(army);
		else await prepare?.(army);
		const attacking = army;
		begin = () => {
			under = accomplices ? Promise.resolve() : Promise.resolve(attack(attacking)).catch(fail);
		};
	},
	begin: () => begin(),
	/** Ends it, and says what was done. */
	end: async (): Promise<Deeds> => {
		const deeds = army?.deeds ?? { acts: 0, closed: 0, gained: 0 };
		army?.end();
		await Promise.race([under, new Promise((resolve) => setTimeout(resolve, 2_000))]);
		if (failure !== undefined) throw failure;
		return deeds;
	},
	/** Uses the core, and sends nothing. */
	burn: async ({ seconds }: { seconds: number }) => {
		const until = performance.now() + seconds * 1_000;
		while (performance.now() < until) {
			const slice = performance.now() + 20;
			while (performance.now() < slice);
			await new Promise((resolve) => setImmediate(resolve));
		}
	},
});

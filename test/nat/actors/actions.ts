/** The child's half of `../actor.ts`. */

import { createInterface } from "node:readline";

/** What an actor can do, by name. */
export type Actions = Readonly<Record<string, (argument: never) => unknown>>;

/** Answers calls until standard input ends, with which the process ends: an actor does not outlive its parent. */
export function serveActions(actions: Actions): void {
	const answer = (call: number, rest: object): void => {
		process.stdout.write(`${JSON.stringify({ call, ...rest })}\n`);
	};
	createInterface(process.stdin)
		.on("line", async (line) => {
			const { call, action, argument } = JSON.parse(line) as { call: number; action: string; argument: never };
			try {
				const perform = Object.hasOwn(actions, action) ? actions[action] : undefined;
				if (perform === undefined) throw new TypeError(`there is no "${action}"`);
				answer(call, { result: (await perform(argument)) ?? null });
			} catch (error) {
				const { message, code } = error as { message?: unknown; code?: unknown };
				answer(call, { error: { message: String(message ?? error), ...(typeof code === "string" ? { code } : {}) } });
			}
		})
		.on("close", () => process.exit(0));
	answer(0, { result: null });
}

/** Milliseconds of a clock that all processes of the machine share and nobody sets. */
export function nowMs(): number {
	return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * The child's half of an `Actor` (`../actors.ts`): it does what its parent says over IPC.
 */

/** What a process can do, by name. Arguments and results are JSON. */
export type Actions = Readonly<Record<string, (argument: never) => Promise<unknown>>>;

/** Tells the parent that this process is there, and answers its calls from now on. */
export function answerParent(actions: Actions): void {
	process.on("message", ({ call, action, argument }: { call: number; action: string; argument: never }) => {
		const done = actions[action]?.(argument) ?? Promise.reject(new TypeError(`There is no "${action}"`));
		done.then(
			(result) => process.send?.({ call, result }),
			(error) => process.send?.({ call, error: String(error) }),
		);
	});
	process.send?.({ call: 0 });
}

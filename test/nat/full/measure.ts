/** What the sections of a full run share. */

import type { Owner } from "../lab.ts";
import type { Try } from "../report/results.ts";
import { type Peer, World } from "../world.ts";

/** One run of a section. */
export interface Run {
	/** Labs end with the section. */
	readonly owner: Owner;
	/** Tries of each thing. */
	readonly rounds: number;
	readonly root: string;
	readonly log: (line: string) => void;
}

/** Does each of the items once, in so many labs at a time. What goes on in them is mostly waiting. */
export async function inLabs<T>({ owner }: Run, labs: number, items: readonly T[], work: (world: World, item: T) => Promise<unknown>): Promise<void> {
	const left = [...items];
	await Promise.all(
		Array.from({ length: Math.min(labs, items.length) }, async () => {
			const world = await World.up(owner);
			for (let item = left.shift(); item !== undefined; item = left.shift()) await work(world, item);
		}),
	);
}

/** An owner whose end is called early: for a section with more labs than are to be there at once. */
export class Ending implements Owner {
	readonly #ends: (() => Promise<void> | void)[] = [];

	after(end: () => Promise<void> | void): void {
		this.#ends.push(end);
	}

	async end(): Promise<void> {
		for (const end of this.#ends.splice(0)) await end();
	}
}

/** A channel, and a stream that shows that it works. */
export async function tryDirect(one: Peer, other: Peer): Promise<Try> {
	const { ms, error } = await one.openChannel(other);
	if (error !== undefined) return { ok: false, ms, note: `${error.code}: ${error.message}` };
	const { path } = await one.openStream(other, "direct");
	return path === "direct" ? { ok: true, ms } : { ok: false, ms, note: "there was a channel, and no stream on it" };
}

/** Messages that go from one Client to another all the time, on a stream that survives, and how long their reader waits. */

import assert from "node:assert/strict";
import type { TransferState } from "../actors/transfers.ts";
import { eventually, type Peer, type Sending, story } from "../world.ts";

/** Pauses of less are not seen. */
const SEEN_MS = 100;
/** So long for what is on its way to arrive, and to be accounted for. */
const END_MS = 60_000;

/** See the module. */
export class Flow {
	readonly from: Peer;
	readonly to: Peer;
	readonly name: string;
	/** It has no amount. */
	readonly #endless: boolean;

	static async begin(from: Peer, to: Peer, path: "auto" | "direct" | "proxied", sending: Sending): Promise<Flow> {
		const name = `${path}, ${from.id} to ${to.id}`;
		await from.send(to, path, name, { resumable: true, silenceMs: SEEN_MS, ...sending });
		const flow = new Flow(from, to, name, sending.bytes === undefined);
		assert.ok(await eventually(10_000, async () => ((await to.received(name))?.messages ?? 0) > 0), `${name}: nothing has come`);
		return flow;
	}

	private constructor(from: Peer, to: Peer, name: string, endless: boolean) {
		this.#endless = endless;
		this.from = from;
		this.to = to;
		this.name = name;
	}

	async received(): Promise<TransferState> {
		return (await this.to.received(this.name)) ?? assert.fail(`${this.name}: nothing has come`);
	}

	async path(): Promise<"direct" | "proxied"> {
		return (await this.from.where(this.name)).path;
	}

	/** Waits until something has come after that moment. Gives how long that took, or undefined. */
	async onAgainMs(sinceMs: number, withinMs: number): Promise<number | undefined> {
		const state = await eventually(withinMs, async () => {
			const state = await this.received();
			return (state.lastAtMs ?? 0) > sinceMs && state;
		});
		if (state === undefined) return undefined;
		const silence = state.silences.find(({ fromMs, toMs }) => fromMs <= sinceMs && toMs > sinceMs);
		return silence === undefined ? 0 : silence.toMs - sinceMs;
	}

	/** The longest pause of the reader that lies in this time at least partly. */
	async longestMs(sinceMs: number, untilMs: number = Number.POSITIVE_INFINITY): Promise<number> {
		const { silences } = await this.received();
		return Math.max(0, ...silences.filter(({ fromMs, toMs }) => toMs > sinceMs && fromMs < untilMs).map(({ fromMs, toMs }) => toMs - fromMs));
	}

	/** Ends it, if it has no end of its own. Fails unless the reader has all that was sent, in its order and once. Gives what it has. */
	async end(withinMs: number = END_MS): Promise<TransferState> {
		if (this.#endless) await this.from.enough(this.name);
		let timer: NodeJS.Timeout | undefined;
		const late = new Promise<undefined>((resolve) => {
			timer = setTimeout(resolve, withinMs, undefined);
		});
		const account = await Promise.race([this.from.result(this.name), late]);
		clearTimeout(timer);
		const wrong = account === undefined ? "it does not come to an end" : account.error && `${account.error.code}: ${account.error.message}`;
		const there = await this.to.received(this.name);
		assert.equal(wrong, undefined, `${this.name}: ${wrong}; at the reader: ${JSON.stringify(there)}${await story(this.from, this.to)}`);
		return account ?? assert.fail();
	}
}

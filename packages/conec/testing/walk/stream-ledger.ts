/**
 * Every message on every stream of a walk: who has sent it, who has got it, and how each direction has ended.
 *
 * A message arrives once, whole and in order, or its stream reports an error at both ends.
 *
 * @module
 */

import type { StreamChange } from "../../src/stream/changes.ts";
import type { MessageStream } from "../../src/stream/message-stream.ts";
import { StreamEnd } from "./end-record.ts";
import { isAway, type Party } from "./party.ts";
import { accuses, type Verdict } from "./verdict.ts";

/** One stream: both its ends, as far as there are two. */
export interface StreamRecord {
	readonly key: number;
	readonly opener: Party;
	/** Whom it was opened to; `null`: the Coordinator. */
	readonly to: string | null;
	readonly protocol: string | undefined;
	/** It may take no other path. */
	readonly only: "direct" | "proxied" | undefined;
	/** How the opening went: under way, done, or the code of the error. */
	opening: "waiting" | "open" | (string & {});
	/** Ends at the acceptor of openings that failed on their way: the opener has tried another one since. */
	readonly failed: StreamEnd[];
	/** The opener's end and the acceptor's. */
	readonly ends: [StreamEnd | undefined, StreamEnd | undefined];
}

/** See the module. */
export class StreamLedger {
	readonly records: StreamRecord[] = [];
	readonly #verdict: Verdict;
	readonly #note: (line: string) => void;

	constructor(verdict: Verdict, note: (line: string) => void) {
		this.#verdict = verdict;
		this.#note = note;
	}

	/** Begins a record; its key goes into the metadata of the stream. */
	begin(opener: Party, to: string | null, protocol?: string, only?: "direct" | "proxied"): StreamRecord {
		const record: StreamRecord = { key: this.records.length, opener, to, protocol, only, opening: "waiting", failed: [], ends: [undefined, undefined] };
		this.records.push(record);
		return record;
	}

	/** The opener has its stream. */
	opened(record: StreamRecord, stream: MessageStream): StreamEnd {
		record.opening = "open";
		const name = `stream ${record.key}`;
		this.#verdict.must(stream.peer === record.to, () => `${name} of ${record.opener.name} was opened to ${record.to} and shows ${stream.peer}`);
		return this.#add(record, 0, record.opener, stream);
	}

	/** A stream that somebody has opened goes on over another connection. */
	changed(opener: Party, id: number, change: StreamChange): void {
		const record = this.records.findLast((one) => one.opener === opener && one.ends[0]?.stream.id === id);
		if (record?.only === undefined || change.type === "suspended") return;
		this.#verdict.must(change.to === record.only, () => `stream ${record.key} was to be ${record.only} only, and went ${change.from} to ${change.to}`);
	}

	/** A stream has come. `undefined`: its record is not known, which is wrong. */
	accepted(party: Party, stream: MessageStream): StreamEnd | undefined {
		const { metadata } = stream;
		const record = typeof metadata === "number" ? this.records[metadata] : undefined;
		if (record === undefined) {
			this.#verdict.wrong(`${party.name} got a stream that nobody has opened: ${JSON.stringify(metadata)}`);
			return undefined;
		}
		const name = `stream ${record.key}`;
		this.#verdict.must(stream.protocol === record.protocol, () => `${name} with protocol ${record.protocol} came with ${stream.protocol}`);
		this.#verdict.must(party.id === record.to, () => `${name} to ${record.to} came to ${party.id}`);
		this.#verdict.must(stream.peer === record.opener.id, () => `${name} of ${record.opener.id} shows ${stream.peer} as its peer`);
		// A direct opening that fails is followed by a proxied one, and may arrive all the same, even after that.
		const before = record.ends[1];
		const end = this.#add(record, 1, party, stream);
		if (before === undefined) return end;
		this.#verdict.must(before.firstPath !== end.firstPath, () => `${name} came twice`);
		const [failed, good] = end.firstPath === "direct" ? [end, before] : [before, end];
		record.failed.push(failed);
		record.ends[1] = good;
		return end;
	}

	#add(record: StreamRecord, side: 0 | 1, party: Party, stream: MessageStream): StreamEnd {
		const end = new StreamEnd(record.key, side, party, stream, () => record.ends[side === 0 ? 1 : 0]?.sends ?? [], this.#verdict, this.#note);
		record.ends[side] = end;
		return end;
	}

	/** Everything is over: checks how it ended. */
	check(): void {
		for (const record of this.records) {
			const [near, far] = record.ends;
			const name = `stream ${record.key} from ${record.opener.name} to ${record.to}`;
			this.#verdict.must(record.opening !== "waiting", () => `${name} was neither opened nor refused`);
			if (near?.party.killed === false) this.#checkSettled(name, near, far);
			if (far?.party.killed === false) this.#checkSettled(name, far, near);
			if (near !== undefined && far !== undefined) {
				this.#checkDirection(name, near, far);
				this.#checkDirection(name, far, near);
			}
			// The opener has heard of an error; so has to, who has got the stream all the same.
			for (const end of [...record.failed, ...(near === undefined && far !== undefined ? [far] : [])]) {
				if (isAway(end.party)) continue;
				this.#checkSettled(name, end, undefined);
				this.#verdict.must(end.reading !== "end" || end.stopped, () => `${name} failed with ${record.opening} at its opener and ended well at the other end`);
			}
		}
	}

	#checkSettled(name: string, end: StreamEnd, other: StreamEnd | undefined): void {
		const where = `${name}, at ${end.party.name}`;
		for (const code of [end.reading, end.closing, end.closed?.code]) {
			// A stop may come when all has been delivered already, and then only the end without an acknowledgement is seen.
			const mayBe = code === "STREAM_TRUNCATED" && other?.stopped === true;
			this.#verdict.must(mayBe || !accuses(code), () => `${where}: the other side is said to break the rules: ${code}`);
		}
		this.#verdict.must(end.closed !== undefined, () => `${where}: it is not over: ${end.describe()}`);
		this.#verdict.must(end.waitingSends === 0, () => `${where}: ${end.waitingSends} sends have neither succeeded nor failed`);
		this.#verdict.must(end.closing !== "waiting", () => `${where}: closing has neither succeeded nor failed`);
		this.#verdict.must(end.reading !== "open", () => `${where}: reading has neither ended nor failed`);
	}

	/** What `from` has sent against what `to` has got. That messages come whole and in order is checked as they come. */
	#checkDirection(name: string, from: StreamEnd, to: StreamEnd): void {
		const where = `${name}, ${from.party.name} to ${to.party.name}`;
		const got = `${to.received} of ${from.sent} messages`;
		if (to.reading === "end" && !to.stopped) {
			this.#verdict.must(from.closing !== undefined, () => `${where}: it ended well, and nobody has closed it`);
			this.#verdict.must(to.received === from.sent || from.party.killed, () => `${where}: it ended well with ${got}`);
		}
		if (isAway(to.party) || to.stopped) return;
		// After its own stop, or the peer's reset, closing says only that the next hop has everything.
		const known = !from.stopped && !to.didReset;
		if (from.closing === "acknowledged" && known)
			this.#verdict.must(to.reading === "end", () => `${where}: closing was acknowledged, the reader got ${to.reading} and ${got}`);
		if (isAway(from.party) || to.reading === "end") return;
		const told = from.closed?.code !== undefined || from.closed?.closeCode !== undefined;
		this.#verdict.must(told || !known, () => `${where}: the reader got ${to.reading} and ${got}, the sender ${JSON.stringify(from.closed)}`);
	}
}

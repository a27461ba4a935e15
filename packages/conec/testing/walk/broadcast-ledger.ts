/**
 * All broadcasts of a walk: one order for everybody, and exact gaps. Witnesses are members that read at once and that no fault
 * touches; what they have seen is the truth.
 *
 * @module
 */

import type { Clock } from "../../src/base/clock.ts";
import type { BroadcastOptions, BroadcastStream } from "../../src/stream/broadcast-stream.ts";
import { BroadcastMemberRecord } from "./member-record.ts";
import { isAway, type Party } from "./party.ts";
import { accuses, type Verdict } from "./verdict.ts";

/** See the module. */
export class BroadcastLedger {
	readonly members: BroadcastMemberRecord[] = [];
	/** By epoch. */
	readonly #witnesses: Map<string, BroadcastMemberRecord> = new Map();
	readonly #verdict: Verdict;
	readonly #clock: Clock;
	/** How many messages the Coordinator keeps, by name. */
	readonly #history: Readonly<Record<string, number>>;

	constructor(verdict: Verdict, clock: Clock, history: Readonly<Record<string, number>>) {
		this.#verdict = verdict;
		this.#clock = clock;
		this.#history = history;
	}

	joined(party: Party, stream: BroadcastStream, options: BroadcastOptions): BroadcastMemberRecord {
		const member = new BroadcastMemberRecord(this.members.length, party, stream, options, this.#verdict, this.#clock);
		this.members.push(member);
		return member;
	}

	/** This member sees all of its epoch from now on. It has asked for the list of members. */
	witness(member: BroadcastMemberRecord): void {
		this.#witnesses.set(member.epoch, member);
	}

	/** Everything is over: checks what everybody has seen. */
	check(): void {
		const orders = new Map<string, Map<number, string>>();
		for (const member of this.members) {
			const { epoch } = member;
			const order = orders.get(epoch) ?? new Map<number, string>();
			orders.set(epoch, order);
			for (const [seq, text] of member.messages) {
				const known = order.get(seq);
				this.#verdict.must(known === undefined || known === text, () => `${member.name}: message ${seq} is ${head(text)}, elsewhere ${head(known)}`);
				order.set(seq, text);
			}
		}
		for (const [epoch, order] of orders) this.#checkSenders(epoch, order);
		for (const member of this.members) this.#checkMember(member);
	}

	/** What each member has sent has its places in the order, once each, in the order in which it was sent. */
	#checkSenders(epoch: string, order: ReadonlyMap<number, string>): void {
		const next = new Map<number, number>();
		for (const [seq, text] of [...order].sort(([a], [b]) => a - b)) {
			const [, sender, key, index] = /^([^:]*): (\d+)\/(\d+) /.exec(text) ?? [];
			const member = this.members[Number(key)];
			if (member === undefined) {
				this.#verdict.wrong(`broadcast ${epoch}: message ${seq} was sent by nobody: ${head(text)}`);
				continue;
			}
			this.#verdict.must(member.party.id === sender, () => `broadcast ${epoch}: message ${seq} of ${member.party.id} shows ${sender} as its sender`);
			this.#verdict.must(member.sends[Number(index)] !== undefined, () => `broadcast ${epoch}: message ${seq} was never sent`);
			const before = next.get(member.key) ?? 0;
			this.#verdict.must(Number(index) >= before, () => `broadcast ${epoch}: message ${seq} comes twice or too late: ${head(text)}`);
			next.set(member.key, Number(index) + 1);
		}
	}

	#checkMember(member: BroadcastMemberRecord): void {
		const must = (holds: boolean, problem: () => string): void => this.#verdict.must(holds, () => `${member.name}: ${problem()}`);
		for (const code of [member.reading, member.ending, member.closing, member.closed?.code])
			must(!accuses(code), () => `the other side is said to break the rules: ${code}`);
		if (!member.party.killed) {
			must(member.closed !== undefined, () => "it is not over");
			must(member.reading !== "open", () => "reading has neither ended nor failed");
			must(member.closing !== "waiting" && member.ending !== "waiting", () => `closing is ${member.closing}, finishing ${member.ending}`);
			must(!member.sends.some(({ state }) => state === "waiting"), () => "a send has neither succeeded nor failed");
		}
		const witness = this.#witnesses.get(member.epoch);
		if (witness === undefined || witness.firstMembersSeq === undefined) return;
		if (witness === member) return must(member.gaps.length === 0, () => "the witness has lost something");
		const knownFrom = witness.firstMembersSeq;
		const truth = [...witness.messages].filter(([seq]) => seq > knownFrom && seq <= witness.wholeTo).sort(([a], [b]) => a - b);
		this.#checkGaps(member, truth, knownFrom, witness.wholeTo);
		this.#checkSent(member, witness);
		this.#checkEarlier(member, truth, knownFrom);
	}

	/** From its first event to its last, each message has come, or lies in a gap that counts it. */
	#checkGaps(member: BroadcastMemberRecord, truth: readonly (readonly [seq: number, text: string])[], knownFrom: number, knownTo: number): void {
		if (member.options.mode === "send") return;
		const must = (holds: boolean, problem: () => string): void => this.#verdict.must(holds, () => `${member.name}: ${problem()}`);
		const { options, stream, gaps, messages } = member;
		const firstSeen = Math.min(...messages.keys(), ...gaps.map(({ fromSeq }) => fromSeq), (member.firstMembersSeq ?? Number.POSITIVE_INFINITY) + 1);
		const since = options.since !== undefined && stream.recovered === true ? options.since.seq : undefined;
		for (const [seq, text] of truth) {
			const inGap = gaps.some(({ fromSeq, toSeq }) => seq >= fromSeq && seq <= toSeq);
			const came = messages.has(seq);
			must(!(inGap && came), () => `message ${seq} has come and lies in a gap`);
			if (inGap || came || seq > member.wholeTo) continue;
			must(since === undefined || seq <= since, () => `message ${seq} is missing without a word, after going on from ${since}`);
			must(since !== undefined || seq < firstSeen, () => `message ${seq} is missing without a word, between ${firstSeen} and ${member.wholeTo}`);
			// What was sent once it was in, it has to get.
			const sentAtMs = this.#sentAtMs(text);
			must(sentAtMs === undefined || sentAtMs < member.joinedAtMs, () => `message ${seq}, sent when it was in already, is missing without a word`);
		}
		for (const gap of gaps) {
			if (gap.fromSeq <= knownFrom || gap.toSeq > knownTo) continue;
			const lost = truth.filter(([seq]) => seq >= gap.fromSeq && seq <= gap.toSeq).length;
			must(lost === gap.lost, () => `the gap from ${gap.fromSeq} to ${gap.toSeq} counts ${gap.lost}, and has ${lost}`);
		}
	}

	#sentAtMs(text: string): number | undefined {
		const [, key, index] = /: (\d+)\/(\d+) /.exec(text) ?? [];
		return this.members[Number(key)]?.sends[Number(index)]?.atMs;
	}

	/** What it had finished sending has its place. */
	#checkSent(member: BroadcastMemberRecord, witness: BroadcastMemberRecord): void {
		if (witness.closing === undefined || witness.closing !== "done") return;
		if (member.ending !== "done" && member.closing !== "done") return;
		if (member.joinedAtMs < witness.joinedAtMs || member.stream.epoch !== member.epoch) return;
		const came = new Set([...witness.messages.values()].map((text) => /: (\d+\/\d+) /.exec(text)?.[1]));
		member.sends.forEach(({ state }, index) => {
			this.#verdict.must(
				state !== "sent" || came.has(`${member.key}/${index}`),
				() => `${member.name}: message ${index} was sent and has no place in the order`,
			);
		});
	}

	/** It begins with as many earlier messages as it has asked for, as far as they are kept. */
	#checkEarlier(member: BroadcastMemberRecord, truth: readonly (readonly [seq: number, text: string])[], knownFrom: number): void {
		const { last, presence, mode } = member.options;
		const kept = this.#history[member.stream.name];
		// From its first list of members on it is there; from when the witness was there, the truth is known.
		const here = member.firstMembersSeq;
		if (last === undefined || presence !== true || mode === "send" || kept === undefined || here === undefined || here <= knownFrom || isAway(member.party))
			return;
		// The list may be that of its next joining.
		if (member.rejoined > 0) return;
		const before = truth.filter(([seq]) => seq < here).length;
		const expected = Math.min(last, kept, before);
		const { earlier, earlierLost } = member;
		this.#verdict.must(
			earlier + earlierLost >= expected && earlier <= Math.min(last, kept),
			() => `${member.name}: it asked for the last ${last} of ${before}, of which ${kept} are kept, and began with ${earlier}`,
		);
	}
}

function head(text: string | undefined): string {
	return JSON.stringify(text?.slice(0, 40));
}

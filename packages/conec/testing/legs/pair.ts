/**
 * Two machines of a stream, with legs between them on which everything that a network may do happens, from one seed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { ConecError } from "../../src/errors.ts";
import type { FurtherLeg, LegLink } from "../../src/stream/exchange/index.ts";
import type { StreamHandler } from "../../src/transport/transport.ts";
import { RESET_CODES } from "../../src/wire/codes.ts";
import { FRAME } from "../../src/wire/frames.ts";
import { encodeReject, type OpenResume } from "../../src/wire/open.ts";
import { End } from "./end.ts";
import { Line, type Side } from "./line.ts";
import { type Happening, type Mood, moodOf } from "./mood.ts";
import { TestAcks, testShares } from "./windows.ts";

/** The answer to a leg's OPEN is awaited so long. */
const WITHIN_MS = 10_000;
const TOKEN = "00112233445566778899aabbccddeeff";

/** Runs a pair from a seed to its end, and says what has happened. Throws what went wrong, with the seed and the acts. */
export function runLegPair(seed: number): ReadonlySet<Happening> {
	const log: string[] = [];
	try {
		return new Pair(seededRandom(seed), log).run();
	} catch (error) {
		throw new Error(`seed ${seed}: ${log.join(", ")}: ${(error as Error).message}`, { cause: error });
	}
}

class Pair {
	readonly #random: Random;
	readonly #log: string[];
	readonly #mood: Mood;
	readonly #happened = new Set<Happening>();
	/** Those on which something can still happen, and all. */
	readonly #lines: Line[] = [];
	readonly #all: Line[] = [];
	readonly #acks: readonly [TestAcks, TestAcks];
	readonly #ends: [End, End];
	readonly #opens = new Map<Line, OpenResume>();
	/** Ends whose process is another one now. */
	readonly #restarted: [boolean, boolean] = [false, false];
	/** The acceptor's library has seen OPEN of the stream. */
	#accepted = false;
	#rejected = false;
	/** Kinds of frames that were written. */
	readonly #kinds = new Set<number>();
	#nowMs = 0;
	#resting = false;
	/** The end of one side without the other's is not a fault. */
	#excused = false;
	/** Both ends agree that a loss does not end it. */
	readonly #survives: boolean;
	readonly #urgent: boolean;
	readonly #capBytes: number;

	constructor(random: Random, log: string[]) {
		this.#random = random;
		this.#log = log;
		this.#mood = moodOf(random);
		this.#urgent = random.fraction() < 0.7;
		this.#capBytes = random.fraction() < 0.5 ? 1_000_000 : 80_000;
		const now = (): number => this.#nowMs;
		const options = (resume: { token: string; forMs: number } | undefined) => ({
			windowBytes: random.fraction() < 0.5 ? 65_536 : 262_144,
			messageBytes: 100_000,
			keptBytes: random.fraction() < 0.5 ? 1_000_000 : 50_000,
			resume,
			now,
			fraction: () => random.fraction(),
		});
		const { resumable, forMs } = this.#mood;
		const granted = resumable && random.fraction() < 0.9;
		this.#survives = granted;
		this.#ends = [
			new End("opener", options(resumable ? { token: TOKEN, forMs } : undefined)),
			new End("acceptor", options(granted ? { token: TOKEN, forMs } : undefined)),
		];
		this.#acks = [new TestAcks(now, this.#ends[0].lent), new TestAcks(now, this.#ends[1].lent)];
		for (const side of [0, 1] as const) {
			const [end, other] = [this.#ends[side], this.#ends[1 - side] as End];
			end.onAcknowledged = () => {
				this.#happened.add("acknowledged");
				assert.equal(other.exchange.incoming.received, end.sent + 1, `${end.name}: close has succeeded, so the peer's process has everything`);
			};
		}
		this.#ends[0].onOpenLeg = (open, handler) => this.#openLeg(open, handler);
	}

	run(): ReadonlySet<Happening> {
		const [opener] = this.#ends;
		const line = this.#line(0, opener.exchange.openResume);
		opener.exchange.open((handler) => this.#link(line, 0, handler), WITHIN_MS);
		for (let act = 0; act < this.#mood.acts; act++) this.#step();
		this.#log.push("REST");
		this.#resting = true;
		this.#rest();
		this.#judge();
		return this.#happened;
	}

	// Legs.

	#line(generation: number, open: OpenResume): Line {
		const line = new Line(generation, this.#urgent, this.#kinds);
		this.#lines.push(line);
		this.#all.push(line);
		this.#opens.set(line, open);
		return line;
	}

	#link(line: Line, side: Side, handler: StreamHandler): LegLink {
		line.handlers[side] = handler;
		return { wire: line.wire(side), shares: testShares(this.#capBytes, this.#ends[side].lent), acks: this.#acks[side] };
	}

	#openLeg(open: FurtherLeg, handler: StreamHandler): LegLink | undefined {
		if (!this.#resting && this.#mood.noWay && this.#random.fraction() < 0.6) return undefined;
		this.#log.push(`O opens ${open.generation}`);
		return this.#link(this.#line(open.generation, open), 0, handler);
	}

	/** OPEN of a line comes to the acceptor. */
	#arrives(line: Line): boolean {
		const open = this.#opens.get(line);
		if (open === undefined || line.dead) return false;
		if (!this.#resting && this.#mood.silent) {
			this.#happened.add("silent");
			return false;
		}
		this.#opens.delete(line);
		const acceptor = this.#ends[1];
		const attach = (handler: StreamHandler): LegLink => this.#link(line, 1, handler);
		this.#log.push(`A hears OPEN ${line.generation}`);
		if (!("generation" in open)) {
			if (this.#mood.rejects || this.#restarted[1]) {
				this.#rejected = true;
				this.#happened.add("rejected");
				this.#reject(line, "PEER_BUSY");
			} else {
				this.#accepted = true;
				acceptor.exchange.accept(attach, open);
			}
			return true;
		}
		if (!this.#accepted || acceptor.isGone || this.#restarted[1]) {
			this.#reject(line, "RESUME_UNKNOWN");
			return true;
		}
		if (!this.#resting && this.#random.fraction() < 0.1) {
			this.#reject(line, "PEER_UNKNOWN");
			return true;
		}
		const offered = acceptor.exchange.offer(open, attach);
		if (offered === "taken") {
			this.#happened.add("resumed");
			return true;
		}
		const wire = line.wire(1);
		wire.reset(offered.refuse);
		wire.stop(offered.refuse);
		if (offered.refuse === RESET_CODES.RESUME_UNKNOWN) this.#excused = true;
		return true;
	}

	#reject(line: Line, code: "PEER_BUSY" | "RESUME_UNKNOWN" | "PEER_UNKNOWN"): void {
		const wire = line.wire(1);
		wire.write(FRAME.REJECT, encodeReject({ code }));
		wire.finish();
		if (this.#random.fraction() < 0.7) wire.stop(RESET_CODES.REJECTED);
		else line.pipes[0].deaf = true;
	}

	// What happens.

	#step(): void {
		const { mood, random } = { mood: this.#mood, random: this.#random };
		const dice = random.fraction();
		const side: Side = random.fraction() < 0.5 ? 0 : 1;
		const end = this.#ends[side];
		const alive = !this.#restarted[side] && (side === 0 || this.#accepted);
		if (random.fraction() < mood.kills) this.#kill();
		else if (random.fraction() < mood.waits) this.#pass(random.fraction() * (random.fraction() < 0.2 ? 12_000 : 300));
		else if (random.fraction() < mood.restarts) this.#restart(side);
		else if (dice < 0.55 || !alive) this.#network();
		else if (dice < 0.72)
			for (let count = 0; count < 1 + random.fraction() * 5; count++) this.#note(end, "sends", end.send(4 + Math.floor(random.fraction() * mood.bytes)));
		else if (dice < 0.88) {
			if (!mood.readsLate[side] || end.told.includes("acknowledged")) for (let count = 0; count < 3; count++) this.#note(end, "reads", end.read());
		} else if (dice < 0.9 && !mood.closesLate[side]) this.#note(end, "closes", end.close());
		else if (dice < 0.94) {
			const urgent = mood.urgentMoves && random.fraction() < 0.3;
			if (!this.#restarted[0] && random.fraction() < 0.2) this.#ends[0].exchange.wayIsThere();
			if (!this.#restarted[0] && random.fraction() < mood.moves && this.#ends[0].exchange.move(urgent)) this.#happened.add("moved");
		} else if (random.fraction() < mood.resets) this.#reset(end);
		else if (random.fraction() < mood.stops) this.#stop(end);
		else if (random.fraction() < mood.destroys) this.#destroy(end);
		else if (!mood.noticesLate) this.#notice();
		this.#turn();
	}

	#note(end: End, what: string, did: unknown): void {
		if (did !== false) this.#log.push(`${end.name[0]?.toUpperCase()} ${what}`);
	}

	#reset(end: End): void {
		if (end.exchange.over || end.resetLocally) return;
		this.#happened.add("reset");
		this.#log.push(`${end.name} resets`);
		end.resetLocally = true;
		end.exchange.resetLocally(9);
	}

	#stop(end: End): void {
		if (end.exchange.over || end.stoppedLocally) return;
		this.#happened.add("stop");
		this.#log.push(`${end.name} stops`);
		end.stoppedLocally = true;
		end.exchange.stopLocally(7, end.inbox.length);
	}

	#destroy(end: End): void {
		if (end.exchange.over) return;
		this.#happened.add("destroy");
		this.#log.push(`${end.name} is destroyed`);
		end.destroyed = true;
		end.exchange.destroy(new ConecError("CLIENT_CLOSED", "closed"), this.#random.fraction() < 0.5 ? RESET_CODES.CLIENT_CLOSED : RESET_CODES.CANCELLED);
	}

	#kill(): void {
		const alive = this.#lines.filter((line) => !line.dead);
		// Newer ones more often, so that legs die while they are being opened.
		const line = alive[Math.floor(this.#random.fraction() ** 0.5 * alive.length)];
		if (line === undefined || (this.#mood.killsOneOfTwo && alive.length < 2)) return;
		this.#happened.add("kill");
		this.#log.push(`${line.generation} dies`);
		const by = (): "connection" | "reset" => (this.#random.fraction() < 0.6 ? "connection" : "reset");
		line.kill([by(), by()]);
		if (!this.#survives) this.#excused = true;
	}

	/** The process of an end ends: nothing of it is left, and its connections are over. */
	#restart(side: Side): void {
		if (this.#restarted[side] || (side === 1 && !this.#accepted)) return;
		this.#happened.add("restart");
		this.#log.push(`${this.#ends[side].name} restarts`);
		this.#restarted[side] = true;
		this.#excused = true;
		for (const line of this.#lines) {
			line.kill(["connection", "connection"]);
			line.handlers[side] = undefined;
			line.noticed[side] = true;
		}
	}

	#network(): void {
		const line = this.#lines[Math.floor(this.#random.fraction() ** 0.5 * this.#lines.length)] as Line;
		const side: Side = this.#random.fraction() < 0.5 ? 0 : 1;
		const count = 1 + Math.floor(this.#random.fraction() * 6);
		for (let turn = 0; turn < count; turn++) if (!line.sends(side)) break;
		if (this.#random.fraction() < 0.3) this.#arrives(line);
		else for (let turn = 0; turn < count; turn++) if (!this.#tell(line, side)) break;
	}

	#tell(line: Line, side: Side): boolean {
		if (this.#restarted[side]) return false;
		return line.tell(side);
	}

	#notice(): void {
		for (const line of this.#lines)
			for (const side of [0, 1] as const) if (line.dead && !line.noticed[side] && this.#random.fraction() < 0.5) this.#noticed(line, side);
	}

	#noticed(line: Line, side: Side): boolean {
		if (!line.notice(side)) return false;
		if (!this.#restarted[side]) this.#log.push(`${side === 0 ? "O" : "A"} notices ${line.generation}`);
		return true;
	}

	/** ACKs that are due now, at the end of a turn. */
	#turn(): void {
		for (const side of [0, 1] as const) if (!this.#restarted[side]) this.#acks[side].run(this.#nowMs);
		for (const line of [...this.#lines]) if (line.over && this.#lines.length > 1) this.#lines.splice(this.#lines.indexOf(line), 1);
		for (const side of [0, 1] as const) if (!this.#restarted[side]) this.#ends[side].check();
	}

	#pass(ms: number): void {
		this.#nowMs += ms;
		for (const side of [0, 1] as const) {
			const end = this.#ends[side];
			if (this.#restarted[side] || end.wakeMs === undefined || end.wakeMs > this.#nowMs) continue;
			end.wakeMs = undefined;
			end.exchange.expired();
		}
	}

	// The rest: no more faults, and applications that read and close.

	#rest(): void {
		for (let round = 0; round < 100_000; round++) {
			if (this.#moves()) {
				this.#turn();
				continue;
			}
			if (this.#acksSoon()) continue;
			if (this.#drains()) continue;
			if (this.#noticesAll()) continue;
			if (!this.#nextDeadline()) return;
			this.#turn();
		}
		assert.fail("it never comes to rest");
	}

	#moves(): boolean {
		let any = false;
		for (const side of [0, 1] as const) {
			const end = this.#ends[side];
			if (this.#restarted[side] || (side === 1 && !this.#accepted)) continue;
			while (end.read()) any = true;
			if (!end.closing && !end.exchange.over && !end.told.includes("sends fail")) {
				end.close();
				any = true;
			}
		}
		for (const line of [...this.#lines]) {
			if (this.#arrives(line)) any = true;
			for (const side of [0, 1] as const) {
				while (line.sends(side)) any = true;
				while (this.#tell(line, side)) any = true;
			}
		}
		return any;
	}

	/** The 25 ms of ACKs. */
	#acksSoon(): boolean {
		const next = Math.min(...([0, 1] as const).filter((side) => !this.#restarted[side]).map((side) => this.#acks[side].nextMs));
		if (next === Number.POSITIVE_INFINITY) return false;
		this.#nowMs = Math.max(this.#nowMs, next);
		this.#turn();
		return true;
	}

	/** A drain that waits for its time. */
	#drains(): boolean {
		const next = Math.min(...this.#ends.map((end, side) => (this.#restarted[side] || end.isGone ? Number.POSITIVE_INFINITY : end.exchange.legs.drainMs)));
		if (next === Number.POSITIVE_INFINITY) return false;
		this.#pass(Math.max(0, next - this.#nowMs));
		this.#turn();
		return true;
	}

	/** Only now does an end notice what is lost: nothing else may have waited for that. */
	#noticesAll(): boolean {
		let any = false;
		if (!this.#lines.some((line) => line.dead && line.noticed.includes(false))) return false;
		this.#checkNotStalled();
		for (const line of this.#lines) {
			for (const side of [0, 1] as const) {
				if (!this.#noticed(line, side)) continue;
				any = true;
				this.#turn();
				if (this.#random.fraction() < 0.5) return true;
			}
		}
		return any;
	}

	#checkNotStalled(): void {
		const [opener, acceptor] = this.#ends;
		if (opener.exchange.done || opener.exchange.gone || acceptor.exchange.gone || this.#restarted.includes(true) || opener.exchange.over || !this.#accepted)
			return;
		const up = opener.exchange.legs.all.filter((leg) => leg.up && !leg.left);
		const newest = Math.max(...up.map((leg) => leg.generation));
		const line = this.#lines.find((other) => other.generation === newest);
		if (line === undefined || line.dead || opener.exchange.legs.all.some((leg) => !leg.up)) return;
		assert.fail(`leg ${newest} is up at both ends, but nothing moves until a loss is noticed`);
	}

	#nextDeadline(): boolean {
		const times = this.#ends.map((end, side) => (this.#restarted[side] ? undefined : end.wakeMs));
		const next = Math.min(...times.map((ms) => ms ?? Number.POSITIVE_INFINITY));
		if (next === Number.POSITIVE_INFINITY) return false;
		this.#pass(Math.max(0, next - this.#nowMs));
		return true;
	}

	#judge(): void {
		const [opener, acceptor] = this.#ends;
		const ends = [opener, acceptor].filter((_, side) => !this.#restarted[side] && (side === 0 || this.#accepted));
		for (const kind of this.#kinds) {
			if (kind === FRAME.BLOCKED) this.#happened.add("blocked");
			if (kind === FRAME.FROM) this.#happened.add("from");
		}
		for (const end of ends) {
			if (!end.exchange.over) assert.fail(`${end.name} is over at last, and not ${this.#ends.map(stateOf).join("; ")}`);
			assert.ok(end.isGone, `${end.name}: nothing of it is left`);
			assert.equal(end.waiting.length, 0, `${end.name}: nothing waits for ever`);
			if (end.name === "opener") assert.ok(end.told.includes("opened") || end.told.includes("refused"), "the opener has an answer");
			if (end.closing) assert.ok(end.told.includes("acknowledged") || end.told.includes("unacknowledged"), `${end.name}: close has an outcome`);
			if (end.told.includes("unacknowledged")) this.#happened.add("unacknowledged");
			if (end.info?.code === "RESUME_EXPIRED") this.#happened.add("expired");
		}
		if (ends.length < 2) return;
		const quiet =
			!this.#mood.urgentMoves &&
			this.#mood.waits === 0 &&
			!(["kill", "restart", "destroy", "rejected", "silent"] as const).some((what) => this.#happened.has(what));
		if (quiet) {
			for (const side of [0, 1] as const) {
				const came = this.#all.reduce((sum, line) => sum + line.units[side], 0);
				assert.equal(came, this.#ends[side].exchange.incoming.received, "planned moves alone write nothing twice");
			}
			if (this.#happened.has("moved")) this.#happened.add("moved in order");
		}
		const failed = ends.filter(({ exchange }) => !exchange.done);
		const destroyed = ends.some((end) => end.destroyed);
		if (failed.length === 0 && !destroyed) {
			this.#happened.add("orderly");
			for (const [one, other] of [
				[opener, acceptor],
				[acceptor, opener],
			] as const) {
				if (other.endCame && !other.stoppedLocally) assert.equal(other.received, one.sent, `${other.name} has everything`);
			}
		}
		// The opener gave up before it heard of the leg's loss, and could not say so any more.
		if (opener.refusedWith === "PEER_TIMEOUT") this.#excused = true;
		if (failed.length === 1 && !destroyed && !this.#excused) {
			assert.fail(`${failed[0]?.name} failed with ${failed[0]?.info?.code}, and the other has not: ${JSON.stringify(ends.map(({ info }) => info))}`);
		}
		if (failed.length > 0 && !destroyed && !this.#excused && !this.#rejected && !this.#mood.silent) {
			assert.fail(`a loss that it should survive ends it: ${JSON.stringify(ends.map(({ info }) => info))}`);
		}
	}
}

function stateOf({ name, exchange, waiting, inbox }: End): string {
	const { sending, incoming, legs } = exchange;
	const all = legs.all.map(
		(leg) =>
			`${leg === legs.current ? "*" : ""}${leg.generation}${leg.up ? " up" : ""}${leg.confirmed ? "" : " unconfirmed"}${leg.left ? " left" : ""}${leg.finWritten ? " FIN" : ""} wrote ${leg.wrote} came ${leg.came}`,
	);
	return `${name}: ${exchange.outcome.state} ${incoming.state}, sent ${sending.sent} acked ${sending.acked} last ${sending.lastNumber}, received ${incoming.received}${incoming.lastCame ? " all" : ""}, ${waiting.length} wait, ${inbox.length} unread, legs ${all.join(" | ")}`;
}

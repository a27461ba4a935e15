/**
 * One end's line to the other end of a connection: what it sends goes over its wire, and what it hears keeps the connection alive.
 *
 * @module
 */

import type { Clock } from "#conec/base/clock";
import { Hearing } from "./hearing.ts";
import { MemoryWire } from "./wire.ts";

/** What a line has to know. */
export interface LineOptions {
	readonly clock: Clock;
	/** One way. */
	readonly delayMs: number;
	/** One way, for each thing that is sent. @default always `delayMs` */
	readonly nextDelayMs?: () => number;
	/** Silence after which this end gives up. The shorter one of both ends counts. */
	readonly idleTimeoutMs: number;
	/** How often this end lets the other one hear something; 0 is never. */
	readonly keepAliveIntervalMs: number;
}

/** See the module. Two of them are tied together by {@link Line.tie}. */
export class Line {
	/** To the other end. */
	readonly wire: MemoryWire;
	sentPackets = 0;
	receivedPackets = 0;
	readonly #options: LineOptions;
	readonly #hearing: Hearing;
	readonly #tooSilent: () => void;
	#other!: Line;
	/** Set while nothing passes: the idle limit. */
	#silence: unknown = undefined;
	/** Nothing will ever pass again. */
	#cutOff = false;
	#over = false;

	/** `tooSilent`: this end has heard nothing for as long as it waits. */
	constructor(options: LineOptions, tooSilent: () => void) {
		this.#options = options;
		this.#tooSilent = tooSilent;
		this.#hearing = new Hearing(options.clock.now());
		this.wire = new MemoryWire(options.clock, options.nextDelayMs ?? (() => options.delayMs), () => this.#delivered());
	}

	/** Makes two lines those of one connection. */
	static tie(one: Line, other: Line): void {
		one.#other = other;
		other.#other = one;
	}

	/** For how long this end has heard nothing. */
	get silentMs(): number {
		return this.#hearing.silentMs(this.#options.clock.now(), this.#keptAliveMs);
	}

	/** Nothing that this end sends passes, until {@link release}, and it hears nothing. */
	hold(): void {
		this.wire.hold();
		this.goSilent();
	}

	/** What has waited passes, as it is sent again. */
	release(): void {
		if (this.#cutOff) return;
		this.#options.clock.clearTimeout(this.#silence);
		this.#silence = undefined;
		this.#hearing.again(this.#options.clock.now());
		this.wire.release();
	}

	/** Nothing that this end sends will ever pass again. */
	cut(): void {
		this.wire.cut();
		this.#cutOff = true;
	}

	/** This end hears nothing from now on. */
	goSilent(): void {
		this.#hearing.deaf(this.#options.clock.now(), this.#keptAliveMs);
		if (this.#over || this.#silence !== undefined) return;
		const { idleTimeoutMs } = this.#options;
		this.#silence = this.#options.clock.setTimeout(this.#tooSilent, Math.min(idleTimeoutMs, this.#other.#options.idleTimeoutMs));
	}

	/** The connection is over at this end: nothing more is sent. */
	end(): void {
		this.#over = true;
		this.wire.seal();
		this.#options.clock.clearTimeout(this.#silence);
	}

	/** Something of this end has come to the other one. */
	#delivered(): void {
		const now = this.#options.clock.now();
		this.sentPackets++;
		this.#other.receivedPackets++;
		this.#other.#hearing.heard(now);
		this.#hearing.reached(now, this.#options.delayMs);
	}

	/** How often something comes to this end, at least. */
	get #keptAliveMs(): number {
		const [own, theirs] = [this.#options.keepAliveIntervalMs, this.#other.#options.keepAliveIntervalMs];
		return own === 0 || theirs === 0 ? own + theirs : Math.min(own, theirs);
	}
}

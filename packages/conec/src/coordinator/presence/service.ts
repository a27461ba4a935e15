/**
 * Presence at the Coordinator. Every change is written into one log, and each watch reads the log at its own speed.
 *
 * @module
 */

import { type Clock, systemClock } from "../../base/clock.ts";
import type { CoordinatorLimits } from "../../limits.ts";
import type { PeerInfo } from "../../session/peer-info.ts";
import type { PresenceEvent } from "../../session/presence-event.ts";
import { rejectStream } from "../../stream/open-stream.ts";
import type { IncomingStream, TransportStream } from "../../transport/transport.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import { FRAME, isSkippedKind } from "../../wire/frames.ts";
import { PresenceListener } from "./listener.ts";
import { type PresenceCursor, PresenceLog } from "./log.ts";

/** The bounds that presence needs. */
export type PresenceLimits = Pick<CoordinatorLimits, "presenceWatches" | "presenceQueueBytes" | "presenceLogBytes">;

/** The presence of a Coordinator: the log and its watches. */
export class PresenceService {
	readonly #log: PresenceLog;
	readonly #limits: PresenceLimits;
	readonly #clock: Clock;
	readonly #watches: Set<Watch> = new Set();
	/** Watches by their owners. */
	readonly #counts: WeakMap<object, number> = new WeakMap();
	readonly #listeners: Set<PresenceListener> = new Set();
	#scheduled = false;
	#timer: unknown;
	#restUntilMs = 0;
	#over = false;

	constructor(epoch: string, limits: PresenceLimits, clock: Clock = systemClock) {
		this.#limits = limits;
		this.#clock = clock;
		this.#log = new PresenceLog({ epoch, logBytes: limits.presenceLogBytes });
	}

	/** How many watches Clients and this process have. */
	get watches(): number {
		return this.#watches.size + this.#listeners.size;
	}

	/** A Client has come, has another connection of the same identity now, or has changed its metadata. */
	set(peer: PeerInfo): void {
		this.#log.set(peer);
		this.#changed();
	}

	/** A Client has gone. */
	delete(id: string): void {
		this.#log.delete(id);
		this.#changed();
	}

	/** Accepts a watch that a Client has opened, or answers REJECT (`LIMIT_EXCEEDED`). Watches are counted by `owner`, a connection. */
	watch(owner: object, incoming: IncomingStream): void {
		const count = this.#counts.get(owner) ?? 0;
		if (count >= this.#limits.presenceWatches) return rejectStream(incoming, "LIMIT_EXCEEDED", `there are ${count} watches of this Client already`);
		this.#counts.set(owner, count + 1);
		const watch: Watch = new Watch(incoming, this.#log, this.#limits.presenceQueueBytes, () => {
			this.#watches.delete(watch);
			this.#counts.set(owner, (this.#counts.get(owner) ?? 1) - 1);
		});
		this.#watches.add(watch);
		watch.pump();
	}

	/** A watch for the application. It ends with the Coordinator, or with `break`. */
	listen(): AsyncIterableIterator<PresenceEvent> {
		const listener = new PresenceListener(this.#log, (one) => this.#listeners.delete(one));
		this.#listeners.add(listener);
		if (this.#over) listener.end();
		return listener;
	}

	/** Ends all watches. Their streams end with their connections. */
	end(): void {
		this.#over = true;
		this.#clock.clearTimeout(this.#timer);
		for (const listener of [...this.#listeners]) listener.end();
		for (const watch of [...this.#watches]) watch.forget();
	}

	/** Tells the watches once a turn, so that the changes of one turn go into one frame. If that takes long, it does so more rarely. */
	#changed(): void {
		if (this.#scheduled || this.#over || this.watches === 0) return;
		this.#scheduled = true;
		const restMs = this.#restUntilMs - this.#clock.now();
		if (restMs > 1) this.#timer = this.#clock.setTimeout(() => this.#tell(), restMs);
		else this.#clock.soon(() => this.#tell());
	}

	#tell(): void {
		this.#scheduled = false;
		const startedMs = this.#clock.now();
		for (const watch of this.#watches) watch.pump();
		for (const listener of this.#listeners) listener.wake();
		const endedMs = this.#clock.now();
		this.#restUntilMs = endedMs + Math.min(REST_MAX_MS, REST_SHARE * (endedMs - startedMs));
	}
}

/** It rests three times as long as it took to tell all watches. So thousands of watches take at most a quarter of the thread's time. */
const REST_SHARE = 3;

const REST_MAX_MS = 250;

/** A watch of a Client: its stream, and how far it has come. */
class Watch {
	readonly #log: PresenceLog;
	readonly #queueBytes: number;
	readonly #release: () => void;
	readonly #cursor: PresenceCursor;
	readonly #stream: TransportStream;
	/** Whether the queue is full. `drained` ends that. */
	#full = false;
	#over = false;

	constructor(incoming: IncomingStream, log: PresenceLog, queueBytes: number, release: () => void) {
		this.#log = log;
		this.#queueBytes = queueBytes;
		this.#release = release;
		this.#cursor = log.open();
		const leave = (): void => this.#leave(RESET_CODES.NONE);
		this.#stream = incoming.accept(
			{
				frame: (kind, payload) => {
					this.#stream.consumed(payload.length);
					// A Client must not send anything here.
					if (!isSkippedKind(kind)) this.#leave(RESET_CODES.FRAME_INVALID);
				},
				end: () => this.#finish(),
				reset: leave,
				stopped: leave,
				drained: () => {
					this.#full = false;
					this.pump();
				},
				finished: () => undefined,
				lost: () => this.forget(),
			},
			{ messageBytes: 1, highWaterBytes: queueBytes },
		);
		this.#stream.write(FRAME.ACCEPT, new Uint8Array(0));
	}

	/** Sends what is new, as far as there is room. */
	pump(): void {
		while (!this.#full && !this.#over) {
			const frame = this.#log.readFrame(this.#cursor);
			if (frame === undefined) return;
			this.#full = this.#stream.write(FRAME.CONTROL, frame) >= this.#queueBytes;
		}
	}

	/** Ends the watch. */
	forget(): void {
		if (this.#over) return;
		this.#over = true;
		this.#log.close();
		this.#release();
	}

	/** The Client has left. Its place is free before it hears so. */
	#finish(): void {
		if (this.#over) return;
		this.forget();
		// Frames that it has not taken are not kept for a Client that has left: it could leave as many watches as it likes.
		if (this.#stream.queuedBytes > 0) this.#stream.reset(RESET_CODES.NONE);
		else this.#stream.finish();
	}

	#leave(code: number): void {
		this.#stream.reset(code);
		this.#stream.stop(code);
		this.forget();
	}
}

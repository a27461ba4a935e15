/**
 * Streams from Client to Client: the header is checked here, everything after it is piped natively.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { CoordinatorLimits } from "../../limits.ts";
import { rejectStream } from "../../stream/open-stream.ts";
import type { HeldStream, IncomingStream, Transport } from "../../transport/transport.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import { FRAME } from "../../wire/frames.ts";
import { encodeOpen, type OpenToCoordinator, RESUME_CAPABILITY, sharedPriority } from "../../wire/open.ts";
import type { Defence } from "../defence/index.ts";
import type { Session } from "../sessions/index.ts";
import { ReturningLegs } from "./returning.ts";
import { type ProxiedStream, Target } from "./target.ts";

/** See the module. */
export class ProxiedStreams {
	readonly #limits: CoordinatorLimits;
	readonly #transport: Transport;
	readonly #defence: Pick<Defence, "count">;
	/** By session, so that nothing is left of one that has ended. */
	readonly #targets: WeakMap<Session, Target> = new WeakMap();
	readonly #returning: ReturningLegs;
	#live = 0;
	#ended = 0;

	/** `defence` counts streams that are refused. */
	constructor(limits: CoordinatorLimits, transport: Transport, defence: Pick<Defence, "count">, clock: Clock) {
		this.#limits = limits;
		this.#defence = defence;
		this.#transport = transport;
		this.#returning = new ReturningLegs(limits, clock);
	}

	/** Streams that are not over, those that wait included. */
	get size(): number {
		return this.#live + this.#returning.size;
	}

	/** Streams that are over, since the beginning. */
	get ended(): number {
		return this.#ended;
	}

	/**
	 * Pipes the stream to a leg of its own to the Client `to`, which may be `from`. If there is no place for it now, it waits for its turn, until
	 * its opener gives it up or one of the two Clients has gone. A further leg of a stream that is there waits some seconds for a Client that
	 * is not connected. Answers REJECT: `PEER_UNKNOWN`, and `PEER_BUSY` if too many wait.
	 */
	open(incoming: IncomingStream, open: OpenToCoordinator, from: Session, to: Session | undefined): void {
		if (to === undefined || to.leaving) {
			const isFurther = open.resume !== undefined && "generation" in open.resume;
			if (isFurther && open.to !== undefined && this.#returning.add({ incoming, open, from, to: open.to })) return;
			return rejectStream(incoming, "PEER_UNKNOWN", to === undefined ? "peer is not connected" : "peer is leaving");
		}
		const target = this.#target(to);
		const { id, metadata, protocol, priority, resume } = open;
		const token = resume !== undefined && "token" in resume ? resume.token : undefined;
		if (resume !== undefined && "generation" in resume && !to.capabilities.includes(RESUME_CAPABILITY))
			return rejectStream(incoming, "RESUME_UNKNOWN", "the peer takes no further connections of a stream");
		if (!target.takesLeg(from, token)) return rejectStream(incoming, "PEER_BUSY", "a stream goes through the Coordinator twice already");
		if (!target.takes(from, token)) {
			this.#defence.count("refused", "stream", from.whom);
			return rejectStream(incoming, "PEER_BUSY", "too many streams wait for a place at the peer");
		}
		let held: HeldStream;
		try {
			// Name and key come from the sender's own connection, never from what it wrote.
			const fromKey = token === undefined ? undefined : from.fingerprint;
			const payload = encodeOpen({ from: from.id, fromKey, id, metadata, protocol, priority, resume });
			// On its own connection the opener may choose what goes first, on that of the target only what goes last.
			held = to.connection.openHeldStream({ kind: FRAME.OPEN, payload }, true, sharedPriority(priority));
		} catch {
			return rejectStream(incoming, "PEER_LOST", "the connection to the peer has just ended");
		}
		const stream: ProxiedStream = { from, held, token, state: "waiting" };
		this.#live++;
		const over = (): void => {
			if (stream.state !== "over") {
				this.#live--;
				this.#ended++;
			}
			target.over(stream);
		};
		// It is piped from the beginning: so its opener can give it up while it waits.
		this.#transport.pipe(incoming, held, RESET_CODES.PEER_LOST, over, () => target.opened(stream), open.priority).catch(over);
		target.add(stream);
	}

	/** A Client is there, perhaps again: what has waited for it goes on. */
	admitted(session: Session): void {
		for (const { incoming, open, from } of this.#returning.take(session.id)) this.open(incoming, open, from, session);
	}

	/** A Client has gone. */
	left(session: Session): void {
		this.#returning.left(session);
	}

	/** Nobody comes any more. The connections are the caller's to end. */
	end(): void {
		this.#returning.end();
	}

	#target(to: Session): Target {
		const known = this.#targets.get(to);
		if (known !== undefined) return known;
		const target = new Target(to, this.#limits);
		this.#targets.set(to, target);
		return target;
	}
}

/**
 * The memory that a Coordinator holds for others. Once a second it is counted, and if it is too much, some of it is let go. What was freed goes
 * back to the system.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { Transport } from "../../transport/transport.ts";
import { CLOSE_CODES } from "../../wire/codes.ts";
import type { Defence } from "../defence/index.ts";
import type { Session } from "../sessions/index.ts";
import { GivingBack } from "./giving-back.ts";
import { type Holder, Ledger } from "./ledger.ts";
import { planRelease, type Release } from "./policy.ts";
import { Stalls } from "./stalls.ts";

/** What {@link HeldMemory} needs of its Coordinator. */
export interface HeldMemoryHost {
	/** See `budgetOf`. */
	readonly budgetBytes: number;
	readonly clock: Clock;
	readonly transport: Pick<Transport, "held" | "releaseMemory">;
	readonly defence: Pick<Defence, "count">;
	/** Who is connected. */
	readonly sessions: () => Iterable<Session>;
	/** Messages of each id that the Coordinator's application has not taken. */
	readonly unread: () => ReadonlyMap<string, number>;
	/** Recent changes of presence. */
	readonly presenceBytes: () => number;
	/** Streams that have ended since the beginning. */
	readonly endedStreams: () => number;
	readonly broadcasts: {
		/** Histories of all broadcasts. */
		readonly historyBytes: number;
		/** What waits for a Client in all its broadcasts. */
		queuedBytes(session: Session): number;
		/** Drops histories, the longest first, until so much is free. */
		shedHistories(bytes: number): void;
		/** Drops what waits for a Client. */
		shedQueues(session: Session): void;
	};
}

const CHECK_MS = 1_000;
/** Connections that hold less are not looked at. */
const LEAST_BYTES = 16_384;
/** What an idle Client costs, and a stream of it. They are measured: see docs/limits.md. */
const SESSION_BYTES = 70 * 1_024;
const STREAM_BYTES = 8 * 1_024;

/** See the module. It rests while nobody is connected and nothing has to be given back. */
export class HeldMemory {
	readonly #host: HeldMemoryHost;
	readonly #stalls: Stalls<Session>;
	readonly #givingBack: GivingBack = new GivingBack();
	#timer: unknown;
	#runs = false;
	#over = false;
	#heldBytes = 0;
	#endedStreams = 0;

	constructor(host: HeldMemoryHost) {
		this.#host = host;
		this.#stalls = new Stalls(host.clock.now());
	}

	/** What was held when it was last counted. */
	get heldBytes(): number {
		return this.#heldBytes;
	}

	/** Somebody has connected. */
	begin(): void {
		if (this.#runs || this.#over) return;
		this.#runs = true;
		this.#timer = this.#host.clock.setTimeout(() => this.#check(), CHECK_MS);
	}

	/** Counts no more. */
	end(): void {
		this.#over = true;
		this.#host.clock.clearTimeout(this.#timer);
	}

	#check(): void {
		this.#runs = false;
		const { clock, transport, endedStreams } = this.#host;
		const nowMs = clock.now();
		const { ledger, sessions } = this.#count(nowMs);
		const ended = endedStreams();
		this.#givingBack.freed(this.#heldBytes - ledger.bytes + (ended - this.#endedStreams) * STREAM_BYTES, nowMs);
		this.#endedStreams = ended;
		this.#heldBytes = ledger.bytes;
		for (const release of this.#plan(ledger, nowMs)) this.#release(release);
		if (this.#givingBack.isDue(nowMs)) transport.releaseMemory();
		if (sessions > 0 || this.#givingBack.waits) this.begin();
	}

	#count(nowMs: number): { readonly ledger: Ledger<Session>; readonly sessions: number } {
		const { transport, unread, presenceBytes, broadcasts } = this.#host;
		const held = transport.held(LEAST_BYTES);
		const messages = unread();
		const ledger = new Ledger<Session>();
		ledger.addCommon(broadcasts.historyBytes);
		ledger.addCommon(presenceBytes());
		const looked: [Session, { unsentBytes: number; unreadBytes: number; acknowledgedBytes: number }][] = [];
		let sessions = 0;
		for (const session of this.#host.sessions()) {
			sessions++;
			const { id, fingerprint, connection, streams } = session;
			ledger.add(session, fingerprint, "fixed", SESSION_BYTES + streams * STREAM_BYTES);
			ledger.add(session, fingerprint, "queues", broadcasts.queuedBytes(session));
			ledger.add(session, fingerprint, "messages", messages.get(id) ?? 0);
			const found = held.get(connection);
			if (found === undefined) continue;
			ledger.add(session, fingerprint, "unsent", found.unsentBytes);
			ledger.add(session, fingerprint, "unread", found.unreadBytes);
			looked.push([session, found]);
		}
		this.#stalls.look(looked, nowMs);
		return { ledger, sessions };
	}

	#plan(ledger: Ledger<Session>, nowMs: number): Release<Session>[] {
		const { budgetBytes, broadcasts } = this.#host;
		const stalledMs = (session: Session): number => this.#stalls.stalledMs(session, nowMs);
		return planRelease(ledger, { budgetBytes, historyBytes: broadcasts.historyBytes, stalledMs });
	}

	#release(release: Release<Session>): void {
		const { broadcasts, defence } = this.#host;
		if (release.type === "histories") return broadcasts.shedHistories(release.bytes);
		const { party: session } = release.holder;
		const { id, fingerprint, connection } = session;
		defence.count("evicted", "memory", { id, fingerprint, address: connection.remoteAddress.address });
		if (release.type === "queues") broadcasts.shedQueues(session);
		else session.end(CLOSE_CODES.LIMIT_EXCEEDED, reasonOf(release.holder, release.stalled));
	}
}

/** What the Client is told. */
function reasonOf({ byKind }: Holder<Session>, stalled: boolean): string {
	const MiB = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`;
	if (stalled) return `the Coordinator has no memory left, and this Client does not acknowledge ${MiB(byKind.unsent)} that were sent to it`;
	return `the Coordinator has no memory left, and holds ${MiB(byKind.unsent + byKind.unread + byKind.messages)} for this Client`;
}

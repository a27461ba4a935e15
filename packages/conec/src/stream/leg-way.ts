/**
 * The ways that the legs of a stream go, and who keeps a stream that survives the loss of its leg.
 *
 * @module
 */

import { type Clock, systemClock } from "../base/clock.ts";
import type { ConecError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { StreamHandler, StreamOptions, TransportConnection, TransportStream } from "../transport/transport.ts";
import { FRAME } from "../wire/frames.ts";
import { encodeOpen, type OpenDirect, type OpenToCoordinator } from "../wire/open.ts";
import type { StreamStatus } from "./changes.ts";
import type { Attach, FurtherLeg, LegLink, LegPath, Offered, Passage } from "./exchange/index.ts";
import { flowOf } from "./flow.ts";

/** What is known of the connection of a leg. */
export interface LegInit {
	/** Whether the peer is at the other end of the connection, or behind the Coordinator. */
	readonly path: "direct" | "proxied";
	readonly limits: Limits;
	/** Higher goes first among the streams of a connection. @default 0 */
	readonly priority?: number | undefined;
	/** @default the machine's */
	readonly clock?: Clock;
	/** Streams to several peers go over its connection. @default false */
	readonly severalPeers?: boolean;
}

/** A way that a further leg can go now. */
export interface LegWay {
	readonly connection: TransportConnection;
	/** OPEN of the leg, to which `resume` is added. */
	readonly open: OpenToCoordinator | OpenDirect;
	readonly init: LegInit;
}

/** A stream that survives the loss of its leg, as its keeper sees it. */
export interface KeptStream {
	/** The application has ended something of it in its own way, or all of it is over, and the peer may not know that yet. */
	readonly unheard: boolean;
	/** It survives the loss of its leg. While the answer is awaited: it is meant to. */
	readonly resumable: boolean;
	/** Where it goes, or went last. `undefined`: it has not begun. */
	readonly path: LegPath | undefined;
	/** OPEN of a further leg has come. Only at the end that accepts legs. */
	offer(open: FurtherLeg, attach: Attach): Offered;
	/** Another leg is opened, while the present one goes on; see `Exchange.move`. Only at the end that opens legs. */
	move(urgent: boolean): boolean;
	/** There is a way to the peer again. */
	wayIsThere(): void;
	/** There is no room for it any more while no leg carries it. */
	expire(words: string): void;
	/** Ends it at once, and lets go of everything. Peers that a leg leads to are told `wireCode`. */
	end(error: ConecError, wireCode: number): void;
}

/** Who keeps a stream that survives the loss of its leg. */
export interface StreamKeeper {
	/** The first call. */
	began(stream: KeptStream): void;
	/** No leg carries it any more, or one does again. */
	suspended(yes: boolean): void;
	/** It goes on over another leg, on which it may send now. */
	passed(passage: Passage): void;
	/** What happens to its connections from now on, for the application. */
	status(): AsyncIterable<StreamStatus>;
	/** Both directions are over for the application. The peer may not know that yet. */
	done(): void;
	/** Nothing is left of it. The last call. */
	gone(): void;
	/** Where a further leg can go now. `undefined`: nowhere. */
	way(): LegWay | undefined;
}

/** How a stream survives the loss of its leg. */
export interface Survival {
	/** The end that opens it asks for so long without a leg. The other end grants no more than this. */
	readonly forMs: number;
	/** 32 hexadecimal digits that nobody can guess. Only at the end that opens the stream. */
	readonly token?: string;
	readonly keeper: StreamKeeper;
	/** For the pauses between attempts at another leg: at least 0, less than 1. */
	readonly fraction: () => number;
}

/** Opens a further leg there. `undefined`: the connection is over. */
export function openLeg({ connection, open, init }: LegWay, leg: FurtherLeg, handler: StreamHandler): LegLink | undefined {
	const header = { kind: FRAME.OPEN, payload: encodeOpen({ ...open, resume: leg }) };
	try {
		return linkOf(connection.openStream(header, handler, streamOptions(init)), connection, init);
	} catch {
		return undefined;
	}
}

/** The link of a leg over that connection. */
export function linkOf(wire: TransportStream, connection: TransportConnection, init: LegInit): LegLink {
	const { shares, acks } = flowOf(connection, init.limits, init.clock ?? systemClock, init.severalPeers ?? false);
	return { wire, shares, acks, path: init.path, priority: init.priority };
}

/** What the transport is told of a stream. */
export function streamOptions({ priority, limits }: LegInit): StreamOptions {
	return { messageBytes: limits.messageBytes, highWaterBytes: limits.sendHighWaterBytes, ...(priority === undefined ? {} : { priority }) };
}

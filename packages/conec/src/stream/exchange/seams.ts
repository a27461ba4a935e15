/**
 * What stands around the machine of a stream: the wires under its legs, the windows, and the side of the application.
 *
 * @module
 */

import type { CloseInfo } from "../../base/close-info.ts";
import type { ConecError } from "../../errors.ts";
import type { FrameMemory, StreamHandler } from "../../transport/transport.ts";
import type { OpenResume } from "../../wire/open.ts";
import type { AckSlots, KeptShares, ReceiveWindows, SendShares } from "../windows/index.ts";
import type { Subject } from "./failures.ts";

/** Where the frames of one leg go. A `TransportStream` is one. After the end of a direction its methods do nothing. */
export interface LegWire {
	/** Queues a copy of a frame, and gives the bytes now queued, or -1 when this direction is over. */
	write(kind: number, payload: Uint8Array): number;
	/** The same, ahead of the frames that wait, in order among themselves. `aside`: nobody waits for this very frame. @default write */
	writeUrgent?(kind: number, payload: Uint8Array, aside?: boolean): number;
	/** Queues a copy of whole frames with their headers. Gives what `write` gives. */
	writeFrames(frames: Uint8Array): number;
	/** Bytes queued and not sent. */
	readonly queuedBytes: number;
	/** Sends FIN after what is queued. */
	finish(): void;
	/** Gives up sending. */
	reset(code: number): void;
	/** Wants no more of the peer. */
	stop(code: number): void;
	/** Gives credit back for a frame with a payload of so many bytes. */
	consumed(payloadBytes: number): void;
}

/** One leg's wire, and what belongs to the connection that carries it. */
export interface LegLink {
	readonly wire: LegWire;
	readonly shares: SendShares;
	readonly acks: AckSlots;
	/** Among the legs that wait for a share of the connection. Higher goes first. @default 0 */
	readonly priority?: number | undefined;
	/** Where it goes; only told. @default "direct" */
	readonly path?: LegPath;
}

/** Whether the peer is at the other end of a leg's connection, or behind the Coordinator. */
export type LegPath = "direct" | "proxied";

/** Units went on one leg, and go on another one now. */
export interface Passage {
	readonly from: LegPath;
	readonly to: LegPath;
	/** How long no new unit could go, in milliseconds. */
	readonly pauseMs: number;
	/** There was no leg meanwhile. */
	readonly suspended: boolean;
}

/** Makes the link of a leg, whose events go to `handler`. */
export type Attach = (handler: StreamHandler) => LegLink;

/** A further leg's part of OPEN. */
export type FurtherLeg = Extract<OpenResume, { readonly generation: number }>;

/**
 * What the machine says to the side of the application.
 *
 * `opened` or `refused` is called once at the opener, never both and never at the acceptor. `acknowledged` or
 * `unacknowledged` is called at most once, and `over` once. After `over` only `discard`, `wakeAt`, `openLeg` and `gone` are called.
 */
export interface ExchangeSink {
	/** Messages that came. */
	readonly receiving: {
		/** The application waits for a message, and none is there. */
		readonly waiting: boolean;
		/** `kind` tells units apart where a stream has several kinds. */
		push(message: Uint8Array, kind: number): void;
		/** Optional, for who reads one where it lies; see `StreamHandler.frameAt`. */
		pushAt?(memory: FrameMemory, at: number, length: number, kind: number): void;
		/** No more will come: `null` is the peer's end, an error is read after what waits. */
		finish(outcome: ConecError | null): void;
		/** What waits is dropped, and `outcome` is read instead. */
		discard(outcome: ConecError): void;
	};
	/** Messages that go. */
	readonly sending: {
		/** It may be worth writing again. */
		drained(): void;
		/** No further message is taken: `newError` says why, if one comes. Those that wait still go, and then `emptied` is called. */
		end(newError: () => ConecError): void;
		/** Nothing goes any more, what waits neither. */
		fail(error: ConecError): void;
	};
	/** Wants `expired` called at that time; `undefined`: not any more. A new time replaces the one before. */
	wakeAt(ms: number | undefined): void;
	/** The peer's library has accepted. */
	opened(): void;
	/** The stream is over, and was never accepted. */
	refused(error: ConecError): void;
	/** Everything that was sent before `close` is in the peer's process. */
	acknowledged(): void;
	/** Sending is over before its time. */
	unacknowledged(error: ConecError): void;
	/** Both directions are over for the application. */
	over(info: CloseInfo): void;
	/** Nothing of the stream is left on any leg, and no further leg is of use. The last call. */
	gone(): void;
	/** No leg carries the stream any more, or one does again. Only of streams that survive that. */
	suspended(yes: boolean): void;
	/** It goes on over another leg. Only of streams that survive the loss of one. */
	passed?(passage: Passage): void;
	/** Opens a leg with this part of OPEN, whose events go to `handler`. `undefined`: there is no way to the peer now. */
	openLeg(leg: FurtherLeg, handler: StreamHandler): LegLink | undefined;
}

/** What a machine is made with. */
export interface ExchangeInit {
	readonly subject: Subject;
	/** Identity of the peer: those with one identity share what windows and budgets give. */
	readonly identity: string;
	readonly windows: ReceiveWindows;
	readonly kept: KeptShares;
	/** The longest message that this side takes; the peer is told. */
	readonly messageBytes: number;
	/** From so many queued bytes on, units that go again wait. */
	readonly highWaterBytes: number;
	readonly now: () => number;
	/** At least 0, less than 1. */
	readonly fraction: () => number;
	/** The peer is told that its END came only after `endTaken`. Not for streams that survive the loss of their leg. @default false */
	readonly holdsEnd?: boolean;
	/** Kinds of frames that are units beside END and RESET, one bit each. @default DATA */
	readonly unitKinds?: number;
}

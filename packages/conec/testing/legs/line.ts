/**
 * A modelled leg between two machines: two ordered pipes that die at any moment, each end noticing at its own time.
 * Resets overtake frames, stops overtake everything, and urgent frames overtake those that are not sent.
 *
 * @module
 */

import { ConecError } from "../../src/errors.ts";
import type { LegWire } from "../../src/stream/exchange/index.ts";
import type { StreamHandler } from "../../src/transport/transport.ts";
import { RESET_CODES } from "../../src/wire/codes.ts";
import { FRAME, FRAME_HEADER_BYTES, lengthAt } from "../../src/wire/frames.ts";

/** From so many queued bytes on, a writer should wait. */
export const HIGH_WATER_BYTES = 40_000;

type Item = { readonly kind: number; readonly payload: Uint8Array } | "fin";

/** One end of the line. 0: the opener's. */
export type Side = 0 | 1;

/** What an end writes, until the other end reads it. */
class Pipe {
	queue: Item[] = [];
	urgent: Item[] = [];
	onWay: Item[] = [];
	queuedBytes = 0;
	wantsDrain = false;
	/** The writer can do nothing more: FIN is written, or it has reset, or was stopped. */
	over = false;
	/** RESET_STREAM on its way, which overtakes. */
	resetCode: number | undefined = undefined;
	/** STOP_SENDING on its way to the writer. */
	stopCode: number | undefined = undefined;
	/** The reader hears no more. */
	deaf = false;
}

/** See the module. The world moves what is on it: {@link Line.ready} says what can happen. */
export class Line {
	readonly generation: number;
	readonly pipes: readonly [Pipe, Pipe] = [new Pipe(), new Pipe()];
	readonly handlers: [StreamHandler | undefined, StreamHandler | undefined] = [undefined, undefined];
	dead = false;
	/** How an end hears of the death: from its own connection, or from a Coordinator in the middle. */
	readonly hears: [by: "connection" | "reset", by: "connection" | "reset"] = ["connection", "connection"];
	/** Units that came to each end. */
	readonly units: [number, number] = [0, 0];
	readonly noticed: [boolean, boolean] = [false, false];
	readonly #urgent: boolean;
	readonly #kinds: Set<number>;

	/** @param kinds Gets the kind of each frame that is written. */
	constructor(generation: number, urgent: boolean, kinds: Set<number>) {
		this.generation = generation;
		this.#kinds = kinds;
		this.#urgent = urgent;
	}

	/** What an end writes with. */
	wire(side: Side): LegWire {
		const [out, into] = [this.pipes[side], this.pipes[1 - side] as Pipe];
		const put = (lane: Item[], kind: number, payload: Uint8Array): number => {
			if (out.over) return -1;
			this.#kinds.add(kind);
			const item = { kind, payload: payload.slice() };
			lane.push(item);
			out.queuedBytes += payload.length + FRAME_HEADER_BYTES;
			if (out.queuedBytes >= HIGH_WATER_BYTES) out.wantsDrain = true;
			if (this.dead) this.#forget(out);
			return out.queuedBytes;
		};
		const wire: LegWire = {
			write: (kind, payload) => put(out.queue, kind, payload),
			writeFrames: (frames) => {
				let queued = out.over ? -1 : out.queuedBytes;
				for (let at = 0; at < frames.length; ) {
					const until = at + FRAME_HEADER_BYTES + lengthAt(frames, at);
					queued = put(out.queue, frames[at] as number, frames.subarray(at + FRAME_HEADER_BYTES, until));
					at = until;
				}
				return queued;
			},
			get queuedBytes() {
				return out.queuedBytes;
			},
			finish: () => {
				if (out.over) return;
				out.over = true;
				if (!this.dead) out.queue.push("fin");
			},
			reset: (code) => {
				if (out.over) return;
				out.over = true;
				this.#forget(out);
				if (!this.dead && !out.deaf) out.resetCode = code;
			},
			stop: (code) => {
				if (into.deaf) return;
				into.deaf = true;
				into.onWay = [];
				into.resetCode = undefined;
				if (!this.dead && !into.over) into.stopCode = code;
			},
			consumed() {},
		};
		return this.#urgent
			? {
					...wire,
					get queuedBytes() {
						return out.queuedBytes;
					},
					writeUrgent: (kind, payload) => put(out.urgent, kind, payload),
				}
			: wire;
	}

	/** It carries nothing from now on. What is on its way may still be read, until the end notices. */
	kill(hears: readonly ["connection" | "reset", "connection" | "reset"]): void {
		if (this.dead) return;
		this.dead = true;
		this.hears[0] = hears[0];
		this.hears[1] = hears[1];
		for (const pipe of this.pipes) {
			this.#forget(pipe);
			pipe.stopCode = undefined;
			pipe.resetCode = undefined;
		}
	}

	/** A frame leaves. */
	sends(side: Side): boolean {
		const pipe = this.pipes[side];
		const item = pipe.urgent.shift() ?? pipe.queue.shift();
		if (item === undefined) return false;
		if (item !== "fin") pipe.queuedBytes -= item.payload.length + FRAME_HEADER_BYTES;
		if (!pipe.deaf) pipe.onWay.push(item);
		return true;
	}

	/** Something that `side` would hear next. */
	hears_(side: Side): "frame" | "reset" | "stop" | "drain" | undefined {
		if (this.noticed[side] || this.handlers[side] === undefined) return undefined;
		const [into, out] = [this.pipes[1 - side] as Pipe, this.pipes[side]];
		if (out.stopCode !== undefined) return "stop";
		if (into.resetCode !== undefined) return "reset";
		if (!into.deaf && into.onWay.length > 0) return "frame";
		return out.wantsDrain && out.queuedBytes < HIGH_WATER_BYTES / 2 ? "drain" : undefined;
	}

	/** `side` hears what is next for it: one frame, or whatever else. False: there is nothing. */
	tell(side: Side): boolean {
		const handler = this.handlers[side];
		const [into, out] = [this.pipes[1 - side] as Pipe, this.pipes[side]];
		if (handler === undefined || this.noticed[side]) return false;
		if (out.stopCode !== undefined) {
			const code = out.stopCode;
			out.stopCode = undefined;
			out.over = true;
			this.#forget(out);
			handler.stopped(code);
		} else if (into.resetCode !== undefined) {
			const code = into.resetCode;
			into.resetCode = undefined;
			into.onWay = [];
			into.deaf = true;
			handler.reset(code);
		} else if (!into.deaf && into.onWay.length > 0) {
			const item = into.onWay.shift() as Item;
			if (item === "fin") {
				into.deaf = true;
				handler.end();
			} else {
				if (item.kind === FRAME.DATA || item.kind === FRAME.END || item.kind === FRAME.RESET) this.units[side]++;
				handler.frame(item.kind, item.payload);
			}
		} else if (out.wantsDrain && out.queuedBytes < HIGH_WATER_BYTES / 2) {
			out.wantsDrain = false;
			handler.drained();
		} else {
			return false;
		}
		return true;
	}

	/** `side` notices that the line is dead. */
	notice(side: Side): boolean {
		const handler = this.handlers[side];
		if (!this.dead || this.noticed[side]) return false;
		this.noticed[side] = true;
		const [into, out] = [this.pipes[1 - side] as Pipe, this.pipes[side]];
		const [heard, wrote] = [!into.deaf, !out.over];
		into.deaf = true;
		into.onWay = [];
		out.over = true;
		this.#forget(out);
		if (handler === undefined) return true;
		if (this.hears[side] === "connection") {
			if (heard || wrote) handler.lost(new ConecError("CONNECTION_LOST", "the connection is lost"));
			return true;
		}
		if (heard) handler.reset(RESET_CODES.PEER_LOST);
		if (wrote) handler.stopped(RESET_CODES.PEER_LOST);
		return true;
	}

	/** Nothing can happen on it any more. */
	get over(): boolean {
		return (
			this.pipes.every((pipe) => pipe.over && pipe.deaf && pipe.queue.length === 0 && pipe.urgent.length === 0 && pipe.stopCode === undefined) ||
			(this.noticed[0] && this.noticed[1])
		);
	}

	#forget(pipe: Pipe): void {
		pipe.queue = [];
		pipe.urgent = [];
		pipe.queuedBytes = 0;
		pipe.wantsDrain = false;
	}
}

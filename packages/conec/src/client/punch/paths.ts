/**
 * The addresses that one attempt tries, and which of those that answered is the best.
 *
 * @module
 */

import type { SocketAddress } from "../../transport/transport.ts";
import type { ChannelCandidate } from "../../wire/channel-messages.ts";
import type { PathKind, TriedAddress } from "./plan.ts";

/** An address of the peer, as seen from one socket. */
export interface Path {
	readonly socket: number;
	readonly to: SocketAddress;
	readonly kind: PathKind;
	probes: number;
	lastProbeAt: number;
	/** Absent: it is not probed again. */
	nextProbeAt: number | undefined;
	/** Fastest answer. */
	rttMs: number | undefined;
	dial: "not yet" | "begun" | "failed";
}

/** All paths of one attempt. */
export class PunchPaths {
	readonly #paths: Map<string, Path> = new Map();
	/** IP addresses that the peer named as its own, but at which the Coordinator does not see it. They may be of the same network. */
	readonly #localAddresses: ReadonlySet<string>;

	constructor(candidates: readonly ChannelCandidate[]) {
		const reflexive = new Set(candidates.filter(({ kind }) => kind === "reflexive").map(({ address }) => address));
		this.#localAddresses = new Set(candidates.map(({ address }) => address).filter((address) => !reflexive.has(address)));
	}

	[Symbol.iterator](): Iterator<Path> {
		return this.#paths.values();
	}

	find(socket: number, to: SocketAddress): Path | undefined {
		return this.#paths.get(keyOf(socket, to));
	}

	/** The path to an address. A new one is made if needed. `undefined`: there are too many. */
	add(socket: number, to: SocketAddress, kind: PathKind): Path | undefined {
		const known = this.find(socket, to);
		if (known !== undefined || this.#paths.size >= PATHS) return known;
		const path: Path = { socket, to, kind, probes: 0, lastProbeAt: Number.NEGATIVE_INFINITY, nextProbeAt: undefined, rttMs: undefined, dial: "not yet" };
		this.#paths.set(keyOf(socket, to), path);
		return path;
	}

	/** Whether a handshake is under way. */
	get dialling(): boolean {
		return [...this].some(({ dial }) => dial === "begun");
	}

	/** Addresses with which handshakes have failed. */
	get failed(): SocketAddress[] {
		return [...this].filter(({ dial }) => dial === "failed").map(({ to }) => to);
	}

	/** The best path that answered and was not dialled: the own network first, then the fastest. */
	best(): Path | undefined {
		let best: Path | undefined;
		for (const path of this) {
			if (path.rttMs === undefined || path.dial !== "not yet") continue;
			const local = Number(this.isLocal(path)) - Number(best !== undefined && this.isLocal(best));
			if (best === undefined || local > 0 || (local === 0 && path.rttMs < (best.rttMs as number))) best = path;
		}
		return best;
	}

	/** Whether a better kind of path than `path` was probed and may still answer. */
	mayBeBeaten(path: Path): boolean {
		return !this.isLocal(path) && [...this].some((other) => this.isLocal(other) && other.rttMs === undefined && other.probes > 0);
	}

	isLocal({ to }: Path): boolean {
		return this.#localAddresses.has(to.address);
	}

	/** For people and reports. */
	attempts(): TriedAddress[] {
		return [...this].map(({ to, kind, probes, rttMs }) => ({ ...to, kind, probes, answered: rttMs !== undefined, ...(rttMs === undefined ? {} : { rttMs }) }));
	}
}

/** Only a peer that answers guesses without end comes near this bound. */
const PATHS = 64;

function keyOf(socket: number, { address, port }: SocketAddress): string {
	return `${socket} ${address} ${port}`;
}

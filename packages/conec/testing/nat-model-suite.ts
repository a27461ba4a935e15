/**
 * A network of hosts, NATs and delays on a clock of its own, for tests: the NAT types of the lab as a few lines each.
 *
 * @module
 */

import type { SocketAddress } from "../src/transport/transport.ts";

/**
 * `none`: no NAT, no filter. `fw`: a stateful firewall. `full`, `addr`, `port`: one mapping for all destinations, open to
 * all, to addresses, to addresses and ports that were sent to. `sym`: a random port for every destination. `symseq`: the
 * next port for every destination. `blocked`: no UDP.
 */
export type NatType = "none" | "fw" | "full" | "addr" | "port" | "sym" | "symseq" | "blocked";

/** A packet as it reaches a socket. */
export type Deliver = (payload: unknown, from: SocketAddress) => void;

/** A socket of a host. */
export interface ModelSocket {
	readonly address: SocketAddress;
	send(to: SocketAddress, payload: unknown): void;
}

/** One site: a NAT with hosts behind it. */
export class Site {
	readonly type: NatType;
	readonly publicAddress: string;
	readonly #network: Network;
	/** By inner address, and destination for `sym` and `symseq`: the outer port. */
	readonly #outer: Map<string, number> = new Map();
	readonly #inner: Map<number, string> = new Map();
	/** What inner sockets have sent to. */
	readonly #sentTo: Set<string> = new Set();
	readonly #sockets: Map<string, Deliver> = new Map();
	#nextPort = 40_000;

	constructor(network: Network, type: NatType, publicAddress: string) {
		this.#network = network;
		this.type = type;
		this.publicAddress = publicAddress;
	}

	/** Mappings that exist: what a birthday punch costs. */
	get mappings(): number {
		return this.#outer.size;
	}

	/** Opens a socket of a host. Without NAT its address must be the public one. */
	open(address: SocketAddress, deliver: Deliver): ModelSocket {
		const inner = show(address);
		this.#sockets.set(inner, deliver);
		return { address, send: (to, payload) => this.#send(inner, address, to, payload) };
	}

	#send(inner: string, address: SocketAddress, to: SocketAddress, payload: unknown): void {
		const neighbour = this.#sockets.get(show(to));
		if (neighbour !== undefined) return this.#network.later(1, () => neighbour(payload, address));
		// No hairpin, no way to another site's private addresses.
		if (this.type === "blocked" || to.address === this.publicAddress || to.address.startsWith("10.")) return;
		this.#sentTo.add(`${inner} ${show(to)}`).add(`${inner} ${to.address}`);
		const from = this.type === "none" || this.type === "fw" ? address : { address: this.publicAddress, port: this.#map(inner, address.port, to) };
		this.#network.carry(from, to, payload);
	}

	#map(inner: string, ownPort: number, to: SocketAddress): number {
		const key = this.type === "sym" || this.type === "symseq" ? `${inner} ${show(to)}` : inner;
		const known = this.#outer.get(key);
		if (known !== undefined) return known;
		let port = this.type === "symseq" ? this.#nextPort++ : this.type === "sym" ? this.#network.randomPort() : ownPort;
		while (this.#inner.has(port)) port = this.type === "sym" ? this.#network.randomPort() : port + 1;
		this.#outer.set(key, port);
		this.#inner.set(port, key);
		return port;
	}

	/** A packet from outside. What nothing lets in is dropped silently, as in the lab. */
	receive(from: SocketAddress, to: SocketAddress, payload: unknown): void {
		if (this.type === "blocked") return;
		if (this.type === "none" || this.type === "fw") {
			if (this.type === "none" || this.#sentTo.has(`${show(to)} ${show(from)}`)) this.#sockets.get(show(to))?.(payload, from);
			return;
		}
		const key = this.#inner.get(to.port);
		const [inner, destination] = key?.split(" ") ?? [];
		if (inner === undefined) return;
		const open =
			this.type === "full" ||
			(this.type === "addr" && this.#sentTo.has(`${inner} ${from.address}`)) ||
			(this.type === "port" && this.#sentTo.has(`${inner} ${show(from)}`)) ||
			destination === show(from);
		if (open) this.#sockets.get(inner)?.(payload, from);
	}
}

/** All sites, the delay between them and the time. */
export class Network {
	readonly random: () => number;
	/** Every packet that any site has let out, for counting. */
	readonly carried: { readonly at: number; readonly from: SocketAddress; readonly to: SocketAddress; readonly payload: unknown }[] = [];
	readonly #oneWayMs: number;
	readonly #sites: Map<string, Site> = new Map();
	#events: { readonly at: number; readonly order: number; readonly run: () => void }[] = [];
	#order = 0;
	now = 0;
	/** Of packets between sites, 0 to 1. */
	loss: number;

	constructor({ oneWayMs, seed = 1, loss = 0 }: { readonly oneWayMs: number; readonly seed?: number; readonly loss?: number }) {
		this.#oneWayMs = oneWayMs;
		this.loss = loss;
		this.random = seededRandom(seed);
	}

	/** A site of its own at a public address. */
	site(type: NatType, publicAddress: string): Site {
		const site = new Site(this, type, publicAddress);
		this.#sites.set(publicAddress, site);
		return site;
	}

	randomPort(): number {
		return 1024 + Math.floor(this.random() * 64_512);
	}

	/** Takes a packet across. */
	carry(from: SocketAddress, to: SocketAddress, payload: unknown): void {
		this.carried.push({ at: this.now, from, to, payload });
		if (this.random() >= this.loss) this.later(this.#oneWayMs, () => this.#sites.get(to.address)?.receive(from, to, payload));
	}

	later(delayMs: number, run: () => void): void {
		const event = { at: this.now + Math.max(0, delayMs), order: this.#order++, run };
		// Nearly always the last: search from the end.
		let place = this.#events.length;
		while (place > 0 && (this.#events[place - 1]?.at ?? 0) > event.at) place--;
		this.#events.splice(place, 0, event);
	}

	/** Lets everything happen until that moment, or until `done`. */
	runUntil(until: number, done: () => boolean = () => false): void {
		while (!done()) {
			const next = this.#events[0];
			if (next === undefined || next.at > until) break;
			this.#events.shift();
			this.now = next.at;
			next.run();
		}
	}
}

/** From 0 to below 1, the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
	};
}

function show({ address, port }: SocketAddress): string {
	return `${address}:${port}`;
}

/**
 * The keys of one attack, and what all kinds of attacks need: sockets at many sources, identities, connections that come again.
 *
 * @module
 */

import { type Connection, Endpoint, QuicError } from "@conec/quic";
import type { LocalIdentity } from "../../packages/conec/src/tls/identity.ts";
import { makeSelfSigned } from "../../packages/conec/src/tls/self-signed.ts";
import { coordinatorTrust } from "../../packages/conec/src/tls/trust.ts";
import { RawClient } from "./raw-client.ts";

/** What an attack is told. */
export interface Orders {
	/** Where the Coordinator is, as the attackers see it. */
	readonly target: { readonly address: string; readonly port: number; readonly pin: string };
	/** How many keys there are. */
	readonly keys: number;
	/** Acts a second, of all keys together. @default as fast as it goes */
	readonly rate?: number | undefined;
	/** Addresses of this machine or of its namespace to come from, by number. @default the system chooses */
	readonly sources?: readonly string[] | undefined;
	/** The ids that an attack is aimed at. */
	readonly victim: string;
}

/** What an attack has done. */
export interface Deeds {
	/** Messages, streams, connections: what the kind counts. */
	readonly acts: number;
	/** Connections of attackers that the Coordinator ended, or refused. */
	readonly closed: number;
	/** What was achieved that should not be. */
	readonly gained: number;
}

/** Bytes that may wait in an attacker before it waits itself. */
const QUEUE_BYTES = 65_536;
const HANDSHAKE_MS = 10_000;

/** See the module. */
export class Army {
	readonly orders: Orders;
	readonly clients: RawClient[] = [];
	acts = 0;
	closed = 0;
	gained = 0;
	/** Set when the time is over. */
	over = false;
	#identities: LocalIdentity[] = [];
	readonly #endpoints: Map<string, Endpoint> = new Map();
	#entered = 0;
	#allowance = 0;
	#allowedAt = performance.now();

	constructor(orders: Orders) {
		this.orders = orders;
	}

	/** Makes the keys. */
	async arm(): Promise<void> {
		this.#identities = await Promise.all(Array.from({ length: this.orders.keys }, () => makeSelfSigned({ names: ["mallory"] }, "ephemeral")));
	}

	get deeds(): Deeds {
		return { acts: this.acts, closed: this.closed, gained: this.gained };
	}

	/** A handshake with one of the keys, from one of the sources. `undefined`: it was refused. */
	async dial(number: number, fresh: boolean = false): Promise<Connection | undefined> {
		const { target, keys } = this.orders;
		const identity = fresh ? await makeSelfSigned({ names: ["mallory"] }, "ephemeral") : (this.#identities[number % keys] as LocalIdentity);
		try {
			return await this.endpoint(number).connect({
				...{ address: target.address, port: target.port, serverName: "localhost", trust: coordinatorTrust({ pin: target.pin }), identity },
				...{ alpnProtocols: ["conec/1"], handshakeTimeoutMs: HANDSHAKE_MS, transport: { bidirectionalStreams: 4_096 } },
			});
		} catch {
			this.closed++;
			return undefined;
		}
	}

	/** A Client with one of the keys. `undefined`: it was refused. */
	async enter(number: number, { id, kept = false, fresh = false }: { id?: string; kept?: boolean; fresh?: boolean } = {}): Promise<RawClient | undefined> {
		const connection = await this.dial(number, fresh);
		if (connection === undefined) return undefined;
		const entered = await RawClient.enter(connection, id ?? `mallory-${process.pid}-${this.#entered++}`, kept).catch(() => undefined);
		if (entered?.answer === "welcome") return entered.client;
		this.closed++;
		return undefined;
	}

	/** One Client for each key, which are {@link clients}. It comes again when the Coordinator has ended it. */
	async enterAll(begun: (client: RawClient, index: number) => void = () => undefined): Promise<void> {
		const come = async (index: number): Promise<void> => {
			const client = await this.enter(index);
			if (this.over) return;
			if (client === undefined) {
				await sleep(200);
				return come(index);
			}
			this.clients[index] = client;
			begun(client, index);
			void client.connection.closed.then(() => {
				if (this.over) return;
				this.closed++;
				void come(index);
			});
		};
		await Promise.all(Array.from({ length: this.orders.keys }, (_, index) => come(index)));
	}

	/** The socket of a source. */
	endpoint(number: number): Endpoint {
		const { sources, target } = this.orders;
		const any = target.address.includes(":") ? "::" : "0.0.0.0";
		const host = sources === undefined ? any : (sources[number % sources.length] as string);
		// A few Clients share a socket, as behind one NAT.
		const key = `${host} ${sources === undefined ? number % 64 : 0}`;
		let endpoint = this.#endpoints.get(key);
		if (endpoint === undefined) {
			endpoint = Endpoint.bind({ host, port: 0 });
			this.#endpoints.set(key, endpoint);
		}
		return endpoint;
	}

	/** Calls `act` for each live Client again and again until the time is over. It returns how many acts it did; 0: it can do no more just now. */
	async keepOn(act: (client: RawClient, index: number) => number): Promise<void> {
		while (!this.over) {
			let done = 0;
			for (const [index, client] of this.clients.entries())
				if (client?.alive === true && this.#allowed() && client.control.queuedBytes < QUEUE_BYTES) done += this.#count(unlessOver(() => act(client, index)));
			await (done === 0 ? sleep(1) : turn());
		}
	}

	/** The same, but the next act of a Client waits until all that it has done before is on its way: for what piles up elsewhere than on its control stream. */
	async keepOnSettled(act: (client: RawClient, index: number) => number): Promise<void> {
		const each = async (index: number): Promise<void> => {
			while (!this.over) {
				const client = this.clients[index];
				if (client?.alive !== true || !this.#allowed()) {
					await sleep(5);
					continue;
				}
				const done = this.#count(unlessOver(() => act(client, index)));
				await (done === 0 ? sleep(5) : client.connection.settled());
			}
		};
		await Promise.all(this.clients.map((_, index) => each(index)));
	}

	/** Runs `task` over and over, so many at once, until the time is over. */
	async inParallel(count: number, task: (number: number) => Promise<void>): Promise<void> {
		let next = 0;
		const worker = async (): Promise<void> => {
			while (!this.over) {
				if (this.#allowed()) {
					this.#count(1);
					await task(next++);
					// A task that fails at once must not keep the process from hearing that the time is over.
					await turn();
				} else await sleep(1);
			}
		};
		await Promise.all(Array.from({ length: count }, worker));
	}

	/** The time is over: everybody leaves without a word. */
	end(): void {
		this.over = true;
		for (const endpoint of this.#endpoints.values()) void endpoint.close({ drainMs: 0 });
	}

	#count(acts: number): number {
		this.acts += acts;
		this.#allowance -= acts;
		return acts;
	}

	#allowed(): boolean {
		const { rate } = this.orders;
		if (rate === undefined) return true;
		const now = performance.now();
		this.#allowance = Math.min(rate / 10, this.#allowance + ((now - this.#allowedAt) * rate) / 1_000);
		this.#allowedAt = now;
		return this.#allowance > 0;
	}
}

/** What it does; nothing, where the connection has ended and nobody was told yet. */
export function unlessOver(act: () => number): number {
	try {
		return act();
	} catch (error) {
		if (error instanceof QuicError && error.code === "CLOSED") return 0;
		throw error;
	}
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

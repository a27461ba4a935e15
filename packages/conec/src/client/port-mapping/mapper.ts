/**
 * Keeps one port of this Client mapped at its router: asks for the mapping, renews it, and removes it at the end. Whatever fails is told
 * as a status and tried again later. It never fails anything else.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { within } from "../../base/signals.ts";
import type { SocketAddress } from "../../transport/transport.ts";
import { scopeOf } from "../../wire/address-scope.ts";
import { parseIp } from "../../wire/ip-address.ts";

/** How a router is asked. */
export type MappingProtocol = "pcp" | "nat-pmp" | "upnp";

/** A mapping that a router has made. */
export interface Mapping {
	readonly protocol: MappingProtocol;
	/** Where the port can be reached from outside, as the router says. */
	readonly external: SocketAddress;
	/** It is gone then unless it is renewed. */
	readonly lifetimeMs: number;
	/** Removes it. May reject. */
	remove(signal: AbortSignal): Promise<void>;
}

/** Why there is no mapping. It is told as a status, and nobody else gets it. */
export class NoMapping extends Error {
	override readonly name: string = "NoMapping";
}

/** One way to ask for a mapping, anew or again. Rejects with a {@link NoMapping} that says in words why there is none. `before`: the mapping that there was. */
export type MappingMethod = (internalPort: number, before: SocketAddress | undefined, signal: AbortSignal) => Promise<Mapping>;

/** What became of a port mapping. `address` is what the router says; whether peers reach this Client there, only an attempt shows. */
export type PortMappingStatus =
	| { readonly type: "port-mapping"; readonly state: "up"; readonly protocol: MappingProtocol; readonly address: SocketAddress }
	| { readonly type: "port-mapping"; readonly state: "failed"; readonly reason: string };

/** What a {@link PortMapper} is made of. */
export interface PortMapperParts {
	readonly clock: Clock;
	readonly internalPort: number;
	/** Tried in this order. */
	readonly methods: readonly MappingMethod[];
	readonly emit: (status: PortMappingStatus) => void;
}

/** See the module. */
export class PortMapper {
	readonly #parts: PortMapperParts;
	#mapping: Mapping | undefined;
	/** The method that made it. */
	#method: MappingMethod | undefined;
	#abort: AbortController | undefined;
	#timer: unknown;
	#failures = 0;
	#told = "";
	#askedMs = Number.NEGATIVE_INFINITY;
	#closed: Promise<void> | undefined;
	/** Resolves when there is a first result, or a second after the start. Never rejects. */
	readonly settled: Promise<void>;
	#settle: () => void = () => {};
	#patience: unknown;

	constructor(parts: PortMapperParts) {
		this.#parts = parts;
		this.settled = new Promise((resolve) => {
			this.#settle = resolve;
		});
	}

	/** Where the port can be reached from outside, as the router says. */
	get external(): SocketAddress | undefined {
		return this.#mapping?.external;
	}

	/** Asks for the mapping, now and whenever it is due. */
	start(): void {
		if (this.#closed !== undefined || this.#abort !== undefined) return;
		this.#patience ??= this.#parts.clock.setTimeout(this.#settle, PATIENCE_MS);
		void this.#ask();
	}

	/** This machine is in another network, or its router has another address. Asks again, at most once in 5 s. */
	networkChanged(): void {
		const { clock } = this.#parts;
		if (this.#closed !== undefined) return;
		this.#failures = 0;
		this.#again(Math.max(0, this.#askedMs + LEAST_GAP_MS - clock.now()));
	}

	/** Removes the mapping, within a second. A second call waits for the same end. Never rejects. */
	close(): Promise<void> {
		this.#closed ??= this.#close();
		return this.#closed;
	}

	async #close(): Promise<void> {
		const { clock } = this.#parts;
		clock.clearTimeout(this.#timer);
		clock.clearTimeout(this.#patience);
		this.#settle();
		this.#abort?.abort(new NoMapping("the Client is closed"));
		const mapping = this.#mapping;
		this.#mapping = undefined;
		if (mapping !== undefined) await this.#remove(mapping);
	}

	/** Within a second. Never rejects. */
	async #remove(mapping: Mapping): Promise<void> {
		const abort = new AbortController();
		const removed = mapping.remove(abort.signal).catch(() => undefined);
		await within(REMOVAL_MS, removed, this.#parts.clock);
		abort.abort(new NoMapping("it has taken too long"));
	}

	#again(afterMs: number): void {
		const { clock } = this.#parts;
		clock.clearTimeout(this.#timer);
		this.#timer = clock.setTimeout(() => this.start(), afterMs);
	}

	async #ask(): Promise<void> {
		const { clock } = this.#parts;
		const abort = new AbortController();
		this.#abort = abort;
		this.#askedMs = clock.now();
		const timer = clock.setTimeout(() => abort.abort(new NoMapping("no router has answered")), ATTEMPT_MS);
		const made = await this.#tryAll(abort.signal);
		clock.clearTimeout(timer);
		this.#abort = undefined;
		if (this.#closed !== undefined) {
			// It came too late to be used, and is not left behind.
			if (!Array.isArray(made)) await this.#remove(made);
			return;
		}
		if (Array.isArray(made)) this.#failed(made.join("; "));
		else this.#made(made);
	}

	/** The mapping, or why there is none. */
	async #tryAll(signal: AbortSignal): Promise<Mapping | string[]> {
		const reasons: string[] = [];
		const { methods, internalPort } = this.#parts;
		// What has worked comes first.
		for (const method of [...methods].sort((a, b) => Number(b === this.#method) - Number(a === this.#method))) {
			if (signal.aborted) break;
			try {
				const mapping = await method(internalPort, this.#mapping?.external, signal);
				this.#method = method;
				return mapping;
			} catch (error) {
				reasons.push(error instanceof Error ? error.message : String(error));
			}
		}
		return reasons;
	}

	#made(mapping: Mapping): void {
		const { address } = mapping.external;
		const ip = parseIp(address);
		if (ip === undefined || scopeOf(ip) !== "public") {
			void this.#remove(mapping);
			return this.#failed(`the address of the router outside is ${address}, which is no public one: there is another NAT behind it`);
		}
		this.#failures = 0;
		this.#mapping = mapping;
		this.#tell({ type: "port-mapping", state: "up", protocol: mapping.protocol, address: mapping.external });
		this.#again(Math.max(LEAST_GAP_MS, Math.min(mapping.lifetimeMs / 2, MOST_GAP_MS)));
	}

	#failed(reason: string): void {
		this.#mapping = undefined;
		this.#tell({ type: "port-mapping", state: "failed", reason });
		this.#again(Math.min(RETRY_MS * 2 ** this.#failures++, MOST_GAP_MS));
	}

	/** The same is not told twice. */
	#tell(status: PortMappingStatus): void {
		this.#settle();
		const text = JSON.stringify(status);
		if (text === this.#told) return;
		this.#told = text;
		this.#parts.emit(status);
	}
}

/** What is asked for, unless the router gives less. */
export const LIFETIME_MS = 3_600_000;

/** For the first result, before others are told of this Client without it. */
const PATIENCE_MS = 1_000;
const ATTEMPT_MS = 15_000;
const REMOVAL_MS = 1_000;
const LEAST_GAP_MS = 5_000;
const MOST_GAP_MS = 1_800_000;
const RETRY_MS = 60_000;

/** A lab with a Coordinator and two machines of Clients in it, kept over many tries: a process takes a second to start, a connection a third of one. */

import assert from "node:assert/strict";
import type { ClientOptions, CoordinatorOptions, NatReport } from "../../packages/conec/src/index.ts";
import type { Actor } from "./actor.ts";
import type { Ticked, Ticks } from "./actors/line.ts";
import type { Amount, TransferState } from "./actors/transfers.ts";
import { COORDINATOR_ADDRESS, COORDINATOR_ADDRESS_6, Lab, type LabOptions, type Machine, type Owner, RTT_100 } from "./lab.ts";
import type { RouterKind } from "./nat-kind.ts";

/** How long a Client waits for an answer by default. */
export const REQUEST_MS = 10_000;
/** A deadline is a timer, which fires a moment later. */
export const TIMER_MS = 250;

/** How something went; exactly one of `error` and the rest is there. */
export interface Timed {
	readonly ms: number;
	readonly error?: { readonly message: string; readonly code?: string };
}
export interface Opened extends Timed {
	readonly path?: "direct" | "proxied";
	readonly handle?: number;
}
/** A live channel with a peer, as the Client's own machine saw it; without `toMs` it lives still. */
export interface Life {
	readonly peer: string;
	readonly fromMs: number;
	readonly toMs?: number;
}

/** How much is sent, and how. */
export interface Sending extends Partial<Amount> {
	readonly resumable?: boolean;
	/** Shorter pauses are not kept by the receiver. @default 150 */
	readonly silenceMs?: number;
}

export interface Where {
	readonly coordinator: string;
	readonly pin: string;
}
export interface Listening {
	readonly actor: Actor;
	readonly where: Where;
}

let names = 0;

/** See above. */
export class World {
	readonly lab: Lab;
	readonly coordinator: Actor;
	readonly #where: Where;
	readonly #clients: Map<Machine, Actor>;

	/** 100 ms there and back unless `wire` says otherwise. Machines of Clients: `a` and `b`. */
	static async up(owner: Owner, options: LabOptions = {}, places: readonly Machine[] = ["a", "b"]): Promise<World> {
		const lab = await Lab.up(owner, { wire: RTT_100, ...options });
		const [listening, ...clients] = await Promise.all([listen(lab), ...places.map((place) => lab.actor(place, "client"))]);
		return new World(lab, listening, new Map(places.map((place, i) => [place, clients[i] as Actor])));
	}

	private constructor(lab: Lab, listening: Listening, clients: Map<Machine, Actor>) {
		this.lab = lab;
		this.coordinator = listening.actor;
		this.#where = listening.where;
		this.#clients = clients;
	}

	/** How to reach and trust the Coordinator. */
	get where(): Where {
		return this.#where;
	}

	/** One more Coordinator on that machine, which ends with the lab at the latest. A Client connects to it with its `where` among the options. */
	async anotherCoordinator(port: number): Promise<Listening> {
		return await listen(this.lab, port);
	}

	/** The machine's process. */
	at(place: Machine): Actor {
		const actor = this.#clients.get(place);
		assert.ok(actor, `nobody is at ${place}`);
		return actor;
	}

	/** Connects a new Client there, which may fail. */
	async tryConnect(place: Machine, options: Partial<ClientOptions> & { readonly decline?: boolean } = {}): Promise<Timed & { readonly id: string }> {
		const id = options.id ?? `${place}-${++names}`;
		return { id, ...(await this.at(place).call<Timed>("connect", { ...this.#where, ...options, id })) };
	}

	/** Connects a new Client there. */
	async connect(place: Machine, options: Partial<ClientOptions> & { readonly decline?: boolean } = {}): Promise<Peer> {
		const { id, ms, error } = await this.tryConnect(place, options);
		assert.equal(error, undefined, `${id} cannot connect: ${JSON.stringify(error)} after ${ms} ms\n${this.at(place).stderr}`);
		return new Peer(this.at(place), id);
	}

	/** The same Coordinator, over IPv6; of a lab that has it. */
	get where6(): Where {
		return { ...this.#where, coordinator: this.#where.coordinator.replace(COORDINATOR_ADDRESS, `[${COORDINATOR_ADDRESS_6}]`) };
	}

	/** Nobody is connected any more; routers are of these kinds and know no mapping of before. */
	async renew(kinds: readonly [RouterKind, RouterKind]): Promise<void> {
		await this.leave();
		await Promise.all([this.lab.set("A", kinds[0]), this.lab.set("B", kinds[1])]);
	}

	/** New Clients behind routers of these kinds, with no mapping of before. The first one dials. */
	async pair(kinds: readonly [RouterKind, RouterKind], options: Partial<ClientOptions> = {}): Promise<[Peer, Peer]> {
		await this.renew(kinds);
		return await Promise.all([this.connect("a", options), this.connect("b", options)]);
	}

	/** All Clients leave. */
	async leave(): Promise<void> {
		await Promise.all([...this.#clients.values()].map((actor) => actor.call("close")));
	}
}

/** With default limits: the lab is to try nothing that a user could not. */
async function listen(lab: Lab, wanted: number = 1719): Promise<Listening> {
	const actor = await lab.actor("coord", "coordinator");
	const options: CoordinatorOptions = { port: wanted };
	const { port, pin } = await actor.call<{ port: number; pin: string }>("listen", options);
	return { actor, where: { coordinator: `${COORDINATOR_ADDRESS}:${port}`, pin } };
}

/** One Client in the lab. */
export class Peer {
	readonly id: string;
	readonly #actor: Actor;

	constructor(actor: Actor, id: string) {
		this.id = id;
		this.#actor = actor;
	}

	async openChannel(peer: Pick<Peer, "id">, timeoutMs?: number): Promise<Timed> {
		return await this.#call("openChannel", { peer: peer.id, timeoutMs });
	}

	/** With one message echoed. */
	async openStream(peer: Peer, path?: "auto" | "direct" | "proxied"): Promise<Opened> {
		return await this.#call("openStream", { peer: peer.id, path });
	}

	/** The same, and closes the stream. */
	async visit(peer: Peer): Promise<Opened> {
		return await this.#call("visit", { peer: peer.id });
	}

	/** What it knows of the NAT before it. */
	async nat(): Promise<NatReport> {
		return await this.#call("nat");
	}

	async echo(opened: Opened, bytes: number = 1_000): Promise<Timed> {
		return await this.#call("echo", { handle: opened.handle, bytes });
	}

	/** Begins a transfer of so many bytes, or so much; `name` is unique in the process. */
	async send(peer: Pick<Peer, "id">, path: "auto" | "direct" | "proxied", name: string, amount: number | Sending): Promise<{ readonly path: string }> {
		return await this.#call("send", { peer: peer.id, path, name, ...(typeof amount === "number" ? { bytes: amount } : amount) });
	}

	/** Sends small messages at a steady pace. */
	async tick(peer: Peer, path: "direct" | "proxied", ticks: Ticks): Promise<Ticked> {
		return await this.#call("tick", { peer: peer.id, path, ...ticks });
	}

	/** An endless transfer comes to its end. */
	async enough(name: string): Promise<void> {
		await this.#call("enough", { name });
	}

	/** Where the stream of a transfer is now. */
	async where(name: string): Promise<{ readonly path: "direct" | "proxied"; readonly suspended: boolean }> {
		return await this.#call("where", { name });
	}

	/** Opens a resumable stream with path `auto`, and nothing more. */
	async openResumable(peer: Pick<Peer, "id">): Promise<Opened> {
		return await this.#call("openResumable", { peer: peer.id });
	}

	/** What has been sent so far. */
	async sent(name: string): Promise<TransferState> {
		return await this.#call("sent", { name });
	}

	/** What has been received so far; null: nothing has begun. */
	async received(name: string): Promise<TransferState | null> {
		return await this.#call("received", { name });
	}

	/** Waits for the transfer's end. */
	async result(name: string): Promise<TransferState> {
		return await this.#call("result", { name });
	}

	async lives(): Promise<Life[]> {
		return await this.#call("lives");
	}

	async events(): Promise<{ readonly atMs: number; readonly event: { readonly type: string } }[]> {
		return await this.#call("events");
	}

	async channels(): Promise<{ readonly peer: string }[]> {
		return await this.#call("channels");
	}

	async explain(peer: Peer): Promise<unknown> {
		return await this.#call("explain", { peer: peer.id });
	}

	/** Resolves when the Client is over. */
	async closed(): Promise<{ readonly by: string; readonly code?: string }> {
		return await this.#call("closed");
	}

	async closeChannel(peer: Peer): Promise<void> {
		await this.#call("closeChannel", { peer: peer.id });
	}

	async close(): Promise<void> {
		await this.#actor.call("close", { ids: [this.id] });
	}

	async #call<T>(action: string, argument: object = {}): Promise<T> {
		return await this.#actor.call<T>(action, { id: this.id, ...argument });
	}
}

/** For a failure's message: what both sides know of their path. */
export async function story(one: Peer, other: Peer): Promise<string> {
	const sides = await Promise.all(
		[[one, other] as const, [other, one] as const].map(async ([self, peer]) => ({
			id: self.id,
			explain: await self.explain(peer).catch(String),
			events: await self.events().catch(String),
			lives: await self.lives().catch(String),
		})),
	);
	return `\n${sides.map((side) => JSON.stringify(side)).join("\n")}`;
}

/** Looks every 20 ms until there is something; undefined when the time is over. */
export async function eventually<T>(withinMs: number, look: () => Promise<T | undefined | false | null>): Promise<T | undefined> {
	const end = performance.now() + withinMs;
	do {
		const found = await look();
		if (found !== undefined && found !== false && found !== null) return found;
		await new Promise((resolve) => setTimeout(resolve, 20));
	} while (performance.now() < end);
	return undefined;
}

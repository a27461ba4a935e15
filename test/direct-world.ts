/**
 * What the tests of direct channels at a Coordinator stand on: Clients that speak for themselves, with their own sockets.
 */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Coordinator } from "../packages/conec/src/coordinator/coordinator.ts";
import type { CoordinatorOptions } from "../packages/conec/src/coordinator/options.ts";
import type { CoordinatorStatus } from "../packages/conec/src/index.ts";
import type { ChannelAsk, ChannelGo } from "../packages/conec/src/wire/channel-messages.ts";
import type { MemoryNetwork, MemoryTransport } from "../packages/conec/testing/memory/transport.ts";
import { Speaker } from "./control-table-world.ts";
import { hello, until, World } from "./entities-world.ts";
import { virtualFabric } from "./virtual-fabric.ts";

/** What each side says of itself unless a test says otherwise. */
export const OFFER = { hosts: [], nat: { mapping: "independent", filtering: "by-port" }, punch: true, birthday: false } as const;

/** A Client that takes part in direct channels and says what a test wants. */
export class Wire extends Speaker {
	readonly id: string;
	readonly transport: MemoryTransport;
	readonly datagrams: { data: Uint8Array; from: { address: string; port: number } }[] = [];
	#request = 0;

	constructor(id: string, transport: MemoryTransport, connection: ConstructorParameters<typeof Speaker>[0]) {
		super(connection);
		this.id = id;
		this.transport = transport;
		transport.onDatagram = (data, from) => this.datagrams.push({ data, from });
	}

	/** Asks for a channel; the number of the request. */
	request(peer: string, changes: object = {}): number {
		const request = ++this.#request;
		this.say({ type: "channel-request", request, peer, ...OFFER, auto: false, ...changes });
		return request;
	}

	/** Messages of a type, in order. */
	got<T = Record<string, unknown>>(type: string): T[] {
		return this.messages.filter((message) => message["type"] === type) as T[];
	}

	/** Waits for the message number `count` of a type. */
	async gets<T = Record<string, unknown>>(type: string, count = 1): Promise<T> {
		await until(() => this.got(type).length >= count || this.over !== undefined);
		const found = this.got<T>(type)[count - 1];
		assert.ok(found !== undefined, `${this.id} waited for ${type} ${count}; heard ${this.heard.join(", ")}; ${JSON.stringify(this.over)}`);
		return found;
	}

	/** Everything said before has been dealt with, and everything that it caused here has come. */
	async settled(): Promise<this> {
		await this.isAnswered(1_000_000 + this.messages.length);
		return this;
	}
}

/** A Coordinator in a network of its own. */
export interface DirectScene {
	readonly world: World;
	readonly network: MemoryNetwork;
	readonly coordinator: Coordinator;
	readonly statuses: CoordinatorStatus[];
	/** A welcomed Client. */
	readonly enter: (id: string, capabilities?: readonly string[]) => Promise<Wire>;
	/** From request to go on both sides. */
	readonly introduce: (
		from: Wire,
		to: Wire,
		changes?: object,
		answer?: object,
	) => Promise<{ request: number; ask: ChannelAsk; dial: ChannelGo; accept: ChannelGo }>;
}

export async function directScene(t: TestContext, options: CoordinatorOptions = {}): Promise<DirectScene> {
	const fabric = virtualFabric("memory");
	const { network } = fabric;
	const world = await World.create(t, fabric, options);
	const statuses: CoordinatorStatus[] = [];
	void (async () => {
		for await (const status of world.coordinator.status()) statuses.push(status);
	})();
	const enter = async (id: string, capabilities: readonly string[] = ["direct"]): Promise<Wire> => {
		const { transport, connection } = await world.dial();
		const wire = new Wire(id, transport as MemoryTransport, connection);
		wire.say({ ...hello(id), capabilities });
		await wire.hears("welcome");
		return wire;
	};
	const introduce: DirectScene["introduce"] = async (from, to, changes = {}, answer = {}) => {
		const asks = (): ChannelAsk[] => to.got<ChannelAsk>("channel-ask").filter(({ peer }) => peer.id === from.id);
		const [before, dials, accepts] = [asks().length, from.got("channel-go").length, to.got("channel-go").length];
		const request = from.request(to.id, changes);
		await until(() => asks().length > before);
		const ask = asks()[before] as ChannelAsk;
		to.say({ type: "channel-answer", token: ask.token, accept: true, ...OFFER, ...answer });
		const dial = await from.gets<ChannelGo>("channel-go", dials + 1);
		return { request, ask, dial, accept: await to.gets<ChannelGo>("channel-go", accepts + 1) };
	};
	return { world, network, coordinator: world.coordinator, statuses, enter, introduce };
}

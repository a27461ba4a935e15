/**
 * The direct channels of one Client, with a Coordinator and peers that say what a test wants, on a virtual clock.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { ClientChannelStatus, DirectHost } from "../src/client/direct/host.ts";
import { DirectChannels } from "../src/client/direct/service.ts";
import { NAT_UNKNOWN } from "../src/client/network/nat-check.ts";
import type { OwnNetwork } from "../src/client/network/own-network.ts";
import { ownPlace } from "../src/client/network/own-place.ts";
import { createPunchKeys } from "../src/client/punch/datagrams.ts";
import type { CoordinatorLink } from "../src/client/uplink/coordinator-link.ts";
import { clientRequests } from "../src/client/uplink/questions.ts";
import { ConecError } from "../src/errors.ts";
import { type ClientLimits, resolveLimits } from "../src/limits.ts";
import { StreamIds } from "../src/session/stream-ids.ts";
import type { LocalIdentity } from "../src/tls/identity.ts";
import { makeSelfSigned } from "../src/tls/self-signed.ts";
import type { IncomingStream, SocketAddress, StreamHandler, TransportCloseInfo, TransportConnection, TransportStream } from "../src/transport/transport.ts";
import type { ChannelAsk, ChannelGo, ChannelMessageOfClient, ChannelMessageOfCoordinator } from "../src/wire/channel-messages.ts";
import { decodeDatagram } from "../src/wire/datagrams.ts";
import type { WirePeer } from "../src/wire/fields.ts";
import { FRAME } from "../src/wire/frames.ts";
import { createMemoryNetwork, type MemoryNetwork, type MemoryPacket, type MemoryTransport } from "./memory/transport.ts";
import { createVirtualClock, type VirtualClock } from "./memory/virtual-clock.ts";

export const CLIENT_ID = "carol";
export const LOCAL = "127.0.0.1";

/** Different for each number. */
export const tokenOf = (n: number): string => n.toString(16).padStart(32, "0");

const identities: Map<string, Promise<LocalIdentity>> = new Map();

/** One identity for each name: making keys takes time. */
export function identityOf(name: string): Promise<LocalIdentity> {
	let identity = identities.get(name);
	if (identity === undefined) {
		identity = makeSelfSigned({ names: [name] }, "ephemeral");
		identities.set(name, identity);
	}
	return identity;
}

/** One end of a direct channel on which anything can be said. */
export class Talker {
	readonly connection: TransportConnection;
	readonly messages: Record<string, unknown>[] = [];
	over: TransportCloseInfo | undefined;
	stream: TransportStream | undefined;
	readonly handler: StreamHandler;

	constructor(connection: TransportConnection) {
		this.connection = connection;
		void connection.closed.then((info) => {
			this.over = info;
		});
		const nothing = (): void => undefined;
		this.handler = {
			...{ end: nothing, reset: nothing, stopped: nothing, drained: nothing, finished: nothing, lost: nothing },
			frame: (kind, payload) => {
				// Others say nothing: one keeps a quiet connection.
				if (kind === FRAME.CONTROL) this.messages.push(JSON.parse(Buffer.from(payload).toString()) as Record<string, unknown>);
				this.stream?.consumed(payload.length);
			},
		};
	}

	say(message: unknown, kind: number = FRAME.CONTROL): this {
		const payload = new TextEncoder().encode(JSON.stringify(message));
		if (this.stream === undefined) this.stream = this.connection.openStream({ kind, payload }, this.handler);
		else this.stream.write(kind, payload);
		return this;
	}
}

/** A peer, by its own word. */
export class Peer {
	readonly peer: WirePeer;
	readonly identity: LocalIdentity;
	readonly transport: MemoryTransport;
	readonly datagrams: Uint8Array[] = [];
	readonly #rig: Rig;

	constructor(rig: Rig, id: string, identity: LocalIdentity) {
		this.#rig = rig;
		this.identity = identity;
		this.peer = { id, fingerprint: identity.fingerprint };
		this.transport = rig.network.createTransport({ host: LOCAL });
		this.transport.onDatagram = (data) => this.datagrams.push(data);
	}

	/** The Coordinator's word that it wants a channel. */
	ask(token: string, changes: Partial<ChannelAsk> = {}): ChannelAsk {
		return { type: "channel-ask", token, peer: this.peer, expiresInMs: 10_000, ...changes };
	}

	/** The Coordinator's word to begin with this peer. */
	go(token: string, changes: Partial<ChannelGo> = {}): ChannelGo {
		return {
			...{
				type: "channel-go",
				token,
				role: "accept",
				peer: this.peer,
				certificate: Buffer.from(this.identity.certificates[0] as Uint8Array).toString("base64"),
			},
			...{ candidates: [{ ...this.transport.address, kind: "reflexive", packets: 64 }], nat: NAT_UNKNOWN, punch: true, waitMs: 0, deadlineMs: 5_000 },
			...changes,
		};
	}

	/** The Coordinator brings it and the Client together: both have agreed, and the Client waits for its connection. */
	async begin(token: string): Promise<void> {
		const { clock, hear } = this.#rig;
		hear(this.ask(token));
		await clock.advance(0);
		hear(this.go(token));
		await clock.advance(0);
	}

	/** A connection to the Client, without a hello. */
	async dial(identity: LocalIdentity = this.identity, from: MemoryTransport = this.transport): Promise<Talker> {
		const { transport, identity: client, clock } = this.#rig;
		const dialled = from.dial({
			...{ address: LOCAL, port: transport.address.port, serverName: "peer.conec.invalid", trust: { pinnedKeys: [hexOf(client.fingerprint)] } },
			...{ identity, alpnProtocol: "conec-direct/1", handshakeTimeoutMs: 1_000 },
		});
		dialled.catch(() => undefined);
		await clock.advance(0);
		return new Talker(await dialled);
	}

	/** A connection on which it has said hello. */
	async greet(token: string, identity?: LocalIdentity): Promise<Talker> {
		const talker = (await this.dial(identity)).say({
			type: "hello",
			versions: [2],
			token,
			capabilities: [],
			limits: { messageBytes: 1_048_576, metadataBytes: 1_024, connectionWindowBytes: 1_048_576 },
		});
		await this.#rig.clock.advance(0);
		return talker;
	}

	/** Accepts the Client that dials, and shows each connection. */
	accept(onHello: (incoming: IncomingStream, talker: Talker) => void): void {
		this.transport.accept({
			...{ identity: this.identity, clientTrust: {}, alpnProtocols: ["conec-direct/1"], retry: "never", undecidedCode: 2, keyLog: false, connections: 1_000 },
			onConnection: (connection) => {
				connection.onStream = (incoming) => onHello(incoming, new Talker(connection));
			},
		});
	}

	/** Sends a probe of the attempt, and answers every one that has come by now and will come. */
	answerProbes(token: string, role: "dial" | "accept"): void {
		const keys = createPunchKeys(token, role);
		const { address } = this.#rig.transport;
		this.transport.onDatagram = (data, from) => {
			this.datagrams.push(data);
			if (data[0] === 0x10) this.transport.sendDatagram(keys.answer(Buffer.from(data.subarray(9, 17)).toString("hex"), from), from);
		};
		this.transport.sendDatagram(keys.probe("00000000000000aa"), address);
	}
}

/** What {@link rig} sets. */
export interface Rig {
	readonly clock: VirtualClock;
	readonly network: MemoryNetwork;
	readonly transport: MemoryTransport;
	/** Where the Coordinator is. */
	readonly coordinator: SocketAddress;
	readonly identity: LocalIdentity;
	readonly direct: DirectChannels;
	/** The Coordinator says something. */
	readonly hear: (message: ChannelMessageOfCoordinator) => void;
	/** What the Coordinator has been told. */
	readonly said: ChannelMessageOfClient[];
	readonly statuses: ClientChannelStatus[];
	/** Datagrams that this Client has sent. */
	readonly packets: { readonly to: SocketAddress; readonly data: Uint8Array }[];
	/** Where this Client has dialled. */
	readonly dials: SocketAddress[];
	/** Streams of peers. */
	readonly streams: IncomingStream[];
	/** Times that the application has been asked. */
	readonly asked: string[];
	/** Pings without an answer to the Coordinator. */
	pokes: number;
	/** Takes the Coordinator away. */
	readonly lose: () => void;
	/** Another connection to it. */
	readonly regain: () => void;
	readonly peer: (id: string) => Promise<Peer>;
	/** A channel that `peer` has dialled. */
	readonly up: (peer: Peer, token: string) => Promise<Talker>;
	/** Nothing is kept any more, and no timer runs. */
	readonly assertEmpty: () => Promise<void>;
}

/** The direct channels of a Client called {@link CLIENT_ID}. */
export async function rig(
	t: TestContext,
	options: Partial<DirectHost> & {
		readonly bounds?: Partial<ClientLimits>;
		readonly known?: () => Promise<void>;
		readonly coordinatorAt?: string;
		readonly machine?: readonly string[];
	} = {},
): Promise<Rig> {
	const clock = createVirtualClock();
	const network = createMemoryNetwork({ clock });
	const limits = resolveLimits(options.bounds ?? {}, "client");
	const [identity, transport] = [await identityOf(CLIENT_ID), network.createTransport({ host: LOCAL, limits })];
	const coordinator = { address: options.coordinatorAt ?? LOCAL, port: network.createTransport({ host: LOCAL }).address.port };
	const { said, statuses, packets, dials, streams, asked } = { said: [], statuses: [], packets: [], dials: [], streams: [], asked: [] } as {
		[K in "said" | "statuses" | "packets" | "dials" | "streams" | "asked"]: Rig[K];
	};
	network.onPacket = (packet: MemoryPacket) => {
		if (packet.from.port !== transport.address.port) return true;
		if (packet.type === "datagram") packets.push(packet);
		else dials.push(packet.to);
		return true;
	};
	const say = (message: ChannelMessageOfClient): void => void said.push(message);
	const linkOf = () => ({
		rttMs: 0,
		connection: { remoteAddress: coordinator },
		requests: clientRequests((message) => (message.type === "channel-request" ? say(message) : assert.fail(message.type)), limits, clock),
		send: say,
		poke: () => void made.pokes++,
	});
	let present: ReturnType<typeof linkOf> | undefined = linkOf();
	const direct = new DirectChannels({
		...{
			id: CLIENT_ID,
			identity,
			limits,
			ids: new StreamIds(),
			clock,
			transport,
			listen: true,
			holePunching: true,
			birthday: false,
			peerRoots: undefined,
			endAtExpiry: false,
		},
		...{ retry: "never", keyLog: false, keepAliveIntervalMs: 0 },
		createTransport: ({ host, port }) => network.createTransport({ host, port, limits }),
		transportOptions: { host: LOCAL, port: 0, limits, role: "client" },
		network: {
			nat: NAT_UNKNOWN,
			...{ hosts: () => [], settled: options.known ?? (() => Promise.resolve()), mapped: () => undefined, changed: () => false },
			// Not the machine's own interfaces: whoever runs the tests has any addresses.
			place: (at?: CoordinatorLink) =>
				ownPlace(
					{ socket: transport.address, observed: undefined, coordinator: at?.connection.remoteAddress },
					{ eth0: (options.machine ?? []).map((address) => ({ address, netmask: "255.255.255.0" })) },
				),
		} as unknown as OwnNetwork,
		link: () => present as unknown as CoordinatorLink | undefined,
		consents: (peer) => {
			asked.push(peer.id);
			return Promise.resolve(true);
		},
		onStream: (incoming) => void streams.push(incoming),
		emit: (status) => void statuses.push(status),
		lessLeft: () => undefined,
		...options,
	});
	transport.onDatagram = (data, from) => {
		const datagram = decodeDatagram(data);
		if (datagram.ok) direct.datagram(datagram.value, from);
	};
	const made: Rig = {
		...{ clock, network, transport, coordinator, identity, direct, said, statuses, packets, dials, streams, asked, pokes: 0 },
		hear: (message) => {
			if (present?.requests.answered(message) !== true) direct.received(message);
		},
		lose: () => {
			present?.requests.end(new ConecError("COORDINATOR_LOST", "the test took it away"));
			present = undefined;
		},
		regain: () => {
			present = linkOf();
		},
		peer: async (id) => new Peer(made, id, await identityOf(id)),
		async up(peer, token) {
			await peer.begin(token);
			const talker = await peer.greet(token);
			assert.equal(talker.messages[0]?.["type"], "welcome");
			return talker;
		},
		async assertEmpty() {
			await clock.advance(60_000);
			assert.equal(direct.size, 0, "something is kept");
			assert.equal(clock.pending, 0, "a timer runs");
			assert.equal(network.openConnections + network.liveStreams, 0);
		},
	};
	t.after(() => {
		direct.destroy(new ConecError("CLIENT_CLOSED", "the test is over"));
		transport.destroy();
	});
	return made;
}

function hexOf(fingerprint: string): Uint8Array {
	return new Uint8Array(Buffer.from(fingerprint.slice("sha256:".length), "hex"));
}

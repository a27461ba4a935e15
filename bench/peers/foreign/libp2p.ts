/**
 * libp2p: TCP with Noise and Yamux, or QUIC (`CONEC_BENCH_QUIC=1`). Proxied through a circuit relay without limits. It needs Node.js 22.
 *
 * @module
 */

import { once } from "node:events";
import { noise } from "@chainsafe/libp2p-noise";
import { quic } from "@chainsafe/libp2p-quic";
import { yamux } from "@chainsafe/libp2p-yamux";
import { circuitRelayServer, circuitRelayTransport } from "@libp2p/circuit-relay-v2";
import { identify } from "@libp2p/identify";
import { tcp } from "@libp2p/tcp";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p, type Libp2p, type Libp2pOptions } from "libp2p";
import { Player } from "../../roles/carried.ts";
import { frame, Unframer } from "../roles/frames.ts";
import { type Path, serveStack } from "../roles/stack.ts";

interface Hub {
	readonly address: string;
}

interface There extends Hub {
	readonly peer: string;
}

/** The stream as we use it. */
interface Stream extends EventTarget {
	send(data: Uint8Array): boolean;
}

const OVER_QUIC = process.env["CONEC_BENCH_QUIC"] === "1";
const LISTEN = OVER_QUIC ? "/ip4/127.0.0.1/udp/0/quic-v1" : "/ip4/127.0.0.1/tcp/0";
const RELAYED = { services: { identify: identify() }, transports: [circuitRelayTransport()] };
const PROTOCOL = "/conec-bench/1";
const kept: Libp2p[] = [];
let node: Libp2p | undefined;

serveStack<Hub, There>({
	hub: async () => {
		const relay = circuitRelayServer({ reservations: { applyDefaultLimit: false, maxReservations: 1_000 } });
		node = await start([LISTEN], { services: { identify: identify(), relay } });
		return { address: addressOf(node) };
	},
	receiver: async (hub, paths) => {
		const relayed = paths.includes("proxied");
		node = await start([LISTEN, ...(relayed ? [`${hub.address}/p2p-circuit`] : [])], relayed ? RELAYED : {});
		const play = (stream: Stream): void => {
			const player = new Player((message) => send(stream, message));
			read(stream, (message) => player.message(message));
		};
		await node.handle(PROTOCOL, (stream) => play(stream as unknown as Stream), { runOnLimitedConnection: true, maxInboundStreams: 10_000 });
		if (relayed) await reserved(node);
		return { address: addressOf(node), peer: node.peerId.toString() };
	},
	open: async (path, places, received) => {
		const one = await start([], path === "proxied" ? RELAYED : {});
		kept.push(one);
		const stream = (await one.dialProtocol(targetOf(path, places.hub, places.receiver), PROTOCOL, { runOnLimitedConnection: true })) as unknown as Stream;
		read(stream, received);
		return { push: (message) => send(stream, message) };
	},
	connect: async (places, _name, stays) => {
		const one = stays ? await start([]) : await dialler();
		if (stays) kept.push(one);
		const connection = await one.dial(multiaddr(places.receiver.address));
		return () => connection.close();
	},
});

async function start(listen: readonly string[], { services = {}, transports = [] }: Pick<Libp2pOptions, "services" | "transports"> = {}): Promise<Libp2p> {
	return createLibp2p({
		addresses: { listen: [...listen] },
		transports: [OVER_QUIC ? quic() : tcp(), ...transports],
		...(OVER_QUIC ? {} : { connectionEncrypters: [noise()], streamMuxers: [yamux()] }),
		connectionManager: { maxConnections: 2_000, inboundConnectionThreshold: 10_000, maxIncomingPendingConnections: 1_000 },
		connectionMonitor: { enabled: false },
		services,
	});
}

/** The node whose connections come and go: it is made once. They come one after another. */
async function dialler(): Promise<Libp2p> {
	node ??= await start([]);
	return node;
}

function targetOf(path: Path, hub: Hub, receiver: There) {
	return multiaddr(path === "direct" ? receiver.address : `${hub.address}/p2p-circuit/p2p/${receiver.peer}`);
}

function addressOf(one: Libp2p): string {
	const address = one
		.getMultiaddrs()
		.map(String)
		.find((text) => text.startsWith("/ip4/127.0.0.1") && !text.includes("p2p-circuit"));
	if (address === undefined) throw new Error("the node listens nowhere");
	return address;
}

/** Waits until the relay has a place for it. */
async function reserved(one: Libp2p): Promise<void> {
	const deadline = performance.now() + 20_000;
	while (!one.getMultiaddrs().some((address) => String(address).includes("p2p-circuit"))) {
		if (performance.now() > deadline) throw new Error("no reservation at the relay after 20 s");
		// The event tells of every change of the node's own addresses.
		await Promise.race([once(one as never, "self:peer:update"), new Promise((resolve) => setTimeout(resolve, 250))]);
	}
}

/** `stream.onDrain()` of libp2p 3.3 resolves at once from the second time on, so we wait for the event. */
function send(stream: Stream, message: Uint8Array): Promise<unknown> | undefined {
	return stream.send(frame(message)) ? undefined : new Promise((resolve) => stream.addEventListener("drain", resolve, { once: true }));
}

function read(stream: Stream, onMessage: (message: Uint8Array) => void): void {
	const frames = new Unframer(onMessage);
	stream.addEventListener("message", (event) => {
		const { data } = event as Event & { data: Uint8Array | { subarray(): Uint8Array } };
		frames.push(data instanceof Uint8Array ? data : data.subarray());
	});
}

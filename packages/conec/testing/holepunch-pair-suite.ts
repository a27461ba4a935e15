/**
 * Two Clients that punch at each other through modelled NATs, with real datagrams and a handshake of three packets in
 * place of QUIC, for tests.
 *
 * @module
 */

import { createPunchKeys, type PunchKeys } from "../src/client/punch/datagrams.ts";
import { HolePunch } from "../src/client/punch/machine.ts";
import type { PunchAction, PunchPlan } from "../src/client/punch/plan.ts";
import type { SocketAddress } from "../src/transport/transport.ts";
import type { ChannelCandidate, NatReport } from "../src/wire/channel-messages.ts";
import { decodeDatagram } from "../src/wire/datagrams.ts";
import { type ModelSocket, type NatType, Network, type Site } from "./nat-model-suite.ts";

/** What one side of a pair is like. */
export interface SideOptions {
	readonly nat: NatType;
	/** Whether it probes. @default true */
	readonly punch?: boolean;
	/** What it knows of its NAT: the truth, or nothing. @default "nothing" */
	readonly knows?: "truth" | "nothing";
	readonly birthday?: "hard" | "easy";
	/** Begins that much later. @default 0 */
	readonly lateMs?: number;
}

/** A pair to run. */
export interface PairOptions {
	readonly dialler: SideOptions;
	readonly acceptor: SideOptions;
	/** Both hosts are behind one NAT, that of the dialler. @default false */
	readonly sameSite?: boolean;
	/** @default 100 */
	readonly rttMs?: number;
	/** @default 1_000 */
	readonly deadlineMs?: number;
	readonly loss?: number;
	readonly seed?: number;
	/** Handshakes that come to nothing first. @default 0 */
	readonly failingDials?: number;
}

/** How it went. */
export interface PairResult {
	readonly up: boolean;
	/** From the start to the first `dial`, and to both sides being up. */
	readonly dialMs: number | undefined;
	readonly upMs: number | undefined;
	readonly dialled: readonly SocketAddress[];
	readonly dialler: Client;
	readonly acceptor: Client;
	/** When the last packet of the attempt went out, after the start. */
	readonly lastPacketMs: number;
}

const COORDINATOR = { address: "192.0.2.10", port: 1719 };
const SECOND_PORT = { ...COORDINATOR, port: 1720 };
const TOKEN = "000102030405060708090a0b0c0d0e0f";

/** Packets of the handshake are sent that often, as QUIC would. */
const RESEND_MS = [0, 200, 500, 1000, 1700];

/** Runs one attempt to its end. */
export function runPair(options: PairOptions): PairResult {
	const rttMs = options.rttMs ?? 100;
	const network = new Network({ oneWayMs: rttMs / 2, seed: options.seed ?? 1 });
	const observed = new Map<string, SocketAddress[]>();
	coordinatorSite(network, observed);
	const siteA = network.site(options.dialler.nat, "203.0.113.2");
	const siteB = options.sameSite === true ? siteA : network.site(options.acceptor.nat, "203.0.113.10");
	const dialler = new Client("dial", network, siteA, options.dialler, "10.0.1.2");
	const acceptor = new Client("accept", network, siteB, options.acceptor, options.sameSite === true ? "10.0.1.3" : "10.0.2.2");
	for (const client of [dialler, acceptor]) client.meetCoordinator();
	network.runUntil(rttMs + 10);
	const startedAt = rttMs + 10;
	network.loss = options.loss ?? 0;
	dialler.failingDials = options.failingDials ?? 0;
	for (const [client, peer] of [
		[dialler, acceptor],
		[acceptor, dialler],
	] as const) {
		network.later(startedAt + (client.options.lateMs ?? 0) - network.now, () =>
			client.begin(peer, observed.get(client.name) ?? [], observed.get(peer.name) ?? [], { rttMs, deadlineMs: options.deadlineMs ?? 1000 }),
		);
	}
	network.runUntil(startedAt + 20_000, () => dialler.upAt !== undefined && acceptor.upAt !== undefined);
	const up = dialler.upAt !== undefined && acceptor.upAt !== undefined;
	const since = (at: number | undefined): number | undefined => (at === undefined ? undefined : at - startedAt);
	return {
		up,
		dialMs: since(dialler.dialledAt),
		upMs: up ? since(Math.max(dialler.upAt as number, acceptor.upAt as number)) : undefined,
		dialled: dialler.dialled,
		dialler,
		acceptor,
		lastPacketMs: (network.carried.at(-1)?.at ?? startedAt) - startedAt,
	};
}

function coordinatorSite(network: Network, observed: Map<string, SocketAddress[]>): void {
	const site = network.site("none", COORDINATOR.address);
	for (const address of [COORDINATOR, SECOND_PORT]) {
		site.open(address, (payload, from) => {
			const name = String(payload);
			observed.set(name, [...(observed.get(name) ?? []), from]);
		});
	}
}

/** One Client: performs the actions of its machine. */
export class Client {
	readonly name: string;
	readonly options: SideOptions;
	readonly #network: Network;
	readonly #site: Site;
	readonly #host: string;
	readonly #keys: PunchKeys;
	readonly #sockets: ModelSocket[] = [];
	/** Raw datagrams sent, by IP address. */
	readonly sentTo: Map<string, number> = new Map();
	readonly actions: PunchAction[] = [];
	machine: HolePunch | undefined;
	upAt: number | undefined;
	upOn: number | undefined;
	dialledAt: number | undefined;
	failingDials = 0;
	readonly dialled: SocketAddress[] = [];

	constructor(role: "dial" | "accept", network: Network, site: Site, options: SideOptions, host: string) {
		this.name = role;
		this.options = options;
		this.#network = network;
		this.#site = site;
		this.#host = site.type === "none" || site.type === "fw" ? site.publicAddress : host;
		this.#keys = createPunchKeys(TOKEN, role);
		this.#open(5000);
	}

	/** Why it gave up. */
	get reason(): string | undefined {
		const last = this.actions.find((action) => action.type === "failed");
		return last?.type === "failed" ? last.reason : undefined;
	}

	get site(): Site {
		return this.#site;
	}

	/** Its own addresses, for the peer. */
	get host(): SocketAddress {
		return { address: this.#host, port: 5000 };
	}

	/** Two destinations, so that a port step could be seen. */
	meetCoordinator(): void {
		for (const to of [COORDINATOR, SECOND_PORT]) this.#sockets[0]?.send(to, this.name);
	}

	begin(peer: Client, own: readonly SocketAddress[], peers: readonly SocketAddress[], { rttMs, deadlineMs }: { rttMs: number; deadlineMs: number }): void {
		const reflexive = peers[0];
		if (own.length === 0 || reflexive === undefined) return;
		const candidates: ChannelCandidate[] = [{ ...reflexive, kind: "reflexive", packets: grantOf(this.options) }];
		if (peer.host.address !== reflexive.address) candidates.push({ ...peer.host, kind: "host", packets: 6 });
		const plan: PunchPlan = {
			role: this.name as PunchPlan["role"],
			candidates,
			ownNat: natReport(this.options, own),
			peerNat: natReport(peer.options, peers),
			punch: this.options.punch ?? true,
			peerPunch: peer.options.punch ?? true,
			birthday: this.options.birthday,
			coordinatorRttMs: rttMs,
			waitMs: 0,
			deadlineMs,
		};
		this.machine = new HolePunch(plan, this.#network.random);
		this.#perform(this.machine.start(this.#network.now));
	}

	#open(port: number): void {
		const index = this.#sockets.length;
		this.#sockets.push(this.#site.open({ address: this.#host, port }, (payload, from) => this.#receive(index, payload, from)));
	}

	#receive(socket: number, payload: unknown, from: SocketAddress): void {
		const now = this.#network.now;
		if (payload instanceof Uint8Array) {
			const decoded = decodeDatagram(payload);
			const content = decoded.ok ? this.#keys.open(decoded.value) : undefined;
			if (content !== undefined && this.machine !== undefined) {
				this.#perform(this.machine.received(now, { type: content.type, nonce: content.nonce, from, socket }));
			}
			return;
		}
		if (payload === "initial" && this.name === "accept" && this.machine !== undefined) this.#sockets[socket]?.send(from, "reply");
		// A QUIC client takes packets from the address that it dialled only.
		if (payload === "reply" && this.dialled.some(({ address, port }) => address === from.address && port === from.port)) {
			if (this.upAt !== undefined) return;
			this.#isUp(socket);
			for (const delayMs of RESEND_MS) this.#network.later(delayMs, () => this.#sockets[socket]?.send(from, "done"));
		}
		if (payload === "done") this.#isUp(socket);
	}

	#isUp(socket: number): void {
		if (this.upAt !== undefined) return;
		this.upAt = this.#network.now;
		this.upOn = socket;
		this.machine?.end();
	}

	#perform(actions: readonly PunchAction[]): void {
		const now = this.#network.now;
		this.actions.push(...actions);
		for (const action of actions) {
			if (action.type === "send") {
				this.sentTo.set(action.to.address, (this.sentTo.get(action.to.address) ?? 0) + 1);
				const { datagram } = action;
				const bytes = datagram.type === "probe" ? this.#keys.probe(datagram.nonce) : this.#keys.answer(datagram.nonce, datagram.observed);
				this.#sockets[action.socket]?.send(action.to, bytes);
			} else if (action.type === "dial") {
				this.#dial(action.socket, action.to);
			} else if (action.type === "open-sockets") {
				for (let i = 0; i < action.count; i++) this.#open(20_000 + i);
				this.#network.later(0, () => this.#perform(this.machine?.socketsOpened(this.#network.now, action.count) ?? []));
			}
		}
		const at = this.machine?.nextTickAt;
		if (at !== undefined) this.#network.later(at - now, () => this.#tick(at));
	}

	#tick(at: number): void {
		if (this.machine?.nextTickAt === at) this.#perform(this.machine.tick(this.#network.now));
	}

	#dial(socket: number, to: SocketAddress): void {
		this.dialledAt ??= this.#network.now;
		const works = this.failingDials-- <= 0;
		if (works) this.dialled.push(to);
		for (const delayMs of works ? RESEND_MS : []) {
			this.#network.later(delayMs, () => {
				if (this.upAt === undefined) this.#sockets[socket]?.send(to, "initial");
			});
		}
		this.#network.later(works ? 2000 : 100, () => {
			if (this.upAt === undefined) this.#perform(this.machine?.dialFailed(this.#network.now, socket, to) ?? []);
		});
	}
}

/** Datagrams to the reflexive address in one attempt, as a Coordinator grants them. */
export function grantOf({ birthday }: SideOptions): number {
	return 64 + (birthday === undefined ? 0 : birthday === "easy" ? 2048 : 512);
}

function natReport({ nat, knows }: SideOptions, observed: readonly SocketAddress[]): NatReport {
	if (knows !== "truth") return { mapping: "unknown", filtering: "unknown" };
	const filtering = nat === "none" || nat === "full" || nat === "addr" ? "open" : "by-port";
	if (nat === "none" || nat === "fw") return { mapping: "none", filtering };
	if (nat === "sym") return { mapping: "dependent", filtering };
	if (nat !== "symseq") return { mapping: "independent", filtering };
	const [first, second] = observed.map(({ port }) => port) as [number, number];
	return { mapping: "dependent", portStep: second - first, lastPort: second, filtering };
}

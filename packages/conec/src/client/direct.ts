/**
 * The direct channels of a Client: those that are up, and how new ones come about.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { ConecError } from "../errors.ts";
import type { CloseInfo } from "../stream/close-info.ts";
import type { SocketAddress, Transport } from "../transport/transport.ts";
import type { ChannelAsk, ChannelGo, ChannelMessageOfCoordinator, ChannelOffer, ChannelRefusalCode, ChannelRefused } from "../wire/channel-messages.ts";
import { CLOSE_CODES, RESET_CODES } from "../wire/codes.ts";
import { Acceptance } from "./acceptance.ts";
import type { Attempt } from "./attempt.ts";
import { DirectChannel } from "./channel.ts";
import { dialDirectly } from "./dial-direct.ts";
import type { DirectGreeting } from "./direct-handshake.ts";
import type { DirectHost } from "./direct-host.ts";
import { LinkWatches } from "./link-watches.ts";
import { PacketLimiter } from "./packet-limiter.ts";
import { PathMemory } from "./path-memory.ts";
import { createPunchKeys } from "./punch-datagrams.ts";
import { Punching } from "./punching.ts";
import { Wish } from "./wish.ts";

/** See the module. */
export class DirectChannels {
	readonly memory: PathMemory;
	readonly #host: DirectHost;
	readonly #acceptance: Acceptance;
	readonly #limiter: PacketLimiter;
	readonly #watches: LinkWatches;
	/** By peer: take streams. */
	readonly #open: Map<string, DirectChannel> = new Map();
	/** Those, and others that are being closed. */
	readonly #all: Set<DirectChannel> = new Set();
	/** By peer. */
	readonly #wishes: Map<string, Wish> = new Map();
	/** By token. */
	readonly #attempts: Map<string, Attempt> = new Map();
	#lastRequest = 0;
	#ended: ConecError | undefined;

	constructor(host: DirectHost) {
		const { identity, limits, retry, keyLog, peerRoots } = host;
		this.#host = host;
		this.memory = new PathMemory(limits.pathReports);
		this.#acceptance = new Acceptance({ identity, limits, retry, keyLog, peerRoots });
		this.#limiter = new PacketLimiter({ packetsPerMinute: limits.punchPacketsPerMinute });
		this.#watches = new LinkWatches(host.clock, (channel) => this.#suspect(channel));
	}

	/** Channels that take streams. */
	channels(): DirectChannel[] {
		return [...this.#open.values()];
	}

	/** The channel to a peer, if it takes streams. */
	find(peer: string): DirectChannel | undefined {
		return this.#open.get(peer);
	}

	/** Whether a channel to a peer is being tried. */
	trying(peer: string): boolean {
		return this.#wishes.has(peer) || [...this.#attempts.values()].some((attempt) => attempt.peer.id === peer);
	}

	/** Whether nothing is left that lives without the Coordinator. */
	get idle(): boolean {
		return this.#all.size === 0 && ![...this.#attempts.values()].some(({ phase }) => phase.type === "punching");
	}

	/** The channel to a peer: the one there is, or one that comes about. Rejects like `Client.openChannel`. `auto`: not where there is no hope. */
	async connect(peer: string, options: { readonly auto?: boolean; readonly signal?: AbortSignal | undefined } = {}): Promise<DirectChannel> {
		const { auto = false, signal } = options;
		signal?.throwIfAborted();
		const open = this.#open.get(peer);
		if (open !== undefined) return open;
		if (this.#ended !== undefined) throw this.#ended;
		let wish = this.#wishes.get(peer);
		if (wish === undefined) {
			const taken = this.#open.size + this.#wishes.size;
			if (taken >= this.#host.limits.channels)
				throw new ConecError("LIMIT_EXCEEDED", `${cannotOpen(peer)}: there are ${taken} already, or being opened`, { peer });
			wish = this.#wish(peer, auto);
		}
		wish.earnest ||= !auto;
		const mine = wish;
		return await mine.wait(signal, () => this.#giveUp(mine, new ConecError("DIRECT_UNAVAILABLE", `${cannotOpen(peer)}: given up`, { peer })));
	}

	/** What the Coordinator says about channels. */
	received(message: ChannelMessageOfCoordinator): void {
		switch (message.type) {
			case "channel-ask":
				return void this.#asked(message);
			case "channel-go":
				return this.#go(message);
			case "channel-refused":
				return this.#refused(message);
			case "channel-cancelled":
				return this.#failed(message.token, message.reason, false);
			case "peer-changed":
				return this.memory.peerChanged(message.peer);
			case "peer-moved":
				return this.#peerMoved(message.peer, message.address);
			case "address":
				return this.#ownMoved();
		}
	}

	/** A datagram beside QUIC has come to the Client's socket, with the label of an attempt or of nothing. */
	datagram(...[datagram, from]: Parameters<Punching["received"]>): void {
		const { content } = datagram;
		if (content.type !== "probe" && content.type !== "answer") return;
		for (const { phase } of this.#attempts.values()) {
			if (phase.type === "punching" && phase.punching.keys.label === content.label) return phase.punching.received(datagram, from);
		}
	}

	/** The Coordinator is gone: what still needs it fails. Channels and attempts whose packets fly go on. */
	coordinatorLost(error: ConecError): void {
		for (const wish of [...this.#wishes.values()]) if (wish.token === undefined) this.#refuse(wish, error);
		for (const { token, phase } of [...this.#attempts.values()]) if (phase.type === "asked") this.#forget(token);
	}

	/** Ends all channels gracefully and everything that is under way at once. */
	async close(error: ConecError): Promise<void> {
		this.#end(error);
		await Promise.all([...this.#all].map((channel) => channel.end(() => error, RESET_CODES.CLIENT_CLOSED)));
	}

	/** Ends everything at once. */
	destroy(error: ConecError): void {
		this.#end(error);
		for (const channel of [...this.#all]) channel.destroy(CLOSE_CODES.CLIENT_CLOSED, error.message);
	}

	#end(error: ConecError): void {
		this.#ended ??= error;
		for (const wish of [...this.#wishes.values()]) this.#giveUp(wish, error);
		for (const token of [...this.#attempts.keys()]) this.#forget(token);
	}

	// Wishes

	#wish(peer: string, auto: boolean): Wish {
		const { limits, clock } = this.#host;
		const timeoutMs = this.#host.birthday ? Math.max(limits.requestTimeoutMs, BIRTHDAY_TIMEOUT_MS) : limits.requestTimeoutMs;
		const wish = new Wish(peer, timeoutMs, clock, () =>
			this.#giveUp(wish, new ConecError("DIRECT_UNAVAILABLE", `${cannotOpen(peer)}: it has not come about within ${timeoutMs / 1_000} s`, { peer })),
		);
		this.#wishes.set(peer, wish);
		// The peer's attempt may be under way already, and grants this wish too.
		for (const attempt of this.#attempts.values()) if (attempt.peer.id === peer) wish.token = attempt.token;
		if (wish.token === undefined) void this.#request(wish, auto);
		return wish;
	}

	async #request(wish: Wish, auto: boolean): Promise<void> {
		wish.request = ++this.#lastRequest;
		wish.requestIsAuto = auto;
		const { request } = wish;
		const offer = await this.#offer();
		if (wish.over || wish.request !== request) return;
		const link = this.#host.link();
		if (link === undefined)
			return this.#refuse(wish, new ConecError("COORDINATOR_LOST", `${cannotOpen(wish.peer)}: the Coordinator is lost`, { peer: wish.peer }));
		link.send({ type: "channel-request", request, peer: wish.peer, auto, ...offer });
	}

	async #offer(): Promise<ChannelOffer> {
		const { holePunching, birthday } = this.#host;
		const { network } = this.#host;
		// Only in the first moments after connecting: what the Coordinator plans is only as good as what it knows of both NATs.
		await network.settled();
		return { hosts: network.hosts(), nat: network.nat, punch: holePunching, birthday };
	}

	#refused({ request, code, reason }: ChannelRefused): void {
		const wish = [...this.#wishes.values()].find((one) => one.request === request);
		if (wish === undefined) return;
		const { peer } = wish;
		wish.request = undefined;
		if (code === "CROSSED") {
			// The peer's request grants this wish; should that have failed meanwhile, this side asks once more.
			if (wish.token === undefined && !wish.crossed) void this.#request(wish, wish.requestIsAuto);
			wish.crossed = true;
			return;
		}
		if (wish.token !== undefined) return;
		if (code === "DIRECT_UNAVAILABLE") {
			if (wish.requestIsAuto && wish.earnest) return void this.#request(wish, false);
			this.memory.despair(peer, reason);
		}
		this.#refuse(wish, new ConecError(code, `${cannotOpen(peer)}: ${reason}`, { peer }));
	}

	#giveUp(wish: Wish, error: ConecError): void {
		if (wish.request !== undefined) this.#host.link()?.send({ type: "channel-cancel", request: wish.request });
		const attempt = wish.token === undefined ? undefined : this.#attempts.get(wish.token);
		this.#refuse(wish, error);
		// What the peer asked for is the peer's to give up.
		if (attempt?.role === "dial") this.#failed(attempt.token, "given up", true);
	}

	#refuse(wish: Wish, error: ConecError): void {
		if (this.#wishes.get(wish.peer) === wish) this.#wishes.delete(wish.peer);
		wish.refuse(error);
	}

	// Attempts

	async #asked({ token, peer, expiresInMs }: ChannelAsk): Promise<void> {
		const { limits, clock, id } = this.#host;
		const answer = (code: ChannelRefusalCode): void => this.#host.link()?.send({ type: "channel-answer", token, accept: false, code });
		const wish = this.#wishes.get(peer.id);
		if (this.#ended !== undefined || !this.#host.listen || peer.id === id) return answer("DECLINED");
		if (wish?.request !== undefined && id < peer.id) return answer("CROSSED");
		if (this.#attempts.size >= limits.attemptsPerClient || (this.#open.size >= limits.channels && !this.#open.has(peer.id))) return answer("BUSY");
		const timer = clock.setTimeout(() => this.#failed(token, "it has expired", false), expiresInMs);
		this.#attempts.set(token, { token, peer, role: "accept", since: clock.now(), phase: { type: "asked", timer } });
		if (wish !== undefined) wish.token = token;
		// Who asks for a channel to somebody wants one with them.
		const consents = wish !== undefined || (await this.#host.consents(peer));
		if (!this.#attempts.has(token)) return;
		if (!consents) {
			this.#forget(token);
			return answer("DECLINED");
		}
		const offer = await this.#offer();
		if (this.#attempts.has(token)) this.#host.link()?.send({ type: "channel-answer", token, accept: true, ...offer });
	}

	#go(go: ChannelGo): void {
		const { token, peer, role, request } = go;
		const wish = this.#wishes.get(peer.id);
		if (this.#ended !== undefined) return;
		if (role === "dial" ? wish?.request !== request || wish === undefined : this.#attempts.get(token)?.peer.id !== peer.id) return;
		const certificate = new Uint8Array(Buffer.from(go.certificate, "base64"));
		if (wish !== undefined) {
			if (role === "dial") wish.request = undefined;
			wish.token = token;
		}
		this.#punch(go, certificate);
	}

	#punch(go: ChannelGo, certificate: Uint8Array): void {
		const { token, peer, role, deadlineMs } = go;
		const host = this.#host;
		const { clock, transport } = host;
		const known = this.#attempts.get(token)?.phase;
		if (known?.type === "punching") return;
		if (known !== undefined) clock.clearTimeout(known.timer);
		const since = clock.now();
		const arrived = (greeting: DirectGreeting, on: Transport): void => this.#up(token, greeting, on, since);
		const expect = (on: Transport): void =>
			this.#acceptance.expect(token, { peer: peer.id, certificate, transport: on, arrived: (greeting) => arrived(greeting, on) });
		const rttMs = host.link()?.rttMs ?? 0;
		const plan = {
			role,
			candidates: go.candidates,
			ownNat: host.network.nat,
			peerNat: go.nat,
			punch: host.holePunching,
			peerPunch: go.punch,
			birthday: go.birthday,
			coordinatorRttMs: rttMs,
			waitMs: go.waitMs,
			// What has not got through by then will not: packets for which there is no hope are not worth their grant.
			deadlineMs:
				go.birthday === undefined ? Math.min(deadlineMs, go.waitMs + Math.round(Math.min(LONGEST_PUNCH_MS, Math.max(LEAST_PUNCH_MS, 12 * rttMs)))) : deadlineMs,
		};
		const granted = new Set(go.candidates.filter(({ kind }) => kind === "reflexive").map(({ address }) => address));
		const punching = new Punching(token, plan, {
			transport,
			createTransport: host.createTransport,
			transportOptions: host.transportOptions,
			clock,
			allow: (to) => !this.#isCoordinator(to) && (granted.has(to.address) || this.#limiter.take(clock.now(), to.address)),
			dial: async (on, to, signal) =>
				arrived(await dialDirectly({ transport: on, to, token, peer: peer.id, certificate, host, timeoutMs: deadlineMs, signal }), on),
			acceptOn: expect,
			failed: (reason) => this.#failed(token, reason, true),
		});
		// The machine has deadlines of its own, and this is for a handshake that hangs.
		const timer = clock.setTimeout(() => this.#failed(token, "it has taken too long", true), deadlineMs + LATE_MS);
		this.#attempts.set(token, { token, peer, role, since, phase: { type: "punching", punching, peerNat: go.nat, timer } });
		if (role === "accept") expect(transport);
		punching.start();
	}

	/** The attempt is over without a channel. */
	#failed(token: string, reason: string, tell: boolean): void {
		const attempt = this.#attempts.get(token);
		const wish = [...this.#wishes.values()].find((one) => one.token === token);
		if (tell) this.#host.link()?.send({ type: "channel-report", token, outcome: "failed", reason });
		if (attempt !== undefined) {
			const peer = attempt.peer.id;
			this.#note(attempt, "failed", reason);
			this.#forget(token);
			if (attempt.phase.type === "punching") this.memory.despair(peer, reason);
		}
		if (wish !== undefined) {
			wish.token = undefined;
			if (wish.request === undefined) this.#refuse(wish, new ConecError("DIRECT_UNAVAILABLE", `${cannotOpen(wish.peer)}: ${reason}`, { peer: wish.peer }));
		}
		if (attempt !== undefined) this.#host.lessLeft();
	}

	#note(attempt: Attempt, outcome: "up" | "failed", reason: string): void {
		const { phase, since, peer } = attempt;
		if (phase.type !== "punching") return;
		const { candidates } = phase.punching.report();
		this.#host.network.mapped(candidates.filter(({ probes }) => probes > 0).length);
		this.memory.note(peer.id, { at: new Date(), outcome, reason, durationMs: this.#host.clock.now() - since, candidates, peerNat: phase.peerNat });
	}

	#forget(token: string): void {
		const phase = this.#attempts.get(token)?.phase;
		this.#attempts.delete(token);
		this.#acceptance.forget(token);
		this.#host.clock.clearTimeout(phase?.timer);
		if (phase?.type === "punching") phase.punching.stop();
	}

	// Channels

	#up(token: string, greeting: DirectGreeting, on: Transport, since: number): void {
		const attempt = this.#attempts.get(token);
		if (attempt?.phase.type !== "punching" || this.#ended !== undefined) return greeting.connection.close(CLOSE_CODES.CLIENT_CLOSED, "too late");
		const peer = attempt.peer.id;
		const { connection, control, peerLimits } = greeting;
		const { limits, ids, transport, clock } = this.#host;
		this.#note(attempt, "up", `direct to ${connection.remoteAddress.address}`);
		attempt.phase.punching.established(on);
		clock.clearTimeout(attempt.phase.timer);
		this.#attempts.delete(token);
		this.#acceptance.forget(token);
		const channel: DirectChannel = new DirectChannel({
			peer,
			connection,
			control,
			dialled: attempt.role === "dial",
			token,
			ids,
			limits: { ...limits, messageBytes: Math.min(limits.messageBytes, peerLimits.messageBytes) },
			onLeaving: () => this.#leaving(channel),
			onEnd: (_, info) => {
				if (on !== transport) on.destroy();
				this.#over(channel, info);
			},
		});
		const before = this.#open.get(peer);
		this.#open.set(peer, channel);
		this.#all.add(channel);
		this.#watches.add(channel);
		connection.onStream = (incoming) => this.#host.onStream(incoming, channel);
		greeting.listen({ leaving: () => channel.peerLeaves(), broken: (closeCode, reason) => channel.destroy(closeCode, reason) });
		// Its peer has asked for a new one, so it has given this one up.
		before?.destroy(CLOSE_CODES.SUPERSEDED, "a newer channel took its place");
		const { remoteAddress } = connection;
		this.#host.link()?.send({ type: "channel-report", token, outcome: "up", address: remoteAddress, rttMs: Math.round(channel.rttMs) });
		this.#host.emit({ type: "channel", peer, state: "up", address: remoteAddress, durationMs: clock.now() - since });
		const wish = this.#wishes.get(peer);
		if (wish === undefined) return;
		this.#wishes.delete(peer);
		wish.grant(channel);
	}

	#leaving(channel: DirectChannel): void {
		if (this.#open.get(channel.peer) === channel) this.#open.delete(channel.peer);
	}

	#over(channel: DirectChannel, info: CloseInfo): void {
		const { peer, token } = channel;
		this.#all.delete(channel);
		this.#watches.delete(channel);
		this.#host.link()?.send({ type: "channel-report", token, outcome: "down", reason: info.reason ?? info.code ?? "closed" });
		this.#host.emit({ type: "channel", peer, state: "down", info });
		// Nobody wanted it to end: whoever finds out first asks for another.
		if (info.by === "error" && this.#ended === undefined && !this.#open.has(peer) && this.#host.link() !== undefined) {
			this.connect(peer).catch(() => undefined);
		}
		this.#host.lessLeft();
	}

	// Paths that move

	/** A channel hears nothing: what is sent now, here and to the Coordinator, shows a new address to both. */
	#suspect(channel: DirectChannel): void {
		channel.poke();
		this.#host.link()?.poke();
	}

	#ownMoved(): void {
		this.memory.ownNetworkChanged();
		for (const channel of this.#all) this.#check(channel, channel.dialled);
	}

	#peerMoved(peer: string, address: SocketAddress): void {
		this.memory.peerChanged(peer);
		for (const channel of this.#all) {
			if (channel.peer !== peer) continue;
			if (channel.dialled) this.#check(channel, false);
			else this.#letIn(channel, address);
		}
	}

	/** Where the side that accepted has moved, QUIC cannot follow (RFC 9000, 9). `mayMove`: this side dialled, and only has to be heard. */
	#check(channel: DirectChannel, mayMove: boolean): void {
		channel.poke();
		if (mayMove) return;
		const patienceMs = Math.max(500, 4 * channel.rttMs);
		void channel.ping(patienceMs).then((alive) => (alive ? undefined : channel.fail("the address of one side has changed")));
	}

	/** The peer dials from another address now: this side's NAT has to expect it there before its packets get in. */
	#letIn(channel: DirectChannel, address: SocketAddress): void {
		const { clock } = this.#host;
		for (const delayMs of [0, 50, 150]) {
			clock.setTimeout(() => {
				if (!this.#all.has(channel) || this.#isCoordinator(address) || !this.#limiter.take(clock.now(), address.address)) return;
				this.#host.transport.sendDatagram(createPunchKeys(channel.token, "accept").probe(randomBytes(8).toString("hex")), address);
			}, delayMs);
		}
		channel.poke();
	}

	/** Where nothing but QUIC and what the Coordinator itself has asked for is ever sent. */
	#isCoordinator({ address, port }: SocketAddress): boolean {
		const coordinator = this.#host.link()?.connection.remoteAddress;
		return coordinator?.address === address && coordinator.port === port;
	}
}

function cannotOpen(peer: string): string {
	return `Cannot open direct channel to "${peer}"`;
}

/** How long packets fly without the birthday method: twelve round trips to the Coordinator, within these bounds. */
const LEAST_PUNCH_MS = 1_500;
const LONGEST_PUNCH_MS = 4_000;

/** Beyond the punching machine's own deadline, for the handshake that it began. */
const LATE_MS = 5_000;

const BIRTHDAY_TIMEOUT_MS = 15_000;

/**
 * The direct channels of a Client: those that are up, and how new ones come about.
 *
 * @module
 */

import type { CloseInfo } from "../../base/close-info.ts";
import { systemRandom } from "../../base/random.ts";
import { throwIfAborted } from "../../base/signals.ts";
import { ConecError } from "../../errors.ts";
import { endAtExpiry } from "../../session/end-at-expiry.ts";
import type { Transport } from "../../transport/transport.ts";
import type { ChannelAsk, ChannelGo, ChannelMessageOfCoordinator, ChannelRefusalCode, ChannelReport } from "../../wire/channel-messages.ts";
import { CLOSE_CODES, RESET_CODES } from "../../wire/codes.ts";
import type { PeerDenied } from "../../wire/own-channels.ts";
import type { DirectGreeting } from "../channel/index.ts";
import { Acceptance, ChannelMoves, channelLists, DirectChannel, endedOnPurpose, isKeyOf, LinkWatches, OwnPacketLimits, ownChannel } from "../channel/index.ts";
import { Punching } from "../punch/index.ts";
import type { AskedPhase, Attempt } from "./attempt.ts";
import { Attempts } from "./attempts.ts";
import { BackgroundAttempts } from "./background-attempts.ts";
import { ChannelSet } from "./channel-set.ts";
import { dialDirectly } from "./dial.ts";
import type { ChannelWatcher, DirectHost } from "./host.ts";
import { PathMemory } from "./path-memory.ts";
import { planAttempt } from "./plan-attempt.ts";
import { Renewals } from "./renewals.ts";
import { fitsOther, fitsOwn, keyOf, type TakenChannels } from "./room.ts";
import { cannotOpen, unavailable, Wishes } from "./wishes.ts";

/** See the module. */
export class DirectChannels {
	readonly memory: PathMemory;
	/** Attempts that nobody waits for. */
	readonly background: BackgroundAttempts;
	/** Hears what becomes of channels. */
	watcher: ChannelWatcher | undefined = undefined;
	readonly #host: DirectHost;
	readonly #acceptance: Acceptance;
	readonly #limits: OwnPacketLimits;
	readonly #watches: LinkWatches;
	readonly #moves: ChannelMoves;
	readonly #renewals: Renewals = new Renewals();
	readonly #wishes: Wishes;
	readonly #channels: ChannelSet = new ChannelSet();
	readonly #attempts: Attempts;
	#ended: ConecError | undefined;

	constructor(host: DirectHost) {
		const { identity, limits, retry, keyLog, peerRoots, keepAliveIntervalMs, clock, random = systemRandom } = host;
		this.#host = host;
		this.#attempts = new Attempts(limits.attemptsPerClient);
		const [now, fraction] = [() => clock.now(), () => random.fraction()];
		this.memory = new PathMemory(limits.pathReports, now, fraction);
		this.background = new BackgroundAttempts({
			...{ clock, random: fraction },
			peers: limits.pathReports,
			needless: (peer) => this.#channels.find(peer) !== undefined || this.#channels.closing(peer) || this.trying(peer) || host.link() === undefined,
			retryAtMs: (peer) => this.memory.retryAtMs(peer),
			attempt: (peer) => this.connect(peer, { auto: true }),
		});
		this.#acceptance = new Acceptance({ identity, limits, retry, keyLog, peerRoots, clock });
		this.#limits = new OwnPacketLimits(limits, clock);
		this.#moves = new ChannelMoves({ clock, random, limiter: this.#limits.claimed, link: () => host.link(), place: () => host.network.place(host.link()) });
		const suspect = (channel: DirectChannel): void => this.#moves.suspect(channel);
		this.#watches = new LinkWatches({ clock, limits, keepAliveIntervalMs, suspect, stalled: (channel) => this.watcher?.stalled(channel) });
		this.#wishes = new Wishes(host, {
			attempt: (peer) => this.#attempts.with(peer)?.token,
			despair: (peer, reason, retryAfterMs) =>
				retryAfterMs === undefined ? this.memory.despair(peer, reason) : this.memory.postpone(peer, reason, retryAfterMs),
			settled: (peer) => this.background.reconsider(peer),
			noRoom: (peer, reason, retryAfterMs, earnest) => {
				this.memory.postpone(peer, reason, retryAfterMs);
				if (earnest) this.background.wanted(peer);
			},
			ownAttempts: () => this.#attempts.of("dial").length,
			givenUp: (token) => this.#givenUp(token),
			begun: (token) => this.#attempts.get(token) !== undefined,
			begin: (go) => this.#begin(go, go.peer.fingerprint),
		});
	}

	/** Channels that take streams. */
	channels(): DirectChannel[] {
		return this.#channels.open();
	}

	/** The channel to a peer, if it takes streams. */
	find(peer: string): DirectChannel | undefined {
		return this.#channels.find(peer);
	}

	/** Whether a channel to a peer is being tried. */
	trying(peer: string): boolean {
		return this.#wishes.of(peer) !== undefined || this.#attempts.with(peer) !== undefined;
	}

	/** Whether nothing is left that lives without the Coordinator. */
	get idle(): boolean {
		return this.#channels.all.size === 0 && this.#attempts.punching().length === 0;
	}

	/** Everything that is kept for channels and such that come about, for tests. */
	get size(): number {
		const all = [this.#channels, this.#attempts, this.#wishes, this.#acceptance, this.#watches, this.#moves, this.background];
		return all.reduce((sum, { size }) => sum + size, 0);
	}

	/** The channel to a peer: the one there is, or one that comes about. Rejects like `Client.openChannel`. `auto`: not where there is no hope. */
	async connect(peer: string, options: { readonly auto?: boolean; readonly signal?: AbortSignal | undefined } = {}): Promise<DirectChannel> {
		const { auto = false, signal } = options;
		throwIfAborted(signal);
		const open = this.#channels.find(peer);
		if (open !== undefined) return open;
		if (this.#ended !== undefined) throw this.#ended;
		let wish = this.#wishes.of(peer);
		if (wish === undefined) {
			const taken = this.#taken();
			if (!fitsOwn(peer, taken, this.#host.limits.channels))
				throw new ConecError("LIMIT_EXCEEDED", `${cannotOpen(peer)}: ${taken.size} are open or being opened. Close one first`, { peer });
			wish = this.#wishes.make(peer, auto);
		}
		wish.earnest ||= !auto;
		const mine = wish;
		return await mine.wait(signal, () => this.#wishes.giveUp(mine, unavailable(peer, "given up")));
	}

	/** Looks whether this machine is on other networks now, which nobody tells, or hears that its place has changed. */
	lookAround(changed: boolean = this.#host.network.changed()): void {
		if (!changed) return;
		this.memory.ownNetworkChanged();
		this.background.changed();
	}

	/** This machine has slept, or has other addresses (`moved`): channels are asked whether they are still there. `long`: the peers have most likely given them up. */
	awoke(moved: boolean, long: boolean): void {
		for (const channel of this.#channels.all) this.#moves.awoke(channel, moved, long);
	}

	/** Resolves when the channel that is being tried is up, or is not to be. Rejects with `signal.reason` only. */
	async settled(peer: string, signal?: AbortSignal): Promise<void> {
		if (this.trying(peer)) await this.connect(peer, { auto: true, signal }).catch(() => throwIfAborted(signal));
	}

	/** What the Coordinator says about channels. */
	received(message: ChannelMessageOfCoordinator): void {
		switch (message.type) {
			case "channel-ask":
				return void this.#asked(message);
			case "channel-go":
				return message.role === "accept" ? this.#agreed(message) : undefined;
			case "channel-refused":
				// The answer to a request that nobody makes any more.
				return;
			case "channel-cancelled":
				return this.#failed(message.token, message.reason, "elsewhere");
			case "peer-denied":
				return this.#denied(message);
			case "channel-list-wanted":
				return this.announce();
			case "peer-changed":
				this.#peerChanged(message.peer);
				for (const channel of this.#channels.with(message.peer)) this.#moves.peerChanged(channel);
				return;
			case "peer-moved":
				this.#peerChanged(message.peer);
				for (const channel of this.#channels.with(message.peer)) this.#moves.peerMoved(channel, message.address);
				return;
			case "address":
				this.lookAround(true);
				this.#wishes.ownNetworkChanged();
				this.#attempts.outdate();
				this.#watches.ownNetworkChanged();
				for (const channel of this.#channels.all) this.#moves.ownMoved(channel);
				return;
		}
	}

	/** Tells the Coordinator which channels there are, so that it can say which of them are to end: when this Client comes to it with some, and when it asks. */
	announce(): void {
		for (const list of channelLists(this.#channels.all)) this.#host.link()?.send(list);
	}

	#peerChanged(peer: string): void {
		this.memory.peerChanged(peer);
		this.background.changed(peer);
		this.#attempts.outdate(peer);
	}

	/** A datagram beside QUIC has come to the Client's socket, with the label of an attempt or of nothing. */
	datagram(...[datagram, from]: Parameters<Punching["received"]>): void {
		const { content } = datagram;
		if (content.type !== "probe" && content.type !== "answer") return;
		for (const { punching } of this.#attempts.punching()) if (punching.keys.label === content.label) return punching.received(datagram, from);
	}

	/** The link to the Coordinator is gone: what needs it fails. Channels and attempts whose packets fly go on. */
	down(error: ConecError): void {
		this.#wishes.coordinatorLost(error, (token) => this.#attempts.isPunching(token));
		for (const { token, phase } of this.#attempts.all()) if (phase.type === "asked") this.#forget(token);
	}

	/** Makes and takes no more channels, and ends everything that is under way. Channels that are up go on. */
	stop(error: ConecError): void {
		this.#ended ??= error;
		this.background.end();
		this.watcher?.end();
		this.#wishes.end(error);
		for (const { token } of this.#attempts.all()) this.#forget(token);
	}

	/** Ends all channels gracefully and everything that is under way at once. */
	async close(error: ConecError): Promise<void> {
		this.stop(error);
		await Promise.all([...this.#channels.all].map((channel) => channel.end(() => error, RESET_CODES.CLIENT_CLOSED, CLOSE_CODES.CLIENT_CLOSED)));
	}

	/** Ends everything at once. */
	destroy(error: ConecError): void {
		this.stop(error);
		for (const channel of [...this.#channels.all]) channel.abandon(error);
	}

	async #asked({ token, peer, expiresInMs }: ChannelAsk): Promise<void> {
		const { clock, id } = this.#host;
		// Said twice: the first is being answered.
		if (this.#attempts.get(token) !== undefined) return;
		const answer = (code: ChannelRefusalCode): void => this.#host.link()?.send({ type: "channel-answer", token, accept: false, code });
		const wish = this.#wishes.of(peer.id);
		// It may be back in a moment, as another process, and a no is remembered.
		if (this.#ended !== undefined) return answer("BUSY");
		if (!this.#host.listen || peer.id === id) return answer("DECLINED");
		if (wish?.request?.asked !== undefined && id < peer.id) return answer("CROSSED");
		if (!this.#hasRoom(peer)) return answer("BUSY");
		const lapse = (): void => {
			if (phase.consented) this.#attempts.lapse(token);
			this.#failed(token, EXPIRED, "elsewhere");
		};
		const timer = clock.setTimeout(lapse, Math.min(expiresInMs, LONGEST_QUESTION_MS));
		const phase: AskedPhase = { type: "asked", consented: false, timer };
		this.#attempts.set({ token, peer, role: "accept", phase });
		const isOver = (): boolean => this.#attempts.get(token)?.phase !== phase;
		if (wish !== undefined) wish.token ??= token;
		// Who asks for a channel to somebody wants one with them, also who does so while the application thinks it over.
		const consents = wish !== undefined || (await this.#host.consents(peer)) || this.#wishes.of(peer.id) !== undefined;
		if (isOver()) return;
		const decline = (code: ChannelRefusalCode): void => {
			this.#forget(token);
			answer(code);
		};
		if (!consents) return decline("DECLINED");
		const offer = await this.#wishes.offer();
		if (isOver()) return;
		// There may have been calls meanwhile.
		if (!fitsOther(peer, this.#taken(), this.#host.limits.channels)) return decline("BUSY");
		phase.consented = true;
		this.#host.link()?.send({ type: "channel-answer", token, accept: true, ...offer });
	}

	/** Whether one more attempt of a peer is to be thought over. */
	#hasRoom(peer: Attempt["peer"]): boolean {
		const { attemptsPerClient, channels } = this.#host.limits;
		// As many to reach this side as it may begin itself.
		const asking = this.#attempts.of("accept").map((attempt) => keyOf(attempt.peer));
		return asking.length < attemptsPerClient && fitsOther(peer, new Map([...asking, ...this.#taken()]), channels);
	}

	/** Peers to whom there is a channel, or one that is coming about, whoever began it. What is only thought over is not in the way of own calls. */
	#taken(): TakenChannels {
		const wished = Array.from(this.#wishes.peers(), (peer) => [peer, undefined] as const);
		return new Map([...wished, ...this.#attempts.agreed().map(keyOf), ...this.#channels.keys()]);
	}

	/** Both sides have agreed to what the peer has asked for. */
	#agreed(go: ChannelGo): void {
		const { token, peer } = go;
		if (this.#ended !== undefined) return;
		const known = this.#attempts.get(token);
		// Only what this side has consented to, once, and with whom.
		if (this.#attempts.takeLapsed(token)) return this.#report(token, undefined, { outcome: "failed", reason: EXPIRED });
		if (known?.phase.type !== "asked" || !known.phase.consented || known.peer.id !== peer.id) return;
		this.#host.clock.clearTimeout(known.phase.timer);
		this.#begin(go, known.peer.fingerprint);
	}

	/** `agreed`: the peer's key when this side agreed. What the application has consented to is a key, not just a name. */
	#begin(go: ChannelGo, agreed: string): void {
		const certificate = new Uint8Array(Buffer.from(go.certificate, "base64"));
		if (isKeyOf(certificate, go.peer.fingerprint) && go.peer.fingerprint === agreed) return this.#punch(go, certificate);
		this.#failed(go.token, "the certificate is not that of the peer's key", "here");
	}

	#punch(go: ChannelGo, certificate: Uint8Array): void {
		const { token, peer, role, request } = go;
		const host = this.#host;
		const { clock, transport } = host;
		const { plan, deadlineMs, coordinator } = planAttempt(go, host, this.#mayUseBirthday ? go.birthday : undefined);
		const arrived = (greeting: DirectGreeting, on: Transport): void => this.#up(token, greeting, on);
		const expect = (on: Transport): void =>
			this.#acceptance.expect(token, { peer: peer.id, certificate, transport: on, arrived: (greeting) => arrived(greeting, on) });
		const punching = new Punching(token, plan, {
			transport,
			createTransport: host.createTransport,
			transportOptions: host.transportOptions,
			clock,
			random: host.random,
			allow: this.#limits.allow(plan, coordinator),
			dial: async (on, to, signal) =>
				arrived(await dialDirectly({ transport: on, to, token, peer: peer.id, certificate, host, timeoutMs: deadlineMs, signal }), on),
			acceptOn: expect,
			failed: (reason) => this.#failed(token, reason, "here"),
		});
		// The machine has deadlines of its own, and this is for a handshake that hangs.
		const timer = clock.setTimeout(() => this.#failed(token, "it has taken too long", "here"), deadlineMs + LATE_MS);
		const phase = { type: "punching", since: clock.now(), punching, peerNat: go.nat, birthday: plan.birthday !== undefined, moved: false, timer } as const;
		this.#attempts.set({ token, peer, role, request, phase });
		if (role === "accept") expect(transport);
		punching.start();
	}

	/** Both sides opt in, and it is done one at a time; a Coordinator that says otherwise is not followed. */
	get #mayUseBirthday(): boolean {
		return this.#host.birthday && !this.#attempts.punching().some(({ birthday }) => birthday);
	}

	/** The attempt is over without a channel. `where` that was found out: what ended it elsewhere (the peer gave up or left) says nothing of the path. */
	#failed(token: string, reason: string, where: "here" | "elsewhere"): void {
		const attempt = this.#attempts.get(token);
		const moved = attempt?.phase.type === "punching" && attempt.phase.moved;
		// Also where the Coordinator knows: what has not been sent is there for others.
		if (where === "here" || attempt?.phase.type === "punching") this.#report(token, attempt, { outcome: "failed", reason });
		if (attempt !== undefined) {
			this.#note(attempt, "failed", reason);
			this.#forget(token);
			if (where === "here" && !moved) this.memory.fail(attempt.peer.id, reason);
			this.background.reconsider(attempt.peer.id);
		}
		this.#wishes.leave(token, reason, where === "elsewhere" || moved);
		this.#wishes.attemptOver();
		if (attempt !== undefined) this.#host.lessLeft();
	}

	/** The Coordinator does not let this key in any more. What counts is the key that the peer has shown, not its name. */
	#denied({ fingerprint, reason }: PeerDenied): void {
		for (const channel of [...this.#channels.all]) if (channel.fingerprint === fingerprint) channel.bar(reason);
		for (const { token, peer } of this.#attempts.all()) if (peer.fingerprint === fingerprint) this.#failed(token, reason, "elsewhere");
	}

	/** Nobody here wants it any more. What the peer asked for is the peer's to give up. */
	#givenUp(token: string): void {
		const attempt = this.#attempts.get(token);
		if (attempt?.role !== "dial") return;
		if (attempt.request !== undefined) this.#host.link()?.send({ type: "channel-cancel", request: attempt.request });
		this.#report(token, attempt, { outcome: "failed", reason: "given up" });
		this.#note(attempt, "failed", "given up");
		this.#forget(token);
		this.#wishes.attemptOver();
		this.#host.lessLeft();
	}

	/** Tells the Coordinator what became of an attempt, and what this side has sent for it: nothing more is sent. */
	#report(token: string, attempt: Attempt | undefined, what: Pick<ChannelReport, "outcome" | "reason" | "address" | "rttMs">): void {
		const sent = attempt?.phase.type === "punching" ? attempt.phase.punching.report().sent : [];
		this.#host.link()?.send({ type: "channel-report", token, ...what, sent });
	}

	#note({ phase, peer }: Attempt, outcome: "up" | "failed", reason: string): void {
		if (phase.type !== "punching") return;
		const { candidates } = phase.punching.report();
		this.#host.network.mapped(candidates.filter(({ probes }) => probes > 0).length);
		const durationMs = this.#host.clock.now() - phase.since;
		this.memory.note(peer.id, { at: new Date(this.#host.clock.wallMs()), outcome, reason, durationMs, candidates, peerNat: phase.peerNat });
	}

	#forget(token: string): void {
		const phase = this.#attempts.get(token)?.phase;
		this.#attempts.delete(token);
		this.#acceptance.forget(token);
		this.#host.clock.clearTimeout(phase?.timer);
		if (phase?.type === "punching") phase.punching.stop();
	}

	#up(token: string, greeting: DirectGreeting, on: Transport): void {
		const attempt = this.#attempts.get(token);
		if (attempt?.phase.type !== "punching" || this.#ended !== undefined) return greeting.connection.close(CLOSE_CODES.NORMAL, "too late");
		const [peer, { since, punching }] = [attempt.peer.id, attempt.phase];
		const { connection, control, peerLimits } = greeting;
		const { remoteAddress } = connection;
		const { limits, ids, transport, clock, budgets, survivors } = this.#host;
		const upMs = clock.now();
		this.#note(attempt, "up", `direct to ${remoteAddress.address}`);
		punching.established(on);
		this.#forget(token);
		const channel: DirectChannel = new DirectChannel({
			...{ peer, connection, control, token, ids, clock, budgets, survivors, transport: on, dialled: attempt.role === "dial" },
			// TLS has let in only the very certificate of this key.
			fingerprint: attempt.peer.fingerprint,
			limits: {
				...limits,
				messageBytes: Math.min(limits.messageBytes, peerLimits.messageBytes),
				metadataBytes: Math.min(limits.metadataBytes, peerLimits.metadataBytes),
			},
			onLeaving: () => this.#leaving(channel),
			onEnd: (_, info) => {
				if (on !== transport) on.destroy();
				this.#over(channel, info, clock.now() - upMs);
			},
		});
		const before = this.#channels.add(channel);
		this.#watches.add(channel);
		connection.onStream = (incoming) => this.#host.onStream(incoming, channel);
		if (this.#host.endAtExpiry && this.#host.peerRoots !== undefined) endAtExpiry(connection, "the peer's", clock);
		greeting.listen({ leaving: () => channel.peerLeaves(), broken: (closeCode, reason) => channel.destroy(closeCode, reason) });
		this.#report(token, attempt, { outcome: "up", ...ownChannel(channel), address: remoteAddress, rttMs: Math.round(channel.rttMs) });
		this.#host.emit({ type: "channel", peer, state: "up", address: remoteAddress, durationMs: upMs - since });
		this.#wishes.grant(channel);
		this.watcher?.up(channel);
		// Its peer has asked for a new one, so it has given this one up. What can move has the new one to go to by now.
		before?.fail("a newer channel took its place");
	}

	#leaving(channel: DirectChannel): void {
		if (this.#channels.leaving(channel)) this.background.closing(channel.peer);
		this.watcher?.leaving(channel);
	}

	#over(channel: DirectChannel, info: CloseInfo, livedMs: number): void {
		const { peer, token } = channel;
		this.#channels.delete(channel);
		this.#watches.delete(channel);
		this.#moves.delete(channel);
		this.#host.link()?.send({ type: "channel-report", token, outcome: "down", reason: info.reason ?? info.code ?? "closed" });
		this.#host.emit({ type: "channel", peer, state: "down", info });
		// Nobody wanted it to end: whoever finds out first asks for another.
		const broken = !endedOnPurpose(info) && this.#ended === undefined && this.#channels.find(peer) === undefined;
		const found = info.by === "error" && this.#host.link() !== undefined;
		if (broken && found && this.#renewals.take(peer, this.#host.clock.now())) this.connect(peer).catch(() => undefined);
		if (broken) this.background.broken(peer, livedMs);
		this.watcher?.over(channel, livedMs, broken);
		this.#host.lessLeft();
	}
}

const EXPIRED = "it has expired";

/** Beyond the punching machine's own deadline, for the handshake that it began. */
const LATE_MS = 5_000;

/** Longer than any Coordinator in its right mind leaves a question open. */
const LONGEST_QUESTION_MS = 60_000;

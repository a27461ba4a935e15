/**
 * The wishes of a Client for direct channels, one for each peer, and its requests for them to the Coordinator.
 *
 * @module
 */

import { systemRandom } from "../../base/random.ts";
import { ConecError } from "../../errors.ts";
import type { ChannelGo, ChannelOffer, ChannelRefused } from "../../wire/channel-messages.ts";
import type { DirectChannel } from "../channel/index.ts";
import type { DirectHost } from "./host.ts";
import { type NoRoom, Wish, type WishRequest } from "./wish.ts";

/** What the owner of wishes is asked and told. */
export interface WishesHost {
	/** Token of an attempt with that peer that lives. */
	attempt(peer: string): string | undefined;
	/** There is no direct path to that peer until a network changes, or until then. */
	despair(peer: string, reason: string, retryAfterMs: number | undefined): void;
	/** Nobody waits for that peer any more. */
	settled(peer: string): void;
	/** There was no room for an attempt in time; there may be then. `earnest`: somebody insisted on it. */
	noRoom(peer: string, reason: string, retryAfterMs: number, earnest: boolean): void;
	/** Attempts that this side has asked for and whose packets fly. */
	ownAttempts(): number;
	/** Nobody wants what this attempt may bring any more. */
	givenUp(token: string): void;
	/** Whether an attempt with this token has begun. */
	begun(token: string): boolean;
	/** The Coordinator says to begin: this side dials. */
	begin(go: ChannelGo): void;
}

/** See the module. */
export class Wishes {
	readonly #host: DirectHost;
	readonly #owner: WishesHost;
	/** By peer. */
	readonly #wishes: Map<string, Wish> = new Map();

	constructor(host: DirectHost, owner: WishesHost) {
		this.#host = host;
		this.#owner = owner;
	}

	get size(): number {
		return this.#wishes.size;
	}

	/** Whom callers wait for. */
	peers(): Iterable<string> {
		return this.#wishes.keys();
	}

	/** That for a peer. */
	of(peer: string): Wish | undefined {
		return this.#wishes.get(peer);
	}

	/** A new one, for which the Coordinator is asked unless the peer was faster. */
	make(peer: string, auto: boolean): Wish {
		const timeoutMs = channelTimeoutMs(this.#host);
		const wish = new Wish(peer, timeoutMs, this.#host.clock, () => this.#expired(wish, timeoutMs));
		this.#wishes.set(peer, wish);
		wish.token = this.#owner.attempt(peer);
		if (wish.token === undefined) this.#ask(wish, auto);
		return wish;
	}

	/** What this side says of itself for one attempt. */
	async offer(): Promise<ChannelOffer> {
		const { network, holePunching, birthday } = this.#host;
		// Only in the first moments after connecting: what the Coordinator plans is only as good as what it knows of both NATs.
		await network.settled();
		const hosts = await network.hosts(this.#host.link()?.connection.remoteAddress);
		return { hosts, nat: network.nat, punch: holePunching, birthday };
	}

	/** The answer to a request. False: it is none, and an honest Coordinator would not say it. */
	#answered(wish: Wish, request: WishRequest, answer: ChannelRefused | ChannelGo): boolean {
		if (answer.type === "channel-refused") {
			this.#refused(wish, request, answer);
			return true;
		}
		if (answer.peer.id !== wish.peer || this.#owner.begun(answer.token)) return false;
		wish.request = undefined;
		wish.token = answer.token;
		this.#owner.begin(answer);
		return true;
	}

	/** The Coordinator, or the peer through it, says no. */
	#refused(wish: Wish, { auto, stale }: WishRequest, { code, reason, retryAfterMs }: ChannelRefused): void {
		wish.request = undefined;
		if (code === "CROSSED") {
			// The peer's request grants this wish; should that have failed meanwhile, this side asks once more.
			if (wish.token === undefined && !wish.crossed) this.#ask(wish, auto);
			wish.crossed = true;
			return this.#next();
		}
		if (wish.token !== undefined) return this.#next();
		if ((code === "LIMIT_EXCEEDED" || code === "PEER_BUSY") && retryAfterMs !== undefined) {
			this.#crowded(wish, auto, { code, reason, retryAfterMs });
			return this.#next();
		}
		if (code === "DIRECT_UNAVAILABLE") {
			if (stale && wish.requests < MOST_REQUESTS) return this.#ask(wish, auto);
			if (auto && wish.earnest) return this.#ask(wish, false);
			if (!stale) this.#owner.despair(wish.peer, reason, retryAfterMs);
		}
		this.refuse(wish, new ConecError(code, `${cannotOpen(wish.peer)}: ${reason}`, { peer: wish.peer, retryAfterMs }));
	}

	/** This side's own address is another one. */
	ownNetworkChanged(): void {
		for (const { request } of this.#wishes.values()) if (request?.asked !== undefined) request.stale = true;
	}

	/** A channel is up. */
	grant(channel: DirectChannel): void {
		const wish = this.#wishes.get(channel.peer);
		if (wish === undefined) return;
		this.#cancel(wish.request);
		this.#wishes.delete(channel.peer);
		wish.grant(channel);
		this.#owner.settled(channel.peer);
		this.#next();
	}

	/** An attempt is over without a channel. `again`: that says nothing of the path, so this side may ask on its own behalf. */
	leave(token: string, reason: string, again: boolean): void {
		const wish = [...this.#wishes.values()].find((one) => one.token === token);
		if (wish === undefined) return;
		wish.token = this.#owner.attempt(wish.peer);
		if (wish.token !== undefined || wish.request !== undefined) return;
		if (again && wish.requests < MOST_REQUESTS && this.#host.link() !== undefined) return this.#ask(wish, !wish.earnest);
		this.refuse(wish, unavailable(wish.peer, reason));
	}

	/** What only the Coordinator could bring about fails. `flies`: whether an attempt goes on without it. */
	coordinatorLost(error: ConecError, flies: (token: string) => boolean): void {
		for (const wish of [...this.#wishes.values()]) {
			wish.request = undefined;
			if (wish.token === undefined || !flies(wish.token)) this.refuse(wish, error);
		}
	}

	/** Nobody waits any more, or too long. */
	giveUp(wish: Wish, error: ConecError): void {
		const { request, token } = wish;
		wish.request = undefined;
		this.#cancel(request);
		this.refuse(wish, error);
		if (token !== undefined) this.#owner.givenUp(token);
	}

	/** Its answer is not waited for any more, and the Coordinator hears so. */
	#cancel(request: WishRequest | undefined): void {
		if (request?.asked === undefined) return;
		request.asked.withdraw();
		this.#host.link()?.send({ type: "channel-cancel", request: request.asked.number });
	}

	/** {@link giveUp} for all. */
	end(error: ConecError): void {
		for (const wish of [...this.#wishes.values()]) this.giveUp(wish, error);
	}

	/** Tells those who wait why not. */
	refuse(wish: Wish, error: ConecError): void {
		if (this.#wishes.get(wish.peer) === wish) this.#wishes.delete(wish.peer);
		wish.refuse(error);
		this.#owner.settled(wish.peer);
		this.#next();
	}

	/** An attempt of this side is over: another may begin. */
	attemptOver(): void {
		this.#next();
	}

	/** Asks the Coordinator, now or when this side has a place for one more attempt. */
	#ask(wish: Wish, auto: boolean): void {
		wish.stopWaiting();
		wish.waiting = { auto, timer: undefined };
		this.#next();
	}

	/** Those who wait for a place get it, in the order of their calls. */
	#next(): void {
		let free = this.#host.limits.attemptsPerClient - this.#owner.ownAttempts();
		for (const { request } of this.#wishes.values()) if (request !== undefined) free--;
		for (const wish of this.#wishes.values()) {
			if (free <= 0) return;
			if (wish.waiting === undefined || wish.waiting.timer !== undefined) continue;
			const { auto } = wish.waiting;
			wish.stopWaiting();
			// The peer has been faster: should its attempt fail, this side may ask.
			if (wish.token !== undefined) continue;
			free--;
			void this.#request(wish, auto && !wish.earnest);
		}
	}

	/** The Coordinator has no room just now: asks again when it may have, if that is in time. */
	#crowded(wish: Wish, auto: boolean, noRoom: NoRoom): void {
		const { clock, random = systemRandom } = this.#host;
		const { retryAfterMs } = noRoom;
		const leftMs = wish.deadlineMs - clock.now() - LEAST_LEFT_MS;
		// Nothing has been tried: it is none of the few requests for one call.
		wish.requests--;
		wish.crowded = noRoom;
		if (retryAfterMs > leftMs) return this.#tooCrowded(wish, noRoom);
		// All who were refused together do not come back together, and those who were refused often come less often.
		const delayMs = Math.max(LEAST_DELAY_MS, retryAfterMs) * MORE_EACH_TIME ** wish.crowdings++ * (1 + JITTER * random.fraction());
		const timer = clock.setTimeout(() => this.#ask(wish, auto), Math.min(delayMs, Math.max(LEAST_DELAY_MS, leftMs)));
		wish.waiting = { auto, timer };
	}

	#tooCrowded(wish: Wish, { code, reason, retryAfterMs }: NoRoom): void {
		const { peer, earnest } = wish;
		this.#owner.noRoom(peer, reason, retryAfterMs, earnest);
		this.refuse(wish, new ConecError(code, `${cannotOpen(peer)}: ${reason}`, { peer, retryAfterMs }));
	}

	#expired(wish: Wish, timeoutMs: number): void {
		const { peer, request, token } = wish;
		if (request === undefined && token === undefined && wish.waiting !== undefined) {
			const reason = `there are ${this.#host.limits.attemptsPerClient} attempts of this Client already`;
			return this.#tooCrowded(wish, wish.crowded ?? { code: "LIMIT_EXCEEDED", reason, retryAfterMs: LEAST_LEFT_MS });
		}
		this.giveUp(wish, unavailable(peer, `it has not come about within ${timeoutMs / 1_000} s`));
	}

	async #request(wish: Wish, auto: boolean): Promise<void> {
		const { peer } = wish;
		const request: WishRequest = { auto, asked: undefined, stale: false };
		wish.request = request;
		wish.requests++;
		const offer = await this.offer();
		if (wish.over || wish.request !== request) return;
		if (wish.token !== undefined) {
			// The peer was faster, and two attempts would make two channels.
			wish.request = undefined;
			return this.#next();
		}
		const link = this.#host.link();
		if (link === undefined) return this.refuse(wish, new ConecError("COORDINATOR_LOST", `${cannotOpen(peer)}: the Coordinator is lost`, { peer }));
		const asked = link.requests.ask(
			{
				action: cannotOpen(peer),
				ask: (number) => ({ type: "channel-request", request: number, peer, auto, ...offer }),
				isAnswer: (message): message is ChannelRefused | ChannelGo =>
					message.type === "channel-refused" || (message.type === "channel-go" && message.role === "dial"),
			},
			// What the end of the link means for it, `coordinatorLost` and `end` say.
			{ answered: (answer) => this.#answered(wish, request, answer), ended: () => undefined },
		);
		if (asked instanceof ConecError) return this.refuse(wish, asked);
		request.asked = asked;
	}
}

/** How messages about a channel that does not come about begin. */
export function cannotOpen(peer: string): string {
	return `Cannot open direct channel to "${peer}"`;
}

/** There is no channel, and why. */
export function unavailable(peer: string, reason: string): ConecError {
	return new ConecError("DIRECT_UNAVAILABLE", `${cannotOpen(peer)}: ${reason}`, { peer });
}

/** How long an attempt may take, from the request on, where the birthday method is wanted. */
export const BIRTHDAY_TIMEOUT_MS = 15_000;

/** Within that time a direct channel comes about, or does not. */
export function channelTimeoutMs({ birthday, limits }: Pick<DirectHost, "birthday" | "limits">): number {
	return birthday ? Math.max(limits.requestTimeoutMs, BIRTHDAY_TIMEOUT_MS) : limits.requestTimeoutMs;
}

/** Before another request, where the Coordinator had no room. */
const LEAST_DELAY_MS = 100;
const MORE_EACH_TIME = 1.3;
const JITTER = 0.5;

/** An attempt in less time than that would be in vain. */
const LEAST_LEFT_MS = 1_000;

/** For one wish, where attempts are given up by the peer. */
const MOST_REQUESTS = 3;

/**
 * The ways from a Client to a peer: over a direct channel, or through the Coordinator. Chooses one for each stream, and explains them.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { linkedAbort, throwIfAborted } from "../../base/signals.ts";
import { ConecError, isConecError } from "../../errors.ts";
import type { ClientLimits } from "../../limits.ts";
import { checkId } from "../../session/check-id.ts";
import { checkOpenStreamOptions, type OpenStreamOptions, survivesMs } from "../../session/open-stream-options.ts";
import type { PathReport } from "../../session/path-report.ts";
import type { LegWanted, Survivors } from "../../session/resumption/index.ts";
import type { Heard } from "../../session/silence.ts";
import type { LegWay } from "../../stream/leg-way.ts";
import type { MessageStream } from "../../stream/message-stream.ts";
import { DIRECT_CAPABILITY } from "../../wire/channel-messages.ts";
import type { DirectChannel } from "../channel/index.ts";
import type { DirectChannels } from "../direct/index.ts";
import type { OwnNetwork } from "../network/index.ts";
import type { LinkWait, Uplink } from "../uplink/index.ts";
import { directAtOnce, directForAuto } from "./choice.ts";
import { explainPath } from "./explain.ts";
import { Movers } from "./movers.ts";

/** What paths need of their Client. */
export interface ClientPathsHost {
	/** Of this Client. */
	readonly id: string;
	readonly limits: ClientLimits;
	readonly clock: Clock;
	/** What a direct channel may take to come about. */
	readonly channelTimeoutMs: number;
	readonly direct: DirectChannels;
	readonly network: OwnNetwork;
	readonly survivors: Survivors;
	readonly uplink: Uplink;
	/** Whether this Client opens nothing more. */
	readonly leaving: () => boolean;
	/** Throws unless streams can be opened, on some path. */
	readonly assertOpen: (action: string) => void;
}

/** See the module. */
export class ClientPaths {
	readonly #host: ClientPathsHost;
	/** Moves resumable streams between the paths. */
	readonly #movers: Movers;

	constructor(host: ClientPathsHost) {
		const { clock, survivors, direct, uplink } = host;
		this.#host = host;
		this.#movers = new Movers({
			...{ clock, survivors },
			find: (peer) => direct.find(peer),
			proxied: () => uplink.link.state === "open",
			punch: (peer) => {
				if (uplink.link.state === "open" && !direct.trying(peer)) direct.connect(peer).catch(() => undefined);
			},
		});
		direct.watcher = this.#movers;
	}

	/** Peers that are kept in mind for their resumable streams; for tests. */
	get size(): number {
		return this.#movers.size;
	}

	/** See `Client.openStream`. */
	async openStream(peer: string, options: OpenStreamOptions): Promise<MessageStream> {
		const { id, limits, clock, channelTimeoutMs, direct, uplink, assertOpen } = this.#host;
		checkOpenStreamOptions(options, limits.metadataBytes);
		const action = `Cannot open stream to ${JSON.stringify(peer)}`;
		checkId(peer, action);
		throwIfAborted(options.signal);
		assertOpen(action);
		const { path = "auto", signal } = options;
		// One deadline over all of it: the channel, if one comes about first, and the stream.
		const sinceMs = clock.now();
		const untilMs = sinceMs + (path === "direct" ? channelTimeoutMs : limits.requestTimeoutMs);
		const left = (): number => Math.max(0, untilMs - clock.now());
		const wait = { untilMs, signal };
		if (path === "direct") {
			const opened = await this.#channel(peer, wait, action);
			return this.#keeps(peer, options, await opened.openStream(options, Math.min(left(), limits.requestTimeoutMs)));
		}
		const resumable = survivesMs(options) !== undefined;
		const alone = path === "proxied" || peer === id;
		// What goes on without the Coordinator need not wait for it.
		if ((alone || (direct.find(peer) === undefined && !direct.trying(peer))) && uplink.now(action) === undefined) await uplink.next(action, wait);
		const choose = (): Promise<DirectChannel | undefined> | DirectChannel | undefined =>
			resumable ? directAtOnce(peer, direct, uplink.link) : directForAuto(peer, direct, uplink.link, signal, clock, left());
		const channel = alone ? undefined : await choose();
		if (channel !== undefined) {
			try {
				return this.#keeps(peer, options, await channel.openStream(options, left()));
			} catch (error) {
				// Its path has just broken; the Coordinator is still there or comes back, unless it does not.
				if (!isConecError(error) || !["PEER_LOST", "CHANNEL_CLOSED"].includes(error.code) || !uplink.hopeful) throw error;
			}
		}
		const link = uplink.now(action) ?? (await uplink.next(action, wait));
		const far: Heard = { watch: (words, silent) => link.peer(peer).watch(words, silent, sinceMs) };
		const stream = await link.openStream(peer, options, [far], left());
		if (path === "auto" && peer !== id && link.can(DIRECT_CAPABILITY) && !resumable) direct.background.opened(peer, stream.closed);
		return this.#keeps(peer, options, stream);
	}

	/** The way that a further leg of a stream takes now. It makes none. */
	way(wanted: LegWanted): LegWay | undefined {
		const { peer, path, prefers } = wanted;
		const { direct, leaving } = this.#host;
		if (leaving()) return undefined;
		const channel = path === "proxied" || peer === null ? undefined : direct.find(peer);
		const { link } = this.#host.uplink;
		if (path === "direct" || link.state !== "open") return channel?.way(wanted);
		const first = channel !== undefined && !channel.stalled && prefers !== "proxied" ? channel : link;
		return first.way(wanted);
	}

	/** See `Client.openCoordinatorStream`. */
	async openCoordinatorStream(options: OpenStreamOptions): Promise<MessageStream> {
		checkOpenStreamOptions(options, this.#host.limits.metadataBytes);
		throwIfAborted(options.signal);
		const { uplink, limits, clock } = this.#host;
		const action = "Cannot open stream to the Coordinator";
		const untilMs = clock.now() + limits.requestTimeoutMs;
		const link = uplink.now(action) ?? (await uplink.next(action, { untilMs, signal: options.signal }));
		return await link.openStream(null, options, [], Math.max(0, untilMs - clock.now()));
	}

	/** See `Client.openChannel`. */
	async openChannel(peer: string, signal: AbortSignal | undefined): Promise<DirectChannel> {
		const action = `Cannot open direct channel to ${JSON.stringify(peer)}`;
		checkId(peer, action);
		throwIfAborted(signal);
		const { clock, channelTimeoutMs, assertOpen } = this.#host;
		assertOpen(action);
		return await this.#channel(peer, { untilMs: clock.now() + channelTimeoutMs, signal }, action);
	}

	/** See `Client.explain`. */
	explain(peer: string): PathReport {
		checkId(peer, `Cannot explain the path to ${JSON.stringify(peer)}`);
		const { id, direct, network, uplink } = this.#host;
		const { link } = uplink;
		const { memory } = direct;
		return explainPath({
			id,
			peer,
			proxied: link.state === "open" ? true : link.state === "draining" ? "the Coordinator is ending the connection" : "the Coordinator is lost",
			arranged: link.can(DIRECT_CAPABILITY),
			channel: direct.find(peer),
			last: memory.attempt(peer),
			hopeless: memory.hopeless(peer),
			trying: direct.trying(peer),
			ownNat: network.nat,
			silentPort: network.secondPortIsSilent,
		});
	}

	/** See `Client.explainSettled`. */
	async explainSettled(peer: string, signal: AbortSignal | undefined): Promise<PathReport> {
		checkId(peer, `Cannot explain the path to ${JSON.stringify(peer)}`);
		throwIfAborted(signal);
		await this.#host.direct.settled(peer, signal);
		return this.explain(peer);
	}

	/** A resumable stream may want a direct channel as long as it lives, and one that may take either path is moved. */
	#keeps(peer: string, options: OpenStreamOptions, stream: MessageStream): MessageStream {
		const { id, direct } = this.#host;
		const { path = "auto" } = options;
		if (survivesMs(options) === undefined || path === "proxied" || peer === id || !this.#host.uplink.link.can(DIRECT_CAPABILITY)) return stream;
		direct.background.opened(peer, stream.closed);
		if (path === "auto") this.#movers.opened(peer, stream.closed);
		return stream;
	}

	async #channel(peer: string, wait: LinkWait, action: string): Promise<DirectChannel> {
		const { id, direct, uplink, clock } = this.#host;
		const live = direct.find(peer);
		if (live !== undefined) return live;
		if (peer === id) throw new ConecError("DIRECT_UNAVAILABLE", `${action}: a Client has no direct channel to itself`, { peer });
		const atOnce = uplink.now(action);
		const link = atOnce ?? (await uplink.next(action, wait));
		if (!link.can(DIRECT_CAPABILITY)) throw new ConecError("DIRECT_UNAVAILABLE", `${action}: the Coordinator does not support direct channels`, { peer });
		// The peer has to answer the Coordinator first.
		const abort = linkedAbort(wait.signal);
		// The attempt has a time of its own, and may have begun late.
		const late = (): void =>
			abort.abort(new ConecError("DIRECT_UNAVAILABLE", `${action}: it has not come about in the time left after the wait for the Coordinator`, { peer }));
		const timer = atOnce === undefined ? clock.setTimeout(late, Math.max(0, wait.untilMs - clock.now())) : undefined;
		const silent = (error: ConecError): void => abort.abort(error);
		const forget = link.peer(peer).watch(() => action, silent);
		try {
			return await direct.connect(peer, { signal: abort.signal });
		} finally {
			clock.clearTimeout(timer);
			forget();
			abort.unlink();
		}
	}
}

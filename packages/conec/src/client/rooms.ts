/**
 * The rooms of a Client, made for each other: each gets what it needs of the others as arguments.
 *
 * @module
 */

import { Reception } from "../session/protocols/index.ts";
import { StatusFeed } from "../session/status-feed.ts";
import { StreamIds } from "../session/stream-ids.ts";
import { StreamBudgets } from "../stream/flow.ts";
import { DIRECT_CAPABILITY } from "../wire/channel-messages.ts";
import { RESET_CODES } from "../wire/codes.ts";
import type { ClientParts } from "./begin.ts";
import { ClientBroadcasts } from "./broadcast/index.ts";
import { datagramsTo } from "./datagrams.ts";
import { channelTimeoutMs, consentOf, DirectChannels, directService } from "./direct/index.ts";
import { ClientLife } from "./life.ts";
import { OwnNetwork } from "./network/index.ts";
import { ClientPaths } from "./paths/index.ts";
import { type PortMappingStatus, portMapperOf } from "./port-mapping/index.ts";
import { ClientPresence } from "./presence/index.ts";
import { heedSigns } from "./signs.ts";
import type { ClientStatus } from "./status.ts";
import { ClientStreams } from "./streams/index.ts";
import { ComingBack, CoordinatorLink, type Greeted, type LinkService, Uplink } from "./uplink/index.ts";

/** See the module. */
export interface ClientRooms {
	readonly life: ClientLife;
	readonly uplink: Uplink;
	readonly comingBack: ComingBack;
	readonly direct: DirectChannels;
	readonly network: OwnNetwork;
	readonly presence: ClientPresence;
	readonly broadcasts: ClientBroadcasts;
	readonly paths: ClientPaths;
	readonly streams: ClientStreams;
	readonly feed: StatusFeed<ClientStatus>;
}

/** Makes them all. Services hear of the first link before this returns. `more`: services beside those of the library, for the example in docs/architecture.md. */
export function makeRooms(
	{ options, runtime, identity, transport, transportOptions, greeted, reach }: ClientParts,
	more: readonly LinkService[] = [],
): ClientRooms {
	const { id, limits } = options;
	const { clock, random, createTransport } = runtime;
	const ids = new StreamIds();
	const link = (): CoordinatorLink => uplink.link;
	const feed = new StatusFeed<ClientStatus>(limits.statusEvents);
	const network = new OwnNetwork(transport, runtime);
	const mapped = (status: PortMappingStatus): void => {
		feed.emit(status);
		direct.lookAround(status.state === "up");
	};
	const mapper = options.portMapping ? portMapperOf(runtime, transport, network, mapped) : undefined;
	const reception = new Reception({ owner: "the peer", limits, clock, handlers: options.handlers, failed: (failure) => feed.emit(failure) });
	const streams = new ClientStreams({
		limits,
		clock,
		random,
		reception,
		verified: options.trust.roots !== undefined,
		leaving: () => life.leaving,
		way: (wanted) => paths.way(wanted),
		changed: (stream) => feed.emit({ type: "stream", ...stream }),
	});
	const { survivors } = streams;
	const comingBack = new ComingBack({
		clock,
		random,
		options: options.reconnect,
		attemptMs: limits.requestTimeoutMs,
		reach: (signal, alternatives) => reach(signal, presence.metadata, alternatives),
		tell: (status) => feed.emit(status),
		up: (again) => uplink.up(linkTo(again)),
		gaveUp: (why) => life.gaveUp(why),
	});
	const life = new ClientLife({
		limits,
		clock,
		transport,
		link,
		feed,
		direct: () => direct,
		closing: (error) => {
			comingBack.end();
			uplink.end(error);
			streams.end(error);
			direct.stop(error);
			link().endRequests(error);
			presence.end(error);
			broadcasts.end(error);
			return Promise.all([streams.settled(error), mapper?.close()]);
		},
		down: (error) => uplink.down(error),
		comeBack: options.reconnect === undefined ? undefined : (why) => comingBack.begin(why, link().comeBack),
	});
	const assertOpen = (action: string): void => life.assertOpen(action);
	const budgets = new StreamBudgets(limits, clock);
	const direct: DirectChannels = new DirectChannels({
		id,
		limits,
		listen: options.listen,
		holePunching: options.holePunching,
		birthday: options.birthday,
		peerRoots: options.peerRoots,
		endAtExpiry: options.endAtExpiry,
		retry: options.retry,
		keyLog: options.keyLog,
		keepAliveIntervalMs: options.keepAliveIntervalMs,
		identity,
		ids,
		clock,
		random,
		transport,
		createTransport,
		transportOptions,
		network,
		budgets,
		survivors,
		link: () => uplink.present,
		consents: consentOf(options.acceptChannel),
		onStream: (incoming, channel) => streams.onChannel(incoming, channel),
		emit: (status) => feed.emit(status),
		lessLeft: () => life.endIfNothingIsLeft(),
	});
	const linkTo = (greeted: Greeted): CoordinatorLink => {
		const made: CoordinatorLink = new CoordinatorLink({
			greeted,
			limits,
			ids,
			clock,
			budgets,
			survivors,
			endAtExpiry: options.endAtExpiry && options.trust.roots !== undefined,
			events: {
				draining: (reason, comeBack) => feed.emit({ type: "draining", reason, ...(comeBack === undefined ? {} : { comeBack }) }),
				channel: (message) => {
					if (message.type === "address") {
						made.observedAddress = message.observedAddress;
						network.look(made);
						feed.emit({ type: "moved", observedAddress: message.observedAddress });
						mapper?.networkChanged();
					}
					direct.received(message);
				},
				arrived: (arrival) => streams.throughCoordinator(arrival),
				lost: (info) => life.lost(info),
			},
		});
		return made;
	};
	const services: readonly LinkService[] = [
		{ up: (made) => (made.can(DIRECT_CAPABILITY) ? network.look(made) : undefined), down: () => network.stop() },
		directService(direct),
		{ down: () => presence.down() },
		// A Client that has come back may be behind another router.
		{ up: (_, before) => (before !== undefined ? mapper?.networkChanged() : undefined) },
		{ up: (made, before) => (before !== undefined ? comingBack.told(made, before) : undefined) },
		{ up: () => survivors.wayIsThere() },
		{ up: (made, before) => broadcasts.up(made, before) },
		...more,
		// The last one: what it brings may concern all of them.
		{ up: (made, before) => (before !== undefined ? made.listen() : undefined) },
	];
	const uplink: Uplink = new Uplink(
		{
			clock,
			services,
			assertOpen,
			waitingCalls: limits.waitingCalls,
			waits: options.offline === "wait",
			comesBack: () => life.comesBack,
			lostError: () => life.lostError,
		},
		linkTo(greeted),
	);
	const broadcasts: ClientBroadcasts = new ClientBroadcasts({ limits, ids, clock, random, budgets, uplink });
	const presence = new ClientPresence({ limits, ids, clock, uplink, metadata: options.metadata });
	const paths = new ClientPaths({
		id,
		limits,
		clock,
		channelTimeoutMs: channelTimeoutMs(options),
		direct,
		network,
		uplink,
		survivors,
		assertOpen,
		leaving: () => life.leaving,
	});
	transport.onDatagram = datagramsTo(direct, network, link, () => clock.now());
	const signs = heedSigns({
		machine: runtime.machine,
		comesBack: () => life.comesBack,
		link: () => uplink.present,
		hurry: () => comingBack.hurry(),
		networkChanged: () => {
			direct.lookAround(true);
			mapper?.networkChanged();
		},
		askChannels: (moved, long) => direct.awoke(moved, long),
	});
	// The last one that is given ends first.
	life.own(({ error }) => direct.destroy(error));
	life.own(({ error }) => link().destroy(error, RESET_CODES.CLIENT_CLOSED));
	life.own(({ error }) => presence.end(error));
	life.own(({ error }) => broadcasts.end(error));
	life.own(({ error }) => streams.destroy(error));
	life.own(() => network.stop());
	life.own(() => void mapper?.close());
	life.own(({ error }) => uplink.end(error));
	life.own(() => comingBack.end());
	life.own(signs);
	uplink.begin();
	mapper?.start();
	// Later, when the application has its Client: messages that came with the welcome may concern it.
	clock.soon(() => link().listen());
	return { life, uplink, comingBack, direct, network, presence, broadcasts, paths, streams, feed };
}

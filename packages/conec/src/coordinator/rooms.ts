/**
 * The parts of a Coordinator, and what each of them needs of the others.
 *
 * @module
 */

import { randomHex } from "../base/random.ts";
import { WorkShare } from "../session/pace/index.ts";
import { Reception } from "../session/protocols/index.ts";
import { StatusFeed } from "../session/status-feed.ts";
import { StreamBudgets } from "../stream/flow.ts";
import { lender } from "../stream/lent.ts";
import { RESET_CODES } from "../wire/codes.ts";
import { type AdmissionHost, HolderTrials } from "./admission/index.ts";
import { Bandwidth } from "./bandwidth/index.ts";
import type { CoordinatorParts } from "./begin.ts";
import { Broadcasts } from "./broadcast/index.ts";
import { Defence } from "./defence/index.ts";
import { dispatchStream } from "./dispatch.ts";
import { Door } from "./door.ts";
import type { Introductions } from "./introduction/index.ts";
import { createIntroductions } from "./introductions.ts";
import { CoordinatorLife } from "./life.ts";
import { budgetOf, HeldMemory } from "./memory/index.ts";
import { OwnStreams } from "./own-streams/index.ts";
import { PresenceService } from "./presence/index.ts";
import { ProxiedStreams } from "./proxy/index.ts";
import { checkPeer, Registry, type Session, type SessionHost } from "./sessions/index.ts";
import type { CoordinatorStatus } from "./status.ts";

/** See the module. */
export interface CoordinatorRooms {
	readonly life: CoordinatorLife;
	readonly registry: Registry<Session>;
	readonly reception: Reception;
	/** With the Coordinator's own application. */
	readonly streams: OwnStreams;
	readonly proxied: ProxiedStreams;
	readonly broadcasts: Broadcasts;
	readonly introductions: Introductions;
	readonly presence: PresenceService;
	readonly door: Door;
	readonly memory: HeldMemory;
	readonly feed: StatusFeed<CoordinatorStatus>;
}

/** Makes them, and says what ends with the Coordinator. Nothing is listened to before the door opens. */
export function createRooms(parts: CoordinatorParts): CoordinatorRooms {
	const { options, runtime, transport, kept } = parts;
	const { limits, handlers, broadcastRule: ruleOf } = options;
	const { clock, random } = runtime;
	const budgetBytes = budgetOf(limits.heldBytes, runtime.memoryBytes?.() ?? WORLD_BYTES);
	const epoch = randomHex(random, 16);
	const feed = new StatusFeed<CoordinatorStatus>(limits.statusEvents);
	const defence = new Defence(clock, (status) => feed.emit(status));
	const bandwidth = new Bandwidth(limits, (whom) => defence.count("slowed", "bytes", whom));
	const registry = new Registry<Session>(limits);
	const reception = new Reception({ owner: "the Coordinator", limits, clock, handlers, failed: (failure) => feed.emit(failure) });
	const budgets = new StreamBudgets(limits, clock);
	const streams = new OwnStreams(limits, clock, random, reception, budgets, defence);
	const lend = lender(budgets, limits, clock, false);
	const presence = new PresenceService(epoch, limits, lend, defence, clock);
	const broadcasts = new Broadcasts({
		limits: { ...limits, broadcastHeldBytes: Math.min(limits.broadcastHeldBytes, budgetBytes) },
		...{ ruleOf, transport, clock, random, lend, defence },
		taking: (connection, take) => bandwidth.taking(connection, take),
		emit: (status) => feed.emit(status),
	});
	const memory = new HeldMemory({
		...{ budgetBytes, clock, transport, defence, broadcasts },
		sessions: () => registry.holders(),
		unread: () => budgets.windows.unread(),
		presenceBytes: () => presence.logBytes,
		endedStreams: () => proxied.ended + streams.ended,
	});
	const life = new CoordinatorLife({
		...{ limits, clock, random, transport, kept, registry, streams, broadcasts, presence, feed },
		introductions: () => introductions,
	});
	const proxied = new ProxiedStreams(limits, transport, defence, clock);
	const find = (id: string): Session | undefined => registry.find(id);
	const closing = (): boolean => life.closing;
	const denied = (fingerprint: string): boolean => door.credentials.deny.has(fingerprint);
	const introductions: Introductions = createIntroductions(parts, { find, closing, denied, defence, emit: (status) => feed.emit(status) });
	const door: Door = new Door(parts, {
		...{ registry, presence, broadcasts, proxied, feed },
		introductions: () => introductions,
		admission: () => admission,
		stopping: () => life.stopping !== undefined,
	});
	const destinations = { limits, find, closing, streams, proxied, broadcasts, presence };
	const slowed: AdmissionHost["slowed"] = ({ id, fingerprint, connection }, what) =>
		defence.count("slowed", what, { id, fingerprint, address: connection.remoteAddress.address });
	const work = new WorkShare(clock);
	const sessions: SessionHost = {
		...{ limits, clock, work },
		changed: (session) => {
			presence.set(session.peer);
			broadcasts.update(session);
		},
		changeCost: (session) => broadcasts.updateCost(session),
		release: (session) => door.ended(session),
		onStream: (session, incoming) => dispatchStream(session, incoming, destinations),
		onChannelMessage: (from, message) => introductions.received(from, message),
		onHeard: (from) => introductions.heard(from),
		onOpensSlowed: (session) => slowed(session, "stream"),
		onRequest: ({ control }, message) =>
			control.send(message.type === "peer-check" ? checkPeer(message, registry.find(message.peer)) : broadcasts.count(message)),
	};
	const admission: AdmissionHost = {
		...{ limits, runtime, epoch, registry, denied, introductions, sessions, slowed },
		stopping: () => life.stopping,
		leases: kept.leases,
		trials: new HolderTrials(limits, clock),
		clientRoots: () => door.credentials.clientTrust.roots,
		welcoming: (client) => bandwidth.join(client),
		admitted: (session) => {
			memory.begin();
			door.admitted(session);
		},
		refused: ({ remoteAddress }, { code, message = "" }, id) => {
			if (code === "LIMIT_EXCEEDED") defence.count("refused", "connection", { id, address: remoteAddress.address });
			feed.emit({ type: "refused", id, address: remoteAddress, code, reason: message });
		},
	};
	// The last one that is given ends first.
	life.own(() => work.end());
	life.own(() => defence.end());
	life.own(() => memory.end());
	life.own(() => proxied.end());
	life.own(() => introductions.end());
	life.own(() => {
		for (const session of [...registry.holders()]) session.forget();
	});
	life.own(() => presence.end());
	life.own(() => broadcasts.end(RESET_CODES.COORDINATOR_CLOSED));
	life.own(({ error }) => streams.destroy(error));
	return { life, registry, reception, streams, proxied, broadcasts, introductions, presence, door, memory, feed };
}

/** A machine that says nothing of its memory. */
const WORLD_BYTES = 1_073_741_824;

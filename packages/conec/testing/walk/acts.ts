/**
 * What applications do in a walk. Each returns whether it could be done.
 *
 * @module
 */

import type { BroadcastOptions } from "../../src/stream/broadcast-stream.ts";
import type { Actor, CoordinatorApplication } from "./actor.ts";
import type { Weighted } from "./chooser.ts";
import type { StreamEnd } from "./end-record.ts";
import type { BroadcastMemberRecord } from "./member-record.ts";
import { PresenceRecord } from "./presence-record.ts";
import { CHANGING, FAILING, HANDLED, UNHANDLED } from "./protocols.ts";
import { UNWITNESSED, type Walk, WITNESSED } from "./walk.ts";

/** A stream is opened within this time: it may have waited for a direct channel before. */
export const OPEN_MS = 10_000;

/** See the module. */
export const ACTS: readonly Weighted<Walk>[] = [
	...(["proxied", "direct", "auto"] as const).map((path) => ({
		name: `open ${path}`,
		weight: 5,
		run: (walk: Walk) =>
			withClient(walk, (actor, client) => {
				const to = peerOf(walk, actor);
				if (path === "direct" && to === actor.id) return false;
				walk.open(actor, to, `open-${path}`, OPEN_MS, (metadata) => client.openStream(to, { path, metadata, early: walk.choose.chance(0.15) }));
				return true;
			}),
	})),
	{
		name: "open to the Coordinator",
		weight: 2,
		run: (walk) =>
			withClient(walk, (actor, client) => {
				walk.open(actor, null, "open-coordinator", OPEN_MS, (metadata) => client.openCoordinatorStream({ metadata }));
				return true;
			}),
	},
	{
		name: "open from the Coordinator",
		weight: 2,
		run: (walk) => {
			const { coordinator } = walk;
			const peer = walk.choose.any(walk.up());
			if (coordinator === undefined || peer === undefined) return false;
			walk.open(coordinator, peer.id, "open-peer", OPEN_MS, (metadata) => coordinator.coordinator.openStream(peer.id, { metadata }));
			return true;
		},
	},
	{
		// More than there are places for, in some worlds.
		name: "open many at once",
		weight: 0.7,
		run: (walk) =>
			withClient(walk, (actor, client) => {
				const to = peerOf(walk, actor);
				const path = walk.choose.pick(["proxied", "auto"] as const);
				for (let count = walk.choose.integer(10, 30); count > 0; count--)
					walk.open(actor, to, "open-many", OPEN_MS, (metadata) => client.openStream(to, { path, metadata }));
				return true;
			}),
	},
	{
		name: "open aborted",
		weight: 2,
		run: (walk) =>
			withClient(walk, (actor, client) => {
				const to = peerOf(walk, actor);
				const abort = new AbortController();
				const reason = new Error("the application has changed its mind");
				walk.world.clock.setTimeout(() => abort.abort(reason), walk.choose.integer(0, 200));
				walk.open(actor, to, "open-aborted", OPEN_MS, (metadata) => client.openStream(to, { metadata, signal: abort.signal }), { reason });
				return true;
			}),
	},
	openWith("open with a protocol", 4, HANDLED),
	openWith("open with a protocol that fails", 1.5, FAILING),
	openWith("open with a protocol that comes and goes", 2, CHANGING),
	openWith("open with a protocol that nobody handles", 1.5, UNHANDLED),
	{ name: "handle a protocol, or no more", weight: 2.5, run: (walk) => withClient(walk, (actor, client) => does(() => actor.change(client))) },
	{
		name: "handle a protocol at the Coordinator, or no more",
		weight: 1,
		run: ({ coordinator }) => coordinator !== undefined && does(() => coordinator.change(coordinator.coordinator)),
	},
	{ name: "send", weight: 24, run: (walk) => withEnd(walk, (end) => sendSome(walk, end, walk.choose.integer(1, 5), walk.choose.pick([0, 3, 20, 300, 1_500]))) },
	{ name: "send much", weight: 3, run: (walk) => withEnd(walk, (end) => sendSome(walk, end, walk.choose.integer(5, 30), 4_000)) },
	{
		name: "send aborted",
		weight: 2,
		run: (walk) =>
			withEnd(walk, (end) => {
				if (end.closing !== undefined) return false;
				const aborts = Array.from({ length: walk.choose.integer(1, 12) }, () => new AbortController());
				for (const { signal } of aborts) end.send(3_000, signal);
				walk.world.clock.setTimeout(() => walk.choose.pick(aborts).abort(new Error("not this one")), walk.choose.integer(0, 100));
				return true;
			}),
	},
	{ name: "pause reading", weight: 4, run: (walk) => withEnd(walk, (end) => !end.paused && does(() => end.pause())) },
	{ name: "resume reading", weight: 5, run: (walk) => withEnd(walk, (end) => end.paused && does(() => end.resume())) },
	{ name: "close a stream", weight: 8, run: (walk) => withEnd(walk, (end) => end.closing === undefined && does(() => end.close())) },
	{
		name: "reset a stream",
		weight: 1.5,
		run: (walk) =>
			withEnd(walk, (end) => {
				// Now and then in the middle of closing.
				if (walk.choose.chance(0.4)) end.close();
				walk.world.clock.setTimeout(() => end.reset(walk.choose.integer(0, 99)), walk.choose.pick([0, 0, 20, 100]));
				return true;
			}),
	},
	{ name: "stop a stream", weight: 1.5, run: (walk) => withEnd(walk, (end) => does(() => end.stop(walk.choose.integer(0, 99)))) },
	{
		name: "open a channel",
		weight: 2,
		run: (walk) =>
			withClient(walk, (actor, client) => {
				const to = peerOf(walk, actor);
				if (to === actor.id) return false;
				walk
					.ask(actor, `channel to ${to}`, 10_000, client.openChannel(to))
					.then((channel) => walk.verdict.must(channel.peer === to, () => `a channel to ${to} shows ${channel.peer}`), nothing);
				return true;
			}),
	},
	{
		name: "close a channel",
		weight: 1,
		run: (walk) =>
			withClient(walk, (actor, client) => {
				const channel = walk.choose.any(client.channels());
				if (channel === undefined) return false;
				walk.ask(actor, `close-channel to ${channel.peer}`, 3_000, channel.close()).catch(nothing);
				return true;
			}),
	},
	{
		name: "join a broadcast",
		weight: 9,
		run: (walk) =>
			withClient(walk, (actor, client) => {
				const name = walk.choose.pick([...Object.keys(WITNESSED), UNWITNESSED]);
				const options = joinOptions(walk, name, actor);
				walk.ask(actor, `join ${name} ${JSON.stringify(options)}`, 10_000, client.joinBroadcast(name, options)).then((stream) => {
					if (stream.recovered !== undefined) walk.sights.add(`recovered: ${stream.recovered}`);
					actor.members.push(walk.broadcasts.joined(actor, stream, options));
				}, nothing);
				return true;
			}),
	},
	{
		name: "broadcast",
		weight: 10,
		run: (walk) =>
			withMember(walk, (member) => member.maySend && does(() => broadcastSome(walk, member, walk.choose.integer(1, 4), walk.choose.pick([20, 200, 900])))),
	},
	{
		name: "broadcast much",
		weight: 4,
		run: (walk) => withMember(walk, (member) => member.maySend && does(() => broadcastSome(walk, member, walk.choose.integer(10, 25), 12_000))),
	},
	{
		// More than all that lies between the Coordinator and a reader that does not read.
		name: "flood a slow reader",
		weight: 4,
		run: (walk) =>
			withMember(walk, (reader) => {
				const senders = walk.up().flatMap((actor) => actor.liveMembers().filter((one) => one.maySend && one.stream.epoch === reader.stream.epoch));
				const sender = walk.choose.any(senders);
				if (reader.options.mode === "send" || sender === undefined) return false;
				reader.pause();
				return does(() => broadcastSome(walk, sender, walk.choose.integer(20, 40), 12_000));
			}),
	},
	{ name: "pause a broadcast", weight: 7, run: (walk) => withMember(walk, (member) => does(() => member.pause())) },
	{ name: "resume a broadcast", weight: 4, run: (walk) => withMember(walk, (member) => does(() => member.resume())) },
	{ name: "finish a broadcast", weight: 1, run: (walk) => withMember(walk, (member) => member.maySend && does(() => member.finish())) },
	{ name: "leave a broadcast", weight: 2.5, run: (walk) => withMember(walk, (member) => does(() => member.close())) },
	{
		name: "count a broadcast",
		weight: 1,
		run: (walk) =>
			withClient(walk, (actor, client) =>
				does(() => walk.ask(actor, "count", 10_000, client.countBroadcast(walk.choose.pick([...Object.keys(WITNESSED), UNWITNESSED]))).catch(nothing)),
			),
	},
	{
		name: "watch the peers",
		weight: 2,
		run: (walk) =>
			withClient(
				walk,
				(actor, client) => actor.liveWatches().length < 3 && does(() => actor.watches.push(new PresenceRecord(actor, client.watchPeers(), walk.verdict))),
			),
	},
	{
		name: "watch the peers at the Coordinator",
		weight: 1,
		run: (walk) => {
			const { coordinator } = walk;
			if (coordinator === undefined || coordinator.watches.filter(({ live }) => live).length > 1) return false;
			return does(() => coordinator.watches.push(new PresenceRecord(coordinator, coordinator.coordinator.watchPeers(), walk.verdict)));
		},
	},
	{
		name: "pause or leave a watch",
		weight: 2,
		run: (walk) =>
			withClient(walk, (actor) => {
				const watch = walk.choose.any(actor.liveWatches());
				if (watch === undefined) return false;
				return does(() => walk.choose.pick([() => watch.pause(), () => watch.resume(), () => watch.leave()])());
			}),
	},
	{
		name: "list the peers",
		weight: 1,
		run: (walk) => withClient(walk, (actor, client) => does(() => walk.ask(actor, "peers", 10_000, client.peers()).catch(nothing))),
	},
	{
		name: "change metadata",
		weight: 3,
		run: (walk) =>
			withClient(walk, (actor, client) =>
				does(() => walk.ask(actor, "metadata", 10_000, client.updateMetadata({ at: walk.choose.integer(0, 999) })).catch(nothing)),
			),
	},
	{
		name: "look",
		weight: 1,
		run: (walk) =>
			withClient(walk, (actor, client) => {
				client.explain(peerOf(walk, actor));
				for (const channel of client.channels()) channel.stats();
				walk.coordinator?.coordinator.clients();
				walk.coordinator?.coordinator.explain(actor.id, peerOf(walk, actor));
				return true;
			}),
	},
	{
		name: "close a Client",
		weight: 1,
		run: (walk) =>
			withClient(walk, (actor, client) => {
				actor.left = true;
				walk.ask(actor, "close", 3_000, client.close()).catch(nothing);
				return true;
			}),
	},
	{
		name: "destroy a Client",
		weight: 0.7,
		run: (walk) =>
			withClient(walk, (actor, client) => {
				actor.left = true;
				client.destroy();
				return true;
			}),
	},
	{
		name: "connect a Client",
		weight: 6,
		run: (walk) => {
			const actor = walk.choose.any(
				[...walk.actors.values()].filter((one) => !one.witness && (one.state === "over" || (one.state === "lost" && walk.choose.chance(0.3)))),
			);
			if (actor === undefined) return false;
			// An application that has lost the Coordinator begins anew.
			actor.left = true;
			actor.client?.destroy();
			walk.startClient(actor.id);
			return true;
		},
	},
];

const nothing = (): void => undefined;

function does(act: () => unknown): true {
	act();
	return true;
}

/** Does it with some Client that has not left. */
export function withClient(walk: Walk, act: (actor: Actor, client: NonNullable<Actor["client"]>) => boolean): boolean {
	const actor = walk.choose.any([...walk.up(), ...[...walk.actors.values()].filter((one) => one.state === "lost" && !one.left && !one.killed)]);
	return actor?.client !== undefined && act(actor, actor.client);
}

/** The id of somebody, connected or not; seldom one's own, or nobody's. */
export function peerOf(walk: Walk, actor: Actor): string {
	if (walk.choose.chance(0.03)) return "nobody";
	const others = [...walk.actors.values()].filter((one) => !one.witness && (one !== actor || walk.choose.chance(0.2)));
	return walk.choose.any(others)?.id ?? "nobody";
}

/** Opens a stream with a protocol, by any way there is. */
function openWith(name: string, weight: number, protocol: string): Weighted<Walk> {
	const run = (walk: Walk): boolean => {
		const { coordinator, choose } = walk;
		const facts = (metadata: number) => ({ metadata, protocol, early: protocol !== UNHANDLED && choose.chance(0.15) });
		const way = choose.pick(["auto", "proxied", "direct", "to", "from"] as const);
		if (way === "from") {
			const peer = choose.any(walk.up());
			if (coordinator === undefined || peer === undefined) return false;
			walk.open(coordinator, peer.id, "open-peer", OPEN_MS, (metadata) => coordinator.coordinator.openStream(peer.id, facts(metadata)), { protocol });
			return true;
		}
		return withClient(walk, (actor, client) => {
			const to = way === "to" ? null : peerOf(walk, actor);
			if (way === "direct" && to === actor.id) return false;
			const open = (metadata: number) =>
				to === null || way === "to" ? client.openCoordinatorStream(facts(metadata)) : client.openStream(to, { ...facts(metadata), path: way });
			walk.open(actor, to, `open-${way}-with-protocol`, OPEN_MS, open, { protocol });
			return true;
		});
	};
	return { name, weight, run };
}

/** Does it with an end of some stream that is not over. */
export function withEnd(walk: Walk, act: (end: StreamEnd) => boolean): boolean {
	const parties: (Actor | CoordinatorApplication)[] = [...walk.actors.values()];
	if (walk.coordinator !== undefined) parties.push(walk.coordinator);
	const end = walk.choose.any(parties.filter((party) => !party.killed && !party.left).flatMap((party) => party.liveEnds()));
	return end !== undefined && act(end);
}

function withMember(walk: Walk, act: (member: BroadcastMemberRecord) => boolean): boolean {
	const member = walk.choose.any(walk.up().flatMap((actor) => actor.liveMembers()));
	return member !== undefined && act(member);
}

function sendSome(walk: Walk, end: StreamEnd, count: number, size: number): boolean {
	if (end.closing !== undefined || end.waitingSends > 60) return false;
	for (let i = 0; i < count; i++) end.send(size === 0 ? 0 : walk.choose.integer(Math.ceil(size / 2), size));
	return true;
}

function broadcastSome(walk: Walk, member: BroadcastMemberRecord, count: number, size: number): void {
	for (let i = 0; i < count; i++) member.send(walk.choose.integer(Math.ceil(size / 2), size));
}

function joinOptions(walk: Walk, name: string, actor: Actor): BroadcastOptions {
	const { choose } = walk;
	const policies = ["drop-oldest", "drop-newest", "latest-per-sender", "disconnect", ...(WITNESSED[name]?.block === true ? (["block"] as const) : [])] as const;
	const options: BroadcastOptions = {
		mode: choose.pick(["both", "both", "send", "receive"] as const),
		slowReader: choose.pick(policies),
		bufferBytes: choose.pick([1_024, 2_048, 8_192, 65_536]),
		keepOpen: choose.chance(0.5),
		presence: choose.chance(0.5),
	};
	// Who has been in it goes on, or anybody who knows a place in it.
	const before = choose.any(
		walk.broadcasts.members.filter((member) => member.stream.name === name && member.lastSeq > 0 && (member.party.id === actor.id || choose.chance(0.1))),
	);
	const chance = choose.fraction();
	if (before !== undefined && chance < 0.5) return { ...options, since: { epoch: before.epoch, seq: Math.max(0, before.lastSeq - choose.integer(0, 8)) } };
	return chance < 0.75 ? { ...options, last: choose.pick([0, 1, 4, 5, 6, 39, 40, 50]) } : options;
}

/**
 * The end of a walk: faults stop, everything comes to rest, and what must hold then is checked.
 *
 * @module
 */

import { censusOfClient } from "../../src/client/client.ts";
import { censusOfCoordinator } from "../../src/coordinator/coordinator.ts";
import type { PeerInfo } from "../../src/session/peer-info.ts";
import { CLIENT_NAMES, testIdentity } from "../identities.ts";
import type { Actor } from "./actor.ts";
import type { BroadcastMemberRecord } from "./member-record.ts";
import { PresenceRecord } from "./presence-record.ts";
import { type Walk, WITNESS } from "./walk.ts";

/** Brings a walk to its end. */
export async function comeToRest(walk: Walk): Promise<void> {
	const { world, verdict } = walk;
	const { clock } = world;
	world.note("faults stop");
	for (const over of [...walk.lasting, ...walk.denials]) over();
	if (walk.returning !== undefined) {
		await clock.advance(Math.max(0, walk.returning.atMs - clock.now()));
		await walk.startCoordinator();
	}
	// Idle limits that had begun run out, and what was asked for ends.
	await clock.advance(30_000);
	for (const actor of walk.all) for (const one of [...actor.ends, ...actor.members, ...actor.watches]) one.resume();
	for (const one of walk.coordinators.flatMap(({ ends, watches }) => [...ends, ...watches])) one.resume();
	for (const actor of [...walk.actors.values()]) {
		verdict.must(actor.state !== "lost", () => `${actor.name} has not come back within 30 s`);
		if (actor.state !== "over") continue;
		actor.left = true;
		actor.client?.destroy();
		walk.startClient(actor.id);
	}
	await clock.advance(20_000);
	verdict.must(walk.waiting.size === 0, () => `requests that do not end: ${[...walk.waiting].join(", ")}`);
	for (const [id, actor] of walk.actors) verdict.must(actor.state === "up", () => `${id} is ${actor.state} when the faults are over`);
	checkIdentities(walk);
	await checkBroadcasts(walk);
	await checkPresence(walk);
	await endStreams(walk);
	walk.streams.check();
	for (const application of [...walk.all.filter(({ state }) => state === "up"), ...walk.coordinators.filter((one) => one === walk.coordinator)])
		verdict.must(
			application.failed === application.failuresTold,
			() => `${application.name}: ${application.failed} handlers have failed, and ${application.failuresTold} are told`,
		);
	walk.broadcasts.check();
	for (const actor of walk.all) {
		if (actor.client === undefined || actor.state !== "up") continue;
		const census = censusOfClient(actor.client);
		verdict.must(isZero(census), () => `${actor.name} keeps ${JSON.stringify(census)} at rest`);
	}
	await endEverything(walk);
}

function isZero(census: object): boolean {
	return Object.values(census).every((count) => count === 0);
}

/** Whoever is shown to be connected has the key of that id. */
function checkIdentities(walk: Walk): void {
	for (const { id, fingerprint } of walk.coordinator?.coordinator.clients() ?? []) {
		const known = CLIENT_NAMES.includes(id) ? testIdentity(id).fingerprint : undefined;
		walk.verdict.must(known === fingerprint, () => `the Coordinator shows ${fingerprint} as ${id}`);
	}
}

/** Each member that still reads gets what is sent now, and knows who is in. */
async function checkBroadcasts(walk: Walk): Promise<void> {
	const witness = walk.actors.get(WITNESS);
	const live = walk.all.flatMap((actor) => (actor.state === "up" ? actor.liveMembers() : [])).filter((member) => member.closed === undefined);
	for (const member of witness?.members ?? []) if (member.live) member.send(50);
	await walk.world.clock.advance(20_000);
	for (const member of witness?.members ?? []) {
		const together = live.filter((other) => other.stream.epoch === member.stream.epoch && other.closed === undefined);
		const lastSeq = Math.max(...member.messages.keys());
		for (const other of together) {
			if (other.options.mode !== "send")
				walk.verdict.must(other.lastSeq >= lastSeq, () => `${other.name}: it has not got message ${lastSeq}, its last is ${other.lastSeq}`);
			checkMembers(walk, other, together);
		}
	}
}

function checkMembers(walk: Walk, member: BroadcastMemberRecord, together: readonly BroadcastMemberRecord[]): void {
	if (member.options.presence !== true || member.options.mode === "send") return;
	const seen = [...member.present.keys()].sort().join(" ");
	const real = [...new Set(together.map(({ party }) => party.id))].sort().join(" ");
	walk.verdict.must(seen === real, () => `${member.name}: it sees ${seen}, and there are ${real}`);
}

/** All who watch have come to the same end, and so has who asks now. */
async function checkPresence(walk: Walk): Promise<void> {
	const { coordinator, verdict, world } = walk;
	if (coordinator === undefined) return;
	const watching = [
		...walk.all.filter(({ state }) => state === "up").flatMap((actor) => actor.liveWatches()),
		...coordinator.watches.filter(({ live }) => live),
	];
	const witness = walk.actors.get(WITNESS);
	if (witness?.client !== undefined) {
		const fresh = new PresenceRecord(witness, witness.client.watchPeers(), verdict);
		witness.watches.push(fresh);
		watching.push(fresh);
	}
	await world.clock.advance(5_000);
	const truth = new Map<string, PeerInfo>(
		coordinator.coordinator.clients().map(({ id, fingerprint, metadata }) => [id, { id, fingerprint, ...(metadata === undefined ? {} : { metadata }) }]),
	);
	for (const watch of watching) watch.check(truth);
	const up = [...walk.actors.keys()].sort().join(" ");
	const known = [...truth.keys()].sort().join(" ");
	verdict.must(up === known, () => `connected are ${known}, and should be ${up}`);
}

/** Applications are done with all they have, and read to the end. */
async function endStreams(walk: Walk): Promise<void> {
	const applications = [...walk.all, ...walk.coordinators];
	for (const application of applications) for (const end of application.ends) end.close();
	for (const actor of walk.all) for (const member of actor.members) if (member.closed === undefined) member.close();
	for (const application of applications) for (const watch of application.watches) watch.leave();
	await walk.world.clock.advance(10_000);
	await closeChannels(walk);
	// A peer is kept in mind for a minute after a stream to it that might have been direct, and a channel to it may come about meanwhile.
	await walk.world.clock.advance(70_000);
	await closeChannels(walk);
	await walk.world.clock.advance(1_000);
	for (const { id, streams } of walk.coordinator?.coordinator.clients() ?? [])
		walk.verdict.must(streams === 0, () => `${streams} streams of ${id} are left at rest`);
}

/** A channel that nobody uses stays until somebody closes it. */
async function closeChannels({ world, all }: Walk): Promise<void> {
	const channels = all.flatMap(({ client }) => client?.channels() ?? []);
	await world.clock.until(Promise.all(channels.map((channel) => channel.close())), 4_000);
}

async function endEverything(walk: Walk): Promise<void> {
	const { world, verdict, coordinator } = walk;
	const closing = walk.all
		.filter(({ client }) => client !== undefined)
		.map((actor: Actor) => {
			actor.left = true;
			return walk.ask(actor, "close", 3_000, actor.client?.close() ?? Promise.resolve());
		});
	await world.clock.until(Promise.all(closing), 4_000);
	// What may be sent to whom is remembered for a while.
	await world.clock.advance(150_000);
	if (coordinator !== undefined) {
		const census = censusOfCoordinator(coordinator.coordinator);
		verdict.must(isZero(census), () => `the Coordinator keeps ${JSON.stringify(census)} when nobody is connected`);
		await world.clock.until(walk.ask(coordinator, "close", 3_000, coordinator.coordinator.close()), 4_000);
	}
	await world.clock.advance(1_000);
	const { network, clock } = world;
	verdict.must(
		network.openConnections === 0 && network.liveStreams === 0,
		() => `${network.openConnections} connections and ${network.liveStreams} streams are left`,
	);
	verdict.must(clock.pending === 0, () => `${clock.pending} timers are left`);
}

/**
 * What the network does in a walk, and who dies. Each returns whether it could be done.
 *
 * @module
 */

import { testIdentity } from "../identities.ts";
import type { Machine } from "../world.ts";
import type { Actor, CoordinatorApplication } from "./actor.ts";
import type { Weighted } from "./chooser.ts";
import type { Walk } from "./walk.ts";

/** See the module. */
export const FAULTS: readonly Weighted<Walk>[] = [
	{
		name: "fault: a link to the Coordinator is cut",
		weight: 1,
		run: (walk) =>
			withCoordinator(walk, (actor, machine) => {
				actor.excused = true;
				walk.world.note(`fault: ${actor.name} and the Coordinator are cut`);
				walk.world.cut(actor.machine, machine);
				return true;
			}),
	},
	{
		name: "fault: a direct link is cut",
		weight: 1,
		run: (walk) => {
			const pair = walk.choose.any(walk.up().flatMap((actor) => (actor.client?.channels() ?? []).map(({ peer }) => [actor, walk.actors.get(peer)] as const)));
			if (pair?.[1] === undefined) return false;
			walk.world.note(`fault: ${pair[0].name} and ${pair[1].name} are cut`);
			walk.world.cut(pair[0].machine, pair[1].machine);
			return true;
		},
	},
	{
		// Shorter than any idle limit: no connection may be lost.
		name: "fault: a link to the Coordinator stalls",
		weight: 1.5,
		run: (walk) =>
			withCoordinator(walk, (actor, machine) => part(walk, actor.name, "the Coordinator", actor.machine, machine, walk.choose.integer(100, 8_000))),
	},
	{
		name: "fault: a link to the Coordinator is dead",
		weight: 0.7,
		run: (walk) =>
			withCoordinator(walk, (actor, machine) => {
				actor.excused = true;
				return part(walk, actor.name, "the Coordinator", actor.machine, machine, walk.choose.integer(16_000, 25_000));
			}),
	},
	{
		name: "fault: two Clients are parted",
		weight: 1.5,
		run: (walk) => {
			const [one, other] = [walk.choose.any(walk.up()), walk.choose.any(walk.up())];
			if (one === undefined || other === undefined || one === other) return false;
			return part(walk, one.name, other.name, one.machine, other.machine, walk.choose.integer(100, 20_000));
		},
	},
	{
		name: "fault: a Client is alone",
		weight: 0.6,
		run: (walk) =>
			withCoordinator(walk, (actor, machine) => {
				actor.excused = true;
				const forMs = walk.choose.integer(100, 20_000);
				for (const other of walk.actors.values()) if (other !== actor) part(walk, actor.name, other.name, actor.machine, other.machine, forMs);
				return part(walk, actor.name, "the Coordinator", actor.machine, machine, forMs);
			}),
	},
	{
		name: "fault: a Client is killed",
		weight: 1,
		run: (walk) => {
			const actor = walk.choose.any(walk.up());
			if (actor?.client === undefined) return false;
			walk.world.note(`fault: ${actor.name} is killed`);
			actor.killed = true;
			walk.world.kill(actor.machine);
			actor.client.destroy();
			return true;
		},
	},
	{
		name: "fault: the Coordinator is killed",
		weight: 0.35,
		run: (walk) => {
			const { coordinator, world } = walk;
			if (coordinator === undefined) return false;
			world.note(`fault: ${coordinator.name} is killed`);
			coordinator.killed = true;
			for (const actor of walk.actors.values()) actor.excused = true;
			world.kill(coordinator.machine);
			coordinator.coordinator.destroy();
			return comesBack(walk);
		},
	},
	{
		name: "fault: the Coordinator restarts",
		weight: 0.35,
		run: (walk) => {
			const { coordinator, world } = walk;
			if (coordinator === undefined) return false;
			world.note(`fault: ${coordinator.name} restarts`);
			coordinator.left = true;
			for (const actor of walk.actors.values()) actor.excused = true;
			walk.ask(coordinator, "close", 3_000, coordinator.coordinator.close()).catch(() => undefined);
			return comesBack(walk);
		},
	},
	{
		name: "fault: a Client is superseded",
		weight: 0.7,
		run: (walk) => {
			const actor = walk.choose.any(walk.up());
			if (actor === undefined) return false;
			actor.excused = true;
			walk.world.note(`fault: ${actor.name} is superseded`);
			walk.startClient(actor.id);
			return true;
		},
	},
	{
		name: "fault: a stranger wants an id",
		weight: 0.5,
		run: (walk) => {
			const actor = walk.choose.any(walk.up());
			const stranger = walk.choose.any([...walk.actors.keys()].filter((id) => id !== actor?.id));
			const { coordinator } = walk;
			if (coordinator?.coordinator.clients().some(({ id }) => id === actor?.id) !== true || actor === undefined || stranger === undefined) return false;
			// Without a lease its holder has to answer, and may be cut off just now.
			actor.excused = true;
			// A Coordinator that comes instead knows of no lease, and would give it the id for a day.
			const abort = new AbortController();
			walk.strangers.add(abort);
			const asking = walk.world.connect(walk.world.machine("stranger"), stranger, { id: actor.id, signal: abort.signal });
			walk
				.ask({ name: "stranger" }, `connect as ${actor.id}`, 10_000, asking, STRANGER_LEAVES)
				.then(
					(client) => {
						walk.verdict.wrong(`a stranger got the id ${actor.id}`);
						client.destroy();
					},
					() => undefined,
				)
				.finally(() => walk.strangers.delete(abort));
			return true;
		},
	},
	{
		name: "fault: the Coordinator disconnects a Client",
		weight: 0.6,
		run: (walk) =>
			withCoordinator(walk, (actor) => {
				const { coordinator } = walk.coordinator ?? {};
				if (coordinator?.clients().some(({ id }) => id === actor.id) !== true) return false;
				actor.excused = true;
				walk.world.note(`fault: ${actor.name} is disconnected`);
				coordinator.disconnect(actor.id, "enough");
				return true;
			}),
	},
	{
		name: "fault: the Coordinator sends a Client away for a while",
		weight: 0.4,
		run: (walk) =>
			withCoordinator(walk, (actor) => {
				const { coordinator } = walk.coordinator ?? {};
				if (coordinator?.clients().some(({ id }) => id === actor.id) !== true) return false;
				actor.excused = true;
				const retryAfterMs = walk.choose.integer(0, 5_000);
				walk.world.note(`fault: ${actor.name} is sent away for ${retryAfterMs} ms`);
				coordinator.disconnect(actor.id, { reason: "come back later", retryAfterMs, spreadMs: walk.choose.pick([0, 1_000]) });
				return true;
			}),
	},
	{
		name: "fault: a key is denied",
		weight: 0.6,
		run: (walk) =>
			withCoordinator(walk, (actor) => {
				const { coordinator } = walk;
				if (coordinator === undefined || coordinator.left || coordinator.killed || walk.denials.size > 0) return false;
				return denied(walk, actor, coordinator);
			}),
	},
	{
		name: "fault: a Client has another address",
		weight: 0.7,
		run: (walk) => {
			const actor = walk.choose.any(walk.up());
			const [transport] = actor?.machine.transports ?? [];
			if (actor === undefined || transport === undefined) return false;
			walk.world.note(`fault: ${actor.name} moves`);
			transport.move();
			return true;
		},
	},
];

function withCoordinator(walk: Walk, act: (actor: Actor, machine: Machine) => boolean): boolean {
	const actor = walk.choose.any(walk.up());
	return actor !== undefined && walk.coordinator !== undefined && act(actor, walk.coordinator.machine);
}

function part(walk: Walk, one: string, other: string, near: Machine, far: Machine, forMs: number): boolean {
	walk.world.note(`fault: ${one} and ${other} are parted for ${forMs} ms`);
	walk.partings++;
	const meet = walk.world.separate(near, far);
	const over = (): void => {
		walk.world.clock.clearTimeout(timer);
		walk.lasting.delete(over);
		meet();
	};
	const timer = walk.world.clock.setTimeout(over, forMs);
	walk.lasting.add(over);
	return true;
}

const STRANGER_LEAVES = new Error("the id may be free now");

/** The key of a Client is denied for a while, which it may not hear of. Unless the network parts somebody else, nobody who is connected has a channel to it soon after. */
function denied(walk: Walk, { id, name, machine }: Actor, { coordinator, machine: its }: CoordinatorApplication): boolean {
	const { world, verdict } = walk;
	const { clock } = world;
	const { fingerprint } = testIdentity(id);
	// It has no lease any more then, so its id is for whoever comes: also for a stranger who has asked already, and is not to get it.
	if (walk.strangers.size > 0) return false;
	const forMs = walk.choose.integer(100, 20_000);
	for (const other of walk.actors.values()) if (other.id === id) other.excused = true;
	world.note(`fault: the key of ${name} is denied for ${forMs} ms`);
	const undisturbed = walk.lasting.size === 0;
	if (walk.choose.chance(0.5)) part(walk, name, "the Coordinator", machine, its, walk.choose.integer(2_000, 20_000));
	coordinator.reload({ deny: [fingerprint] });
	const deniedAtMs = clock.wallMs();
	const before = undisturbed ? walk.partings : undefined;
	const look = clock.setTimeout(() => {
		if (walk.partings !== before || walk.coordinator?.coordinator !== coordinator) return;
		walk.sights.add("a denied key, looked at");
		verdict.must(!coordinator.clients().some((client) => client.fingerprint === fingerprint), () => `${name} is connected, and its key is denied`);
		// Not those that have come back since, or wait for a Coordinator that was killed before this one came: they hear of it a moment after they are back.
		const connected = new Set(coordinator.clients().flatMap((client) => (client.connectedAt.getTime() <= deniedAtMs ? [client.id] : [])));
		for (const other of walk.up().filter((one) => connected.has(one.id))) {
			const has = other.client?.channels().some(({ peer }) => peer === id) === true;
			verdict.must(!has, () => `${other.name} has a channel to ${name}, whose key is denied`);
		}
	}, DENIAL_KNOWN_MS);
	const over = (): void => {
		clock.clearTimeout(timer);
		clock.clearTimeout(look);
		walk.denials.delete(over);
		if (walk.coordinator?.coordinator === coordinator) coordinator.reload({ deny: [] });
	};
	const timer = clock.setTimeout(over, forMs);
	walk.denials.add(over);
	return true;
}

/** Until the word of it has reached everybody, with packets behind others that wait. */
const DENIAL_KNOWN_MS = 1_000;

/** The Coordinator is away for a while, and then there is another one in its place. */
function comesBack(walk: Walk): boolean {
	walk.coordinator = undefined;
	walk.world.coordinatorGone();
	for (const stranger of walk.strangers) stranger.abort(STRANGER_LEAVES);
	const awayMs = walk.choose.integer(3_500, 20_000);
	walk.returning = { atMs: walk.world.clock.now() + awayMs };
	return true;
}

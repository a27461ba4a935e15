/** Networks in which two Clients find each other, or not, beyond one router each: IPv6, many interfaces, carriers. */

import type { LabOptions, Machine, Owner } from "./lab.ts";
import type { RouterKind } from "./nat-kind.ts";
import type { Try } from "./report/results.ts";
import { type Peer, World } from "./world.ts";

/** One network, and whether there is a direct path in it. */
export interface Situation {
	readonly name: string;
	readonly section: "ipv6" | "carriers";
	readonly expectation: "direct" | "proxied";
	readonly lab: LabOptions;
	/** Done once to the lab. */
	readonly prepare?: (world: World) => Promise<unknown>;
	readonly kinds: readonly [RouterKind, RouterKind];
	/** Who dials, who answers. @default a and b */
	readonly places?: readonly [Machine, Machine];
	/** Who reaches the Coordinator over IPv6; the others do over IPv4. */
	readonly over6?: readonly Machine[];
}

const BRIDGES = 8;
const v6: LabOptions = { ipv6: true };
const symmetricCarrier: LabOptions = { carriers: { a: "sym" } };

/** As on a Docker host whose network card was put in later. */
const manyInterfaces =
	(...machines: Machine[]) =>
	async ({ lab }: World): Promise<void> => {
		for (const machine of machines) {
			await lab.bridges(machine, BRIDGES);
			await lab.replug(machine);
		}
	};
const only =
	(family: "4" | "6", ...machines: Machine[]) =>
	async ({ lab }: World): Promise<void> => {
		for (const machine of machines) await lab.family(machine, family);
	};

export const SITUATIONS: readonly Situation[] = [
	{ section: "ipv6", name: "both behind symmetric NATs, with IPv6", expectation: "direct", lab: v6, kinds: ["sym", "sym"] },
	{ section: "ipv6", name: "symmetric to port, with IPv6", expectation: "direct", lab: v6, kinds: ["sym", "port"] },
	{ section: "ipv6", name: "port to symmetric, with IPv6", expectation: "direct", lab: v6, kinds: ["port", "sym"] },
	{ section: "ipv6", name: "both behind address-dependent NATs, with IPv6", expectation: "direct", lab: v6, kinds: ["adm", "adm"] },
	{
		section: "ipv6",
		name: "both behind symmetric NATs, the one that dials reaches the Coordinator over IPv6",
		expectation: "direct",
		lab: v6,
		kinds: ["sym", "sym"],
		over6: ["a"],
	},
	{
		section: "ipv6",
		name: "both behind symmetric NATs, the one that answers reaches the Coordinator over IPv6",
		expectation: "direct",
		lab: v6,
		kinds: ["sym", "sym"],
		over6: ["b"],
	},
	{ section: "ipv6", name: "both have only IPv6", expectation: "direct", lab: v6, kinds: ["port", "port"], over6: ["a", "b"], prepare: only("6", "a", "b") },
	{
		section: "ipv6",
		name: "the one that dials has only IPv6, the other both",
		expectation: "direct",
		lab: v6,
		kinds: ["port", "sym"],
		over6: ["a"],
		prepare: only("6", "a"),
	},
	{
		section: "ipv6",
		name: "one has only IPv6, the other only IPv4",
		expectation: "proxied",
		lab: v6,
		kinds: ["port", "port"],
		over6: ["a"],
		prepare: async (world) => await Promise.all([only("6", "a")(world), only("4", "b")(world)]),
	},
	{
		section: "ipv6",
		name: `both behind symmetric NATs with ${BRIDGES} bridges each, with IPv6`,
		expectation: "direct",
		lab: v6,
		kinds: ["sym", "sym"],
		prepare: manyInterfaces("a", "b"),
	},
	{
		section: "ipv6",
		name: `one network without hairpin, ${BRIDGES} bridges on each machine`,
		expectation: "direct",
		lab: {},
		kinds: ["port", "port"],
		places: ["a", "a2"],
		prepare: manyInterfaces("a", "a2"),
	},
	{ section: "carriers", name: "the one that dials is behind a carrier", expectation: "direct", lab: { carriers: { a: "eim" } }, kinds: ["port", "port"] },
	{ section: "carriers", name: "the one that answers is behind a carrier", expectation: "direct", lab: { carriers: { b: "eim" } }, kinds: ["port", "port"] },
	{ section: "carriers", name: "each behind a carrier of its own", expectation: "direct", lab: { carriers: { a: "eim", b: "port" } }, kinds: ["port", "eim"] },
	{
		section: "carriers",
		name: "a symmetric carrier on one side, a full cone on the other",
		expectation: "direct",
		lab: symmetricCarrier,
		kinds: ["port", "full"],
	},
	{
		section: "carriers",
		name: "a symmetric carrier on one side, a port-restricted cone on the other",
		expectation: "proxied",
		lab: symmetricCarrier,
		kinds: ["port", "port"],
	},
	{ section: "carriers", name: "symmetric carriers on both sides", expectation: "proxied", lab: { carriers: { a: "sym", b: "sym" } }, kinds: ["port", "port"] },
	{
		section: "carriers",
		name: "both behind one carrier with a hairpin",
		expectation: "direct",
		lab: { carriers: { ab: "port+hairpin" } },
		kinds: ["port", "port"],
	},
	{
		section: "carriers",
		name: "both behind one carrier without a hairpin",
		expectation: "proxied",
		lab: { carriers: { ab: "port" } },
		kinds: ["port", "port"],
	},
];

/** Those that can share a lab, as they differ in nothing but the routers of the homes and in how the Coordinator is reached. */
export function sharingLabs(): Situation[][] {
	const groups = new Map<unknown, Situation[]>();
	for (const situation of SITUATIONS) {
		const key = situation.prepare ?? situation.lab;
		groups.set(key, [...(groups.get(key) ?? []), situation]);
	}
	return [...groups.values()];
}

/** A lab for it. */
export async function worldFor(owner: Owner, situation: Situation): Promise<World> {
	const [a, b] = situation.kinds;
	const world = await World.up(owner, { a, b, ...situation.lab }, placesOf(situation));
	await situation.prepare?.(world);
	return world;
}

function placesOf({ places = ["a", "b"] }: Situation): readonly [Machine, Machine] {
	return places;
}

/** One stream with path `auto` between new Clients, with one message echoed. */
export async function trySituation(world: World, situation: Situation): Promise<Try & { readonly pair: readonly [Peer, Peer] }> {
	await world.renew(situation.kinds);
	const connect = async (place: Machine): Promise<Peer> => await world.connect(place, situation.over6?.includes(place) ? world.where6 : {});
	const pair = await Promise.all([connect(placesOf(situation)[0]), connect(placesOf(situation)[1])]);
	const { ms, path, error } = await pair[0].openStream(pair[1]);
	if (path === situation.expectation) return { pair, ok: true, ms };
	return { pair, ok: false, ms, note: error === undefined ? `the path is ${path}` : `${error.code}: ${error.message}` };
}

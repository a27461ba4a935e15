/** The lab itself: routers classify as they are named, faults do what they say, nothing is left behind. */

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Actor } from "./actor.ts";
import { COORDINATOR_ADDRESS, COORDINATOR_ADDRESS_6, COORDINATOR_OTHER_ADDRESS, Lab, packetsTo, RTT_100, VICTIM_ADDRESS } from "./lab.ts";
import type { NatKind, RouterKind } from "./nat-kind.ts";

const server = { addresses: [COORDINATOR_ADDRESS, COORDINATOR_OTHER_ADDRESS], ports: [3478, 3479] };

// One lab for all but the last test: what takes time is starting the actors.
const lab = await Lab.up({ after }, { wire: {}, ipv6: true, udpTimeoutSeconds: 1 });
const [a, b, coord] = await Promise.all([lab.actor("a", "mapping"), lab.actor("b", "mapping"), lab.actor("coord", "mapping")]);
await coord.call("serve", server);

const classify = (actor: Actor): Promise<Record<string, unknown>> => actor.call("classify", server);
/** Asks up to four times: on a busy machine an answer may be late. */
async function reaches(actor: Actor, of: object = server): Promise<boolean> {
	for (let tries = 0; tries < 4; tries++) if ((await actor.call("roundTrip", of)) !== null) return true;
	return false;
}

/** Whether a TCP connection is at least refused there. */
const dial = (from: "a" | "coord", to: string): boolean => {
	const program = `const s=require("net").connect({host:"${to}",port:9,timeout:700});s.on("timeout",()=>process.exit(3)).on("error",e=>process.exit(e.code==="ECONNREFUSED"?0:4))`;
	return spawnSync("ip", ["netns", "exec", `${lab.name}-${from}`, process.execPath, "-e", program]).status === 0;
};

const CLASSES: Readonly<Record<NatKind, Record<string, unknown>>> = {
	none: { mapping: "independent", filtering: "independent", address: "198.51.100.2", translated: false },
	fw: { mapping: "independent", filtering: "address-and-port", address: "198.51.100.2", translated: false },
	full: { mapping: "independent", filtering: "independent", address: "203.0.113.2", translated: true },
	addr: { mapping: "independent", filtering: "address", address: "203.0.113.2", translated: true },
	port: { mapping: "independent", filtering: "address-and-port", address: "203.0.113.2", translated: true },
	reject: { mapping: "independent", filtering: "address-and-port", address: "203.0.113.2", translated: true },
	masq: { mapping: "independent", filtering: "address-and-port", address: "203.0.113.2", translated: true },
	eim: { mapping: "independent", filtering: "address-and-port", address: "203.0.113.2", translated: true },
	adm: { mapping: "address", filtering: "address-and-port", address: "203.0.113.2", translated: true },
	sym: { mapping: "address-and-port", filtering: "address-and-port", address: "203.0.113.2", translated: true },
	symseq: { mapping: "address-and-port", filtering: "address-and-port", address: "203.0.113.2", translated: true },
	blocked: { blocked: true },
};

test("lab: routers classify as they are named, faults do what they say", async () => {
	for (const [kind, expected] of Object.entries(CLASSES)) {
		await lab.set("A", kind as NatKind);
		const { ports, ...seen } = await classify(a);
		assert.deepEqual(seen, expected, kind);
		if (kind === "symseq") assert.deepEqual(ports, [40_000, 40_001, 40_002]);
	}

	await lab.set("A", "port");
	const both = [a.call("alive", { ...server, ms: 400 }), a.call("alive", { ...server, ms: 2_500 })];
	assert.deepEqual(await Promise.all(both), [true, false], "a mapping lives for its time and no longer");

	const addressOf = async (): Promise<unknown> => (await classify(a))["address"];
	await lab.roam("A");
	assert.equal(await addressOf(), "203.0.113.3", "roam");
	await lab.roam("A");
	assert.equal(await addressOf(), "203.0.113.2", "roam back");
	assert.ok((await lab.mappings("A")) > 0);
	await lab.flush("A");
	assert.equal(await lab.mappings("A"), 0, "flush");

	const present = async (): Promise<string> => await lab.exec("a", "ip", "-4", "-o", "addr", "show", "dev", "eth0");
	const moved = await lab.readdr("a");
	assert.match(await present(), new RegExp(`${moved}/`), "readdr");
	assert.ok(await reaches(a), "readdr leaves it connected");

	await lab.cut("b");
	assert.deepEqual([await reaches(a), await reaches(b)], [true, false], "cut b");
	await lab.heal("b");
	await lab.cut("co");
	assert.deepEqual([await reaches(a), await reaches(b)], [false, false], "cut co");
	await lab.heal("co");
	assert.deepEqual([await reaches(a), await reaches(b)], [true, true], "heal");
});

interface Mapped {
	readonly inside: number;
	readonly outside: number | null;
	readonly address: string | null;
}

test("lab: an eim router gives another port than the one inside, the same to everybody, and another one after a flush; the others keep it", async () => {
	const around = async (kind: NatKind): Promise<(number | null)[]> => {
		await lab.set("A", kind);
		const port = 5_000 + Math.floor(Math.random() * 5_000); // below the ports that the kind gives
		const before = await a.call<Mapped>("mapped", { ...server, port });
		await lab.flush("A");
		const after = await a.call<Mapped>("mapped", server);
		const other = await a.call<Mapped>("mapped", { ...server, addresses: [COORDINATOR_OTHER_ADDRESS], ports: [3479, 3478] });
		assert.equal(before.inside, port);
		assert.equal(other.outside, after.outside, kind);
		return [before.inside, before.outside, after.outside];
	};
	const [inside, before, after] = await around("eim");
	assert.ok(before !== null && after !== null);
	assert.ok(before !== inside && after !== inside && before !== after, `${inside}: ${before}, ${after}`);
	for (const kind of ["port", "reject", "masq", "full"] as const) {
		const [inside, before, after] = await around(kind);
		assert.deepEqual([before, after], [inside, inside], kind);
	}
});

test("lab: an unasked packet is dropped, or answered with an ICMP error by reject and masq; with masq it takes the port", async () => {
	for (const [kind, isRefused, isTaken] of [
		["port", false, false],
		["reject", true, false],
		["masq", true, true],
	] as const) {
		await lab.set("A", kind);
		assert.equal(await coord.call("refused", { address: "203.0.113.2", port: 7_000 }), isRefused, kind);
		await coord.call("poke", { address: "203.0.113.2", port: 5_555 }); // from the very address and port that will be asked next
		const { outside } = await a.call<Mapped>("mapped", { ...server, port: 5_555 });
		assert.equal(outside !== 5_555, isTaken, `${kind}: ${outside}`);
	}
});

test("lab: with a hairpin machines of one home meet at its public address, and see each other there; without one they do not", async (t) => {
	const a2 = await lab.actor("a2", "mapping");
	t.after(() => a2.kill());
	for (const [kind, from] of [
		["port", []],
		["full", []],
		["eim", []],
		["port+hairpin", ["203.0.113.2"]],
		["addr+hairpin", ["203.0.113.2"]],
		["full+hairpin", ["203.0.113.2"]],
	] as const) {
		await lab.set("A", kind);
		const { address, outside } = await a.call<Mapped>("mapped", { ...server, port: 5_556 });
		await a2.call("send", { address, port: outside, count: 1, punch: true });
		assert.ok(await reaches(a2)); // after that, so it has arrived
		assert.deepEqual(await a.call("heard"), from, kind);
	}
});

test("lab: a path between two homes can be cut alone; a machine can have bridges, another network card, one family of addresses", async () => {
	await lab.set("A", "none");
	await lab.set("B", "none");
	const there = { addresses: ["198.51.100.130"], ports: [3478, 3479] };
	await b.call("serve", there);
	const reachesB = async (): Promise<boolean> => await reaches(a, there);
	assert.equal(await reachesB(), true);
	await lab.cut("a-b");
	assert.deepEqual([await reachesB(), await reaches(a), await reaches(b)], [false, true, true], "cut a-b");
	await lab.heal("a-b");
	assert.equal(await reachesB(), true, "heal a-b");

	const interfaces = async (): Promise<string> => await lab.exec("a2", process.execPath, "-p", "Object.keys(os.networkInterfaces()).join()");
	const bridges = "docker0,docker1,docker2";
	await lab.bridges("a2", 3);
	assert.match(await interfaces(), new RegExp(`^lo,eth0,${bridges}`));
	await lab.replug("a2");
	assert.match(await interfaces(), new RegExp(`^lo,${bridges},eth0`), "the youngest comes last");
	assert.match(await lab.exec("a2", "ip", "-o", "addr"), /docker1 +inet 172\.18\.0\.1\/16.*eth0 +inet 198\.51\.100\.3\/25.*2001:db8:a::3\/64/s);

	const families = async (): Promise<boolean[]> => [await reaches(a), dial("a", COORDINATOR_ADDRESS_6)];
	assert.deepEqual(await families(), [true, true]);
	await lab.family("a", "6");
	assert.deepEqual(await families(), [false, true]);
	await lab.family("a", "4");
	assert.deepEqual(await families(), [true, false]);
	await lab.family("a", "46");
	assert.deepEqual(await families(), [true, true]);
});

test("lab: behind a carrier both routers translate; homes behind the same one meet at its public address only with a hairpin; there can be five homes", async (t) => {
	const nested = await Lab.up(t, { a: "full", b: "port", more: ["eim"], machines: 1, carriers: { ab: "sym" } });
	const [a, b, c, coord] = await Promise.all((["a", "b", "c", "coord"] as const).map((node) => nested.actor(node, "mapping")));
	assert.ok(a && b && c && coord);
	await coord.call("serve", server);
	const classOf = async (of: Actor): Promise<string> => {
		const { mapping, filtering, address } = await classify(of);
		return `${mapping}, ${filtering}, ${address}`;
	};
	assert.equal(await classOf(c), "independent, address-and-port, 203.0.113.18", "one that has no carrier");
	// The harder one of the two routers decides.
	for (const [home, carrier, expected] of [
		["full", "sym", "address-and-port, address-and-port"],
		["sym", "full", "address-and-port, address-and-port"],
		["full", "full", "independent, independent"],
		["full", "eim", "independent, address-and-port"],
		["adm", "port", "address, address-and-port"],
	] as const) {
		await nested.set("A", home);
		await nested.set("CAB", carrier);
		assert.equal(await classOf(a), `${expected}, 203.0.113.2`, `${home} behind ${carrier}`);
	}
	for (const [kind, from] of [
		["port", []],
		["port+hairpin", ["203.0.113.2"]],
		["full+hairpin", ["203.0.113.2"]],
	] as const satisfies readonly (readonly [RouterKind, readonly string[]])[]) {
		await nested.set("A", "full");
		await nested.set("CAB", kind);
		const { address, outside } = await a.call<Mapped>("mapped", { ...server, port: 5_557 });
		await b.call("send", { address, port: outside, count: 1, punch: true });
		assert.ok(await reaches(b));
		assert.deepEqual(await a.call("heard"), from, kind);
	}
});

test("lab: packets are counted by where they go, delivered or not, and those that are no QUIC apart", async () => {
	await lab.set("A", "port");
	await lab.set("B", "fw");
	await lab.recount();
	await a.call("send", { address: VICTIM_ADDRESS, port: 4_000, count: 7, punch: true });
	await b.call("send", { address: VICTIM_ADDRESS, port: 4_000, count: 5, punch: false });
	const [all, punch] = await Promise.all([lab.packets(), lab.packets("punch")]);
	assert.equal(packetsTo(all, VICTIM_ADDRESS), 12);
	assert.deepEqual(all.map(({ from, packets }) => `${from} ${packets}`).sort(), ["198.51.100.130 5", "203.0.113.2 7"]);
	assert.equal(packetsTo(punch, VICTIM_ADDRESS), 7);
	await lab.recount();
	assert.deepEqual(await lab.packets(), []);
});

test("lab: links delay and lose as they are told, also while they run; IPv6 passes a firewall outwards only", async () => {
	await lab.set("A", "port");
	await lab.set("B", "port");
	for (const link of ["a", "b", "co"] as const) await lab.wire(link, RTT_100);
	const roundTrip = async (actor: Actor): Promise<number> => (await actor.call<number | null>("roundTrip", server)) ?? Number.POSITIVE_INFINITY;
	await roundTrip(a); // and who is who on each link
	assert.ok((await roundTrip(a)) >= 100);
	assert.ok((await roundTrip(a)) < 200);
	await lab.wire("a", { delayMs: 0 });
	const faster = await roundTrip(a);
	assert.ok(faster >= 50 && faster < 100, `${faster} ms`);
	await lab.wire("b", { delayMs: 0, lossPercent: 100 });
	assert.deepEqual([await reaches(a), await reaches(b)], [true, false]);
	await lab.wire("b", { delayMs: 0 });
	assert.match(await lab.exec("a", "ip", "-6", "addr", "show", "dev", "eth0"), /2001:db8:a::2\/64/);
	// The firewall of A lets pass what goes out and drops what comes in.
	assert.equal(dial("a", COORDINATOR_ADDRESS_6), true);
	assert.equal(dial("coord", "2001:db8:a::2"), false);
});

test("lab: a link lets as many packets leave the order as it is told, early or late, and by so much", async () => {
	await lab.set("A", "port");
	for (const link of ["a", "b", "co"] as const) await lab.wire(link, { delayMs: 0 });
	const order = async (reorderPercent: number, aheadMs: number): Promise<{ overtaken: number; shortestMs: number; longestMs: number }> => {
		await lab.wire("a", { delayMs: 40, reorderPercent, aheadMs, seed: 3 });
		const answers = await a.call<{ question: number; ms: number }[]>("order", { ...server, count: 200 });
		assert.equal(answers.length, 200, "nothing is lost");
		const overtaken = answers.filter(({ question }, i) => answers.slice(0, i).some((earlier) => earlier.question > question)).length;
		const times = answers.map(({ ms }) => ms);
		return { overtaken, shortestMs: Math.min(...times), longestMs: Math.max(...times) };
	};
	const straight = await order(0, 15);
	assert.equal(straight.overtaken, 0);
	assert.ok(straight.shortestMs >= 80, `${straight.shortestMs} ms`);
	const early = await order(5, 15);
	assert.ok(early.overtaken >= 20, `each early packet overtakes many: ${early.overtaken}`);
	assert.ok(early.shortestMs >= 80 - 2 * 15 && early.shortestMs < 80, `${early.shortestMs} ms`);
	const late = await order(5, -15);
	assert.ok(late.overtaken >= 5 && late.overtaken <= 60, `each late packet is overtaken itself: ${late.overtaken}`);
	assert.ok(late.shortestMs >= 80 && late.longestMs >= 80 + 15, `${late.shortestMs} to ${late.longestMs} ms`);
});

test("lab: two at once are apart; after the end nothing is left, and a lab without an owner is swept", async (t) => {
	const ends: (() => Promise<void> | void)[] = [];
	const owner = { after: (end: () => Promise<void> | void): void => void ends.push(end) };
	const [one, other] = await Promise.all([Lab.up(owner, { a: "port", wire: {} }), Lab.up(t, { a: "full" })]);
	const running = one.spawn("a", ["sleep", "60"]);
	t.after(() => running.kill("SIGKILL"));
	const gone = new Promise<unknown>((resolve) => running.once("exit", (_, signal) => resolve(signal)));
	const cables = (): string[] => readdirSync("/proc").filter((entry) => /^\d+$/.test(entry) && commandOf(entry).includes(`wire ${one.name}-`));
	const namespaces = (name: string): string[] =>
		execFileSync("ip", ["netns"], { encoding: "utf8" })
			.split("\n")
			.filter((line) => line.startsWith(`${name}-`));
	assert.equal(cables().length, 3);
	assert.equal(namespaces(one.name).length, 7);
	for (const end of ends) await end();
	assert.equal(await gone, "SIGKILL");
	assert.deepEqual([cables(), namespaces(one.name), existsSync(`/run/natlab.${one.name}`)], [[], [], false]);
	assert.equal(namespaces(other.name).length, 7, "the other one is untouched");

	const script = fileURLToPath(new URL("lab/natlab.sh", import.meta.url));
	const orphan = `t${process.pid}-orphan`;
	const nobody = spawnSync("true").pid;
	execFileSync(script, ["up", "none", "none"], { env: { ...process.env, NATLAB: orphan, NATLAB_OWNER: String(nobody) } });
	assert.match(execFileSync(script, ["sweep"], { encoding: "utf8" }), new RegExp(`removed ${orphan}`));
	assert.deepEqual(namespaces(orphan), []);
	assert.equal(namespaces(other.name).length, 7);
});

function commandOf(pid: string): string {
	try {
		return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
	} catch {
		return ""; // gone meanwhile
	}
}

/**
 * One round: a new Coordinator, bystanders and a victim on one core, attackers on another, for some seconds.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { ClientOptions } from "../../packages/conec/src/index.ts";
import type { Deeds } from "./army.ts";
import { Child, type CpuSeconds, Unanswered } from "./child.ts";
import type { AttackOrders } from "./children/attackers.ts";
import type { BystanderFigures } from "./children/bystanders.ts";
import type { CoordinatorFigures } from "./children/coordinator.ts";
import { type Kind, kindOf, type World } from "./kinds/index.ts";
import { placeFor } from "./place.ts";

/** How rounds are run. */
export interface RoundOptions {
	readonly keys: number;
	readonly seconds: number;
	/** Acts a second. @default as fast as it goes */
	readonly rate?: number | undefined;
	/** The core of the attackers, and that of all others. @default not pinned */
	readonly cores?: { readonly attackers: number; readonly others: number } | undefined;
	/** Attack twice, wait 20 s after each, and compare. @default false */
	readonly memory?: boolean | undefined;
}

/** What a round has measured. Bytes and milliseconds. */
export interface Round {
	/** The name of the kind, `control` (the core of the attackers is burnt) or `quiet`. */
	readonly name: string;
	readonly coordinator: CoordinatorFigures;
	readonly bystanders: BystanderFigures;
	readonly deeds: Deeds;
	readonly seconds: number;
	/** What part of a core was used meanwhile: by the two threads of the Coordinator, by the bystanders and the victim together, and by the attackers. 1 is all of it. */
	readonly cores: { readonly js: number; readonly io: number; readonly others: number; readonly attackers: number };
	/** Resident set of the Coordinator: before, the greatest during the attack, and what it grew to. */
	readonly rssBefore: number;
	readonly rssPeak: number;
	/** What it had 20 s after all had left a second attack, less what it had 20 s after the first one. Only with `memory`. */
	readonly rssLeft?: number | undefined;
	/** Processes that ended or did not answer. There must be none. */
	readonly faults: readonly string[];
	/** False: the kind is about sources, and came from loopback, where some limits do not count. */
	readonly realSources: boolean;
}

const NOTHING: Deeds = { acts: 0, closed: 0, gained: 0 };
/** How long memory may take to go back to the system. */
const SETTLE_MS = 20_000;
/** Longer than a bystander waits for anything. */
const ANSWER_MS = 40_000;

/** Runs the kind of that name, or "control" or "quiet". */
export async function runRound(name: string, options: RoundOptions): Promise<Round> {
	const kind = name === "control" || name === "quiet" ? undefined : kindOf(name);
	const stage = await Stage.set(kind?.world ?? {}, options);
	try {
		return await stage.run(name, kind, options);
	} finally {
		await stage.strike();
	}
}

class Stage {
	readonly #world: World;
	readonly #options: RoundOptions;
	readonly #place: ReturnType<typeof placeFor>;
	readonly #children: { readonly name: string; readonly child: Child }[] = [];
	readonly #faults: string[] = [];
	readonly coordinator: Child;
	#where: { readonly port: number; readonly fingerprint: string } = { port: 0, fingerprint: "" };

	static async set(world: World, options: RoundOptions): Promise<Stage> {
		const stage = new Stage(world, options);
		try {
			const host = world.sources === undefined ? "127.0.0.1" : "::";
			stage.#where = await stage.coordinator.call("listen", { host, limits: world.limits ?? {} });
			return stage;
		} catch (error) {
			await stage.strike();
			throw error;
		}
	}

	private constructor(world: World, options: RoundOptions) {
		this.#world = world;
		this.#options = options;
		this.#place = placeFor(world.sources);
		this.coordinator = this.#start("coordinator");
	}

	async run(name: string, kind: Kind | undefined, options: RoundOptions): Promise<Round> {
		const first = await this.#attack(name, kind);
		if (options.memory !== true || kind === undefined) return first;
		const level = await this.#settled();
		const second = await this.#attack(name, kind);
		return { ...second, rssLeft: (await this.#settled()) - level };
	}

	/** What is resident 20 s after all have left. Those that were killed have left when their connections are over. */
	async #settled(): Promise<number> {
		await this.#ask(this.coordinator, "alone", undefined);
		await sleep(SETTLE_MS);
		return this.coordinator.residentBytes();
	}

	/** Ends all processes. */
	async strike(): Promise<void> {
		await Promise.all(this.#children.map(({ child }) => child.stop()));
		this.#place.remove();
	}

	async #attack(name: string, kind: Kind | undefined): Promise<Round> {
		const [victim, bystanders, attackers] = [this.#start("victim"), this.#start("bystanders"), this.#start("attackers")];
		const accomplices = kind?.readers === undefined ? undefined : this.#start("attackers", "accomplices");
		const where = this.#clientOptions(this.#where.port);
		await victim.call("connect", { ...(await this.#victimOptions()), id: "victim" });
		await bystanders.call("connect", where);
		if (kind !== undefined) {
			if (accomplices !== undefined) await accomplices.call("prepare", this.#orders(kind, true));
			await attackers.call("prepare", this.#orders(kind, false));
		}
		const rssBefore = this.coordinator.residentBytes();
		this.coordinator.forgetPeak();
		await this.coordinator.call("begin");
		await bystanders.call("begin");
		if (this.#world.frozenReaders === true) accomplices?.freeze();
		const used = stopwatch(this.coordinator, [victim, bystanders], [attackers]);
		const seconds = Math.max(this.#options.seconds, this.#world.leastSeconds ?? 0);
		const half = (seconds * 1_000) / 2;
		if (kind !== undefined) await attackers.call("begin");
		else if (name === "control") void attackers.call("burn", { seconds }).catch(() => undefined);
		await sleep(half);
		await this.#ask(bystanders, "newcomer", undefined);
		await sleep(half);
		const cores = used();
		const coordinator = await this.#ask(this.coordinator, "figures", NO_FIGURES);
		const deeds = kind === undefined ? NOTHING : await this.#ask(attackers, "end", NOTHING);
		await attackers.stop();
		await accomplices?.stop();
		const seen = await this.#ask(bystanders, "end", NO_SIGHT);
		const rssPeak = this.coordinator.peakBytes();
		const ended = await this.#ask<string | undefined>(victim, "ended", undefined);
		const lost = ended === undefined ? seen.lost : { ...seen.lost, [`the id victim: ${ended}`]: 1 };
		for (const { name: who, child } of this.#children) if (child.crashed) this.#faults.push(`${who}: ${child.ended}`);
		await Promise.all([victim.stop(), bystanders.stop()]);
		const { realSources } = this;
		return { name, coordinator, bystanders: { ...seen, lost }, deeds, seconds, cores, rssBefore, rssPeak, faults: this.#faults, realSources };
	}

	get realSources(): boolean {
		return this.#world.sources === undefined || this.#place.real;
	}

	/** What it says; or the fallback, and a fault. */
	async #ask<T>(child: Child, method: string, fallback: T): Promise<T> {
		try {
			return await child.call<T>(method, {}, ANSWER_MS);
		} catch (error) {
			const who = this.#children.find((one) => one.child === child)?.name;
			if (error instanceof Unanswered) this.#faults.push(`${who}: hangs`);
			else if (child.ended === undefined) this.#faults.push(`${who}: ${String(error).split("\n", 1)[0]}`);
			return fallback;
		}
	}

	#start(role: string, name: string = role): Child {
		const { cores } = this.#options;
		const attacks = role === "attackers";
		const core = attacks ? cores?.attackers : cores?.others;
		const child = Child.start(role, { core, within: attacks ? this.#place.within : [] });
		this.#children.push({ name, child });
		return child;
	}

	#orders(kind: Kind, accomplices: boolean): AttackOrders {
		const { keys, rate } = this.#options;
		const target = { address: this.#place.address, port: this.#where.port, pin: this.#where.fingerprint };
		return { kind: kind.name, accomplices, target, keys, rate, sources: this.#place.sources, victim: "victim" };
	}

	#clientOptions(port: number): Omit<ClientOptions, "id"> {
		return { coordinator: `localhost:${port}`, address: `127.0.0.1:${port}`, pin: this.#where.fingerprint, localAddress: "127.0.0.1" };
	}

	/** Those of the victim: it may be behind a slow line. */
	async #victimOptions(): Promise<Omit<ClientOptions, "id">> {
		const { lineBytesPerSecond: bytesPerSecond } = this.#world;
		if (bytesPerSecond === undefined) return this.#clientOptions(this.#where.port);
		const relay = this.#start("../../bench/roles/relay.ts", "relay");
		const port = await relay.call<number>("lay", { target: this.#where.port, delayMs: 10, bytesPerSecond, queueBytes: 50_000 });
		return this.#clientOptions(port);
	}
}

/** Starts to count. The result tells what part of a core was used since. */
function stopwatch(coordinator: Child, others: readonly Child[], attackers: readonly Child[]): () => Round["cores"] {
	const all = ({ js, io, rest }: CpuSeconds): number => js + io + rest;
	const sum = (children: readonly Child[]): number => children.reduce((seconds, child) => seconds + all(child.cpuSeconds()), 0);
	const now = (): number[] => {
		const { js, io, rest } = coordinator.cpuSeconds();
		return [performance.now() / 1_000, js + rest, io, sum(others), sum(attackers)];
	};
	const from = now();
	return () => {
		const [seconds = 1, js = 0, io = 0, rest = 0, hostile = 0] = now().map((value, index) => value - (from[index] ?? 0));
		return { js: js / seconds, io: io / seconds, others: rest / seconds, attackers: hostile / seconds };
	};
}

const NO_TIMES = { count: 0, p50: Number.NaN, p99: Number.NaN, max: Number.NaN };
const NO_FIGURES: CoordinatorFigures = {
	delay: { p50: Number.NaN, p99: Number.NaN, max: Number.NaN },
	defence: {},
	refused: {},
	clientCount: 0,
	heapBytes: Number.NaN,
};
const NO_SIGHT: BystanderFigures = {
	...{ echo: NO_TIMES, direct: NO_TIMES, victim: NO_TIMES, stream: NO_TIMES, toVictim: NO_TIMES, connect: NO_TIMES },
	lost: {},
};

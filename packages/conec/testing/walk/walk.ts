/**
 * A walk: a world and its applications, and what is known of all that they have done.
 *
 * @module
 */

import { ConecError, isConecError } from "../../src/errors.ts";
import type { MessageStream } from "../../src/stream/message-stream.ts";
import { CLIENT_NAMES } from "../identities.ts";
import { World } from "../world.ts";
import { Actor, CoordinatorApplication, type Stage } from "./actor.ts";
import { BroadcastLedger } from "./broadcast-ledger.ts";
import { type Chooser, chooserOf } from "./chooser.ts";
import { UNHANDLED } from "./protocols.ts";
import { StreamLedger } from "./stream-ledger.ts";
import { accuses, codeOf, Verdict } from "./verdict.ts";

/** Broadcasts that the witness is in, with what the Coordinator keeps of them. */
export const WITNESSED: Readonly<
	Record<string, { readonly history?: { readonly messages: number; readonly bytes: number; readonly ageMs: number }; readonly block?: boolean }>
> = {
	chat: {},
	news: { history: { messages: 40, bytes: 1_048_576, ageMs: 3_600_000 } },
	work: { history: { messages: 5, bytes: 1_048_576, ageMs: 3_600_000 }, block: true },
};

/** One that comes and goes with its members. */
export const UNWITNESSED = "flash";

/** See the module. */
export class Walk implements Stage {
	readonly world: World;
	readonly verdict: Verdict;
	readonly streams: StreamLedger;
	readonly broadcasts: BroadcastLedger;
	readonly choose: Chooser;
	/** Ids of its Clients, the witness not among them. */
	readonly names: readonly string[];
	/** The last run of each Client, by its id. */
	readonly actors: Map<string, Actor> = new Map();
	/** Every run of each. */
	readonly all: Actor[] = [];
	/** When the Coordinator comes back, while it is away. */
	returning: { readonly atMs: number } | undefined;
	coordinator: CoordinatorApplication | undefined;
	/** Every run of it. */
	readonly coordinators: CoordinatorApplication[] = [];
	/** Faults that last: what ends them. */
	readonly lasting: Set<() => void> = new Set();
	/** How often the network has parted somebody. */
	partings = 0;
	/** Keys that are denied just now: what lets them in again. */
	readonly denials: Set<() => void> = new Set();
	/** Who wants the id of somebody else just now. */
	readonly strangers: Set<AbortController> = new Set();
	readonly done: Map<string, number> = new Map();
	readonly sights: Set<string> = new Set();
	/** Requests that are under way, for the log. */
	readonly waiting: Set<string> = new Set();
	/** Of Clients: small ones, so that little is enough to fill what there is. */
	readonly #limits: { readonly streamWindowBytes: number; readonly sendHighWaterBytes: number; readonly incomingStreams: number };
	#runs = 0;

	constructor(seed: number) {
		// Traits of a world, apart from what happens in it.
		const traits = chooserOf(seed ^ 0x7472_6169);
		this.world = new World({
			seed,
			delayMs: traits.integer(1, 40),
			jitterMs: traits.chance(0.7) ? traits.integer(1, 30) : 0,
			windowBytes: traits.pick([16_384, 32_768, 65_536]),
			coordinator: {
				broadcasts: { ...WITNESSED },
				limits: {
					...{ broadcastBufferBytes: 8 * 1_048_576, presenceQueueBytes: 16_384, presenceLogBytes: 65_536 },
					streamsPerPair: traits.pick([8, 1_024]),
					streamsPerConnection: traits.pick([16, 4_096]),
				},
			},
		});
		this.#limits = {
			streamWindowBytes: traits.pick([65_536, 262_144, 2_097_152]),
			sendHighWaterBytes: traits.pick([1_024, 8_192, 524_288]),
			incomingStreams: traits.pick([1, 64]),
		};
		const note = (line: string): void => this.world.note(line);
		this.choose = chooserOf(this.world.random);
		this.names = CLIENT_NAMES.slice(0, this.choose.integer(4, CLIENT_NAMES.length - 1));
		this.verdict = new Verdict(note);
		this.streams = new StreamLedger(this.verdict, note);
		const history = Object.fromEntries(
			Object.entries(WITNESSED).flatMap(([name, rule]) => (rule.history === undefined ? [] : [[name, rule.history.messages]])),
		);
		this.broadcasts = new BroadcastLedger(this.verdict, this.world.clock, history);
	}

	/** Starts the Coordinator, and waits until the witness is in its broadcasts again, before anybody says anything there. */
	async startCoordinator(): Promise<void> {
		const { world } = this;
		this.returning = undefined;
		const coordinator = await world.clock.until(world.listen(), 1_000);
		const machine = world.coordinatorMachine;
		if (machine === undefined) return;
		this.coordinator = new CoordinatorApplication(this, ++this.#runs, machine, coordinator);
		this.coordinators.push(this.coordinator);
		world.note(`${this.coordinator.name} listens`);
		this.actors.get(WITNESS)?.client?.destroy();
		const witness = new Actor(this, WITNESS, ++this.#runs, world.machine(WITNESS), true);
		this.actors.set(WITNESS, witness);
		this.all.push(witness);
		const client = await world.clock.until(world.connect(witness.machine, WITNESS, { id: WITNESS, listen: false }), 10_000);
		witness.began(client);
		for (const name of Object.keys(WITNESSED)) {
			const options = { presence: true, keepOpen: true, bufferBytes: 8 * 1_048_576 };
			const member = this.broadcasts.joined(witness, await world.clock.until(client.joinBroadcast(name, options), 10_000), options);
			witness.members.push(member);
			this.broadcasts.witness(member);
		}
	}

	/** Connects a Client anew. */
	startClient(id: string): void {
		const { world } = this;
		const actor = new Actor(this, id, ++this.#runs, world.machine(id), false);
		this.actors.set(id, actor);
		this.all.push(actor);
		const metadata = this.choose.chance(0.5) ? { run: this.#runs } : null;
		const limits = this.#limits;
		// The Coordinator may be away for longer than that. An earlier run that does not know of this one may come back, and supersede it.
		actor.excused = this.coordinator === undefined || this.all.some((other) => other !== actor && other.id === id && other.state !== "over");
		this.ask(actor, "connect", 10_000, world.connect(actor.machine, id, { id, metadata, limits, handlers: actor.handlers })).then(
			(client) => {
				if (actor.killed || actor.left) client.destroy();
				actor.began(client);
			},
			() => {
				actor.state = "over";
			},
		);
	}

	/** Clients that are connected and no witnesses. */
	up(): Actor[] {
		return [...this.actors.values()].filter((actor) => actor.state === "up" && !actor.witness && !actor.left && !actor.killed);
	}

	/** Notes a request and how it ends; it has to end in time, and well or with an error of Conec. `reason`: what it may be aborted with. */
	async ask<T>(party: { readonly name: string }, what: string, withinMs: number, promise: Promise<T>, reason?: unknown): Promise<T> {
		const { clock } = this.world;
		const name = `${party.name} ${what}`;
		const sinceMs = clock.now();
		this.world.note(name);
		this.waiting.add(name);
		const late = clock.setTimeout(() => this.verdict.wrong(`${name} has taken longer than ${withinMs} ms`), withinMs + 1);
		try {
			return await promise;
		} catch (error) {
			const known = isConecError(error) || (reason !== undefined && error === reason);
			this.verdict.must(!accuses(codeOf(error)), () => `${name} failed with ${codeOf(error)}: ${(error as Error).message}`);
			this.verdict.must(known, () => `${name} failed with ${codeOf(error)}, which is no error of Conec`);
			this.sights.add(`${what.split(" ")[0]} failed: ${error instanceof ConecError ? error.code : "aborted"}`);
			this.world.note(`${name} failed after ${Math.round(clock.now() - sinceMs)} ms: ${codeOf(error)}: ${(error as Error).message}`);
			throw error;
		} finally {
			clock.clearTimeout(late);
			this.waiting.delete(name);
		}
	}

	/** Opens a stream and keeps its end. */
	open(
		party: Actor | CoordinatorApplication,
		to: string | null,
		what: string,
		withinMs: number,
		open: (metadata: number) => Promise<MessageStream>,
		{ reason, protocol, only }: { readonly reason?: unknown; readonly protocol?: string; readonly only?: "direct" | "proxied" | undefined } = {},
	): void {
		const record = this.streams.begin(party, to, protocol, only);
		this.ask(party, `${what} ${record.key} to ${to}`, withinMs, open(record.key), reason).then(
			(stream) => {
				this.sights.add(`stream ${stream.path}`);
				this.verdict.must(protocol !== UNHANDLED, () => `stream ${record.key} to ${to} was accepted, and nobody there handles ${protocol}`);
				party.ends.push(this.streams.opened(record, stream));
			},
			(error: unknown) => {
				record.opening = codeOf(error);
			},
		);
	}
}

/** The Client that sees everything. */
export const WITNESS = "gus";

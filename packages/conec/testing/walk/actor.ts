/**
 * Applications of a walk: one at each Client, and one at the Coordinator.
 *
 * @module
 */

import type { Client } from "../../src/client/client.ts";
import type { Coordinator } from "../../src/coordinator/coordinator.ts";
import type { Handling, ProtocolHandler } from "../../src/session/protocols/index.ts";
import type { ChangedStream } from "../../src/session/resumption/index.ts";
import type { MessageStream } from "../../src/stream/message-stream.ts";
import type { Machine, World } from "../world.ts";
import type { StreamEnd } from "./end-record.ts";
import type { BroadcastMemberRecord } from "./member-record.ts";
import type { Party } from "./party.ts";
import type { PresenceRecord } from "./presence-record.ts";
import { CHANGING, FAILING, FAILS_AFTER_MS, HANDLED } from "./protocols.ts";
import type { StreamLedger } from "./stream-ledger.ts";
import type { Verdict } from "./verdict.ts";

/** What a walk lends to its applications. */
export interface Stage {
	readonly world: World;
	readonly verdict: Verdict;
	readonly streams: StreamLedger;
	/** What was seen at all. */
	readonly sights: Set<string>;
}

/** What every application of a walk has. */
export abstract class Application implements Party {
	abstract readonly id: string | null;
	readonly name: string;
	readonly machine: Machine;
	killed = false;
	left = false;
	hasBeenAway = false;
	readonly ends: StreamEnd[] = [];
	readonly watches: PresenceRecord[] = [];
	/** Handlers that have failed, and how often it was told. */
	failed = 0;
	failuresTold = 0;
	/** While the protocol that comes and goes is here. */
	handling: Handling | undefined;
	protected readonly stage: Stage;

	constructor(stage: Stage, name: string, machine: Machine) {
		this.stage = stage;
		this.name = name;
		this.machine = machine;
	}

	/** Ends of streams that are not over. */
	liveEnds(): StreamEnd[] {
		return this.ends.filter((end) => end.live);
	}

	/** Handlers that are there from the beginning. */
	get handlers(): Readonly<Record<string, ProtocolHandler>> {
		return {
			[HANDLED]: async (stream) => {
				this.#take(stream);
				await stream.closed;
			},
			[FAILING]: async (stream) => {
				const end = this.#take(stream);
				await new Promise<void>((resolve) => this.stage.world.clock.setTimeout(resolve, FAILS_AFTER_MS));
				this.failed++;
				if (end !== undefined) {
					end.didReset = true;
					end.stopped = true;
				}
				throw new Error("this handler always fails");
			},
		};
	}

	/** Handles the protocol that comes and goes, or does not any more. The handler gives the stream to the application. */
	change(on: { handle(protocol: string, handler: ProtocolHandler): Handling }): void {
		const { handling } = this;
		this.handling = handling === undefined ? on.handle(CHANGING, (stream) => void this.#take(stream)) : undefined;
		handling?.close();
	}

	#take(stream: MessageStream): StreamEnd | undefined {
		const end = this.stage.streams.accepted(this, stream);
		if (end !== undefined) this.ends.push(end);
		return end;
	}

	/** Takes every stream that comes. */
	protected async accept(streams: AsyncIterable<MessageStream>): Promise<void> {
		try {
			for await (const stream of streams) this.#take(stream);
		} catch {
			// The Client is over, which its own status says.
		}
	}
}

/** One run of a Client. */
export class Actor extends Application {
	readonly id: string;
	client: Client | undefined;
	/** "lost": the Client has no Coordinator just now, and comes back by itself. */
	state: "connecting" | "up" | "lost" | "over" = "connecting";
	/** The world has done something to it that may end its connection to the Coordinator. */
	excused = false;
	/** How often it has come back by itself. */
	cameBack = 0;
	/** It is spared from faults. */
	readonly witness: boolean;
	readonly members: BroadcastMemberRecord[] = [];

	constructor(stage: Stage, id: string, run: number, machine: Machine, witness: boolean) {
		super(stage, `${id}.${run}`, machine);
		this.id = id;
		this.witness = witness;
	}

	/** The Client is there. */
	began(client: Client): void {
		this.client = client;
		this.state = "up";
		void this.accept(client.incomingStreams);
		void this.#watchStatus(client);
		void client.closed.then((info) => {
			this.state = "over";
			this.stage.world.note(`${this.name} is over ${JSON.stringify(info)}`);
		});
	}

	liveMembers(): BroadcastMemberRecord[] {
		return this.members.filter((member) => member.live);
	}

	liveWatches(): PresenceRecord[] {
		return this.watches.filter((watch) => watch.live);
	}

	/** A stream was suspended, or goes on over another connection. */
	#changed({ id, openedBy, change }: ChangedStream): void {
		const { world, sights, streams } = this.stage;
		const how = change.type === "suspended" ? `suspended, ${change.path}` : `${change.type}, ${change.from} to ${change.to}`;
		world.note(`${this.name} has a stream ${id} of ${openedBy} that is ${how}`);
		sights.add(`a stream was ${how}`);
		if (openedBy === "local") streams.changed(this, id, change);
	}

	#back(): void {
		if (this.state === "lost") this.state = "up";
		this.stage.world.note(`${this.name} is back`);
		this.cameBack++;
	}

	async #watchStatus(client: Client): Promise<void> {
		for await (const status of client.status()) {
			if (status.type === "handler-failed") this.failuresTold++;
			if (status.type === "stream") this.#changed(status);
			if (status.type === "connected" && status.again) this.#back();
			if (status.type !== "disconnected") continue;
			this.hasBeenAway = true;
			if (this.state === "up") this.state = "lost";
			const { stage, name } = this;
			stage.world.note(`${name} has lost the Coordinator ${JSON.stringify(status.info)}`);
			stage.verdict.must(this.excused || this.left, () => `${name} has lost the Coordinator for no reason: ${JSON.stringify(status.info)}`);
		}
	}
}

/** One run of the Coordinator. */
export class CoordinatorApplication extends Application {
	readonly id: null = null;
	readonly coordinator: Coordinator;

	constructor(stage: Stage, run: number, machine: Machine, coordinator: Coordinator) {
		super(stage, `coordinator.${run}`, machine);
		this.coordinator = coordinator;
		for (const [protocol, handler] of Object.entries(this.handlers)) coordinator.handle(protocol, handler);
		void this.accept(coordinator.incomingStreams);
		void this.#watchStatus();
	}

	async #watchStatus(): Promise<void> {
		for await (const status of this.coordinator.status()) if (status.type === "handler-failed") this.failuresTold++;
	}
}

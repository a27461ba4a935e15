/**
 * The machines of a test network by what runs on them, and what can go wrong between them.
 *
 * @module
 */

import { argumentError, ConecError } from "#conec/errors";
import type { TransportOptions } from "#conec/transport/transport";
import { idProblem } from "#conec/wire/ids";
import type { MemoryNetwork, MemoryTransport } from "../memory/network.ts";

/** One side in a test network: the id of a Client, or `null` for the Coordinator. */
export type Party = string | null;

/** What one Client or the Coordinator runs on. */
export interface Machine {
	readonly party: Party;
	/** No two machines of a network have the same. */
	readonly number: number;
	/** Its sockets, closed ones too. */
	readonly transports: MemoryTransport[];
	/** Ends what runs on it, without a word to anybody. */
	destroy: () => void;
}

/** Nothing passes between `one` and `other`, or between `one` and everybody else. */
interface Partition {
	readonly one: ReadonlySet<Party>;
	readonly other: ReadonlySet<Party> | undefined;
	/** Joins two sockets each. */
	readonly joins: (() => void)[];
}

/** See the module. */
export class Machines {
	readonly #network: MemoryNetwork;
	readonly #machines: Set<Machine> = new Set();
	readonly #partitions: Set<Partition> = new Set();
	#count = 0;

	constructor(network: MemoryNetwork) {
		this.#network = network;
	}

	/** A further machine, until {@link remove}. */
	add(party: Party): Machine {
		const machine: Machine = { party, number: ++this.#count, transports: [], destroy: () => undefined };
		this.#machines.add(machine);
		return machine;
	}

	/** What ran on it is over. */
	remove(machine: Machine): void {
		this.#machines.delete(machine);
	}

	/** A socket of a machine, parted from whatever the machine is parted from. */
	createTransport(machine: Machine, { host, port, limits }: TransportOptions): MemoryTransport {
		const transport = this.#network.createTransport({ host, port, limits });
		machine.transports.push(transport);
		for (const partition of this.#partitions)
			for (const peer of this.#machines)
				if (parts(partition, machine.party, peer.party)) for (const socket of peer.transports) partition.joins.push(this.#network.separate(transport, socket));
		return transport;
	}

	/** Returns what ends the partition. Throws TypeError `ID_INVALID`, RangeError `OPTION_INVALID`. */
	partition(one: readonly Party[], other: readonly Party[] | undefined): () => void {
		const partition: Partition = { one: partySet(one), other: other === undefined ? undefined : partySet(other), joins: [] };
		for (const party of partition.one)
			if (partition.other?.has(party) === true)
				throw argumentError("range", "OPTION_INVALID", `Cannot part ${nameOf(party)} from itself: it is on both sides of the partition`);
		this.#partitions.add(partition);
		const machines = [...this.#machines];
		machines.forEach((from, index) => {
			for (const to of machines.slice(index + 1))
				if (parts(partition, from.party, to.party))
					for (const socket of from.transports) for (const peer of to.transports) partition.joins.push(this.#network.separate(socket, peer));
		});
		return () => {
			this.#partitions.delete(partition);
			for (const join of partition.joins.splice(0)) join();
		};
	}

	/** Ends all partitions. */
	heal(): void {
		for (const { joins } of this.#partitions) for (const join of joins.splice(0)) join();
		this.#partitions.clear();
	}

	/** Breaks connections. Throws TypeError `ID_INVALID`; ConecError `PEER_UNKNOWN` or `COORDINATOR_CLOSED`. */
	cut(one: Party, other: Party | undefined): void {
		const from = this.#running(one, "cut");
		const to = other === undefined ? [...this.#machines] : this.#running(other, "cut");
		for (const machine of from)
			for (const peer of to) for (const socket of machine.transports) for (const far of peer.transports) this.#network.cut(socket, far);
	}

	/** Kills what runs there. Throws like {@link cut}. */
	kill(party: Party): void {
		for (const machine of this.#running(party, "kill")) {
			this.remove(machine);
			for (const transport of machine.transports) transport.vanish();
			machine.destroy();
		}
	}

	/** Whatever still runs is over, at once. */
	end(): void {
		this.heal();
		for (const machine of this.#machines) {
			machine.destroy();
			for (const transport of machine.transports) transport.destroy();
		}
		this.#machines.clear();
	}

	#running(party: Party, what: string): Machine[] {
		checkParty(party);
		const found = [...this.#machines].filter((machine) => machine.party === party);
		if (found.length > 0) return found;
		if (party === null) throw new ConecError("COORDINATOR_CLOSED", `Cannot ${what} the Coordinator: none runs in this network`);
		throw new ConecError("PEER_UNKNOWN", `Cannot ${what} ${nameOf(party)}: no Client of that id runs in this network`, { peer: party });
	}
}

function parts({ one, other }: Partition, a: Party, b: Party): boolean {
	const within = (from: Party, to: Party): boolean => one.has(from) && (other === undefined ? !one.has(to) : other.has(to));
	return within(a, b) || within(b, a);
}

function partySet(parties: readonly Party[]): ReadonlySet<Party> {
	if (parties.length === 0) throw argumentError("range", "OPTION_INVALID", "A side of a partition must have at least one party");
	for (const party of parties) checkParty(party);
	return new Set(parties);
}

function checkParty(party: Party): void {
	const problem = party === null ? undefined : idProblem(party);
	if (problem !== undefined) throw argumentError("type", "ID_INVALID", `${JSON.stringify(party)} is no party of a test network: an id ${problem}`);
}

function nameOf(party: Party): string {
	return party === null ? "the Coordinator" : JSON.stringify(party);
}

/**
 * The birthday method. One side opens many mappings on its symmetric NAT. The other side tries random ports of that NAT until two meet.
 *
 * @module
 */

/** How many sockets the hard side has. */
export const BIRTHDAY_SOCKETS = 256;

/** At most this many probes of the easy side in one attempt, however large the grant is. */
export const BIRTHDAY_PROBES = 2048;

/** How often each socket of the hard side sends. The first packet makes its mapping. The others are for packets that are lost or come too early. */
export const BIRTHDAY_ROUNDS = 2;

/** Time from one probe of the easy side to the next: 400 a second. */
export const BIRTHDAY_GAP_MS = 2.5;

/** How long the easy side waits, so that the hard side can open its mappings first. */
export const BIRTHDAY_WAIT_MS = 300;

/** Time from one round of the hard side to the next. */
export const BIRTHDAY_ROUND_MS = 2000;

/** The easy side: different random ports, evenly paced. */
export class BirthdayPorts {
	readonly #random: () => number;
	readonly #used: Set<number> = new Set();
	#nextAt: number;

	/** `random`: from 0 to below 1. */
	constructor(beginAt: number, random: () => number) {
		this.#nextAt = beginAt;
		this.#random = random;
	}

	/** When the next port is due. Absent when all ports have been tried. */
	get nextAt(): number | undefined {
		return this.#used.size < BIRTHDAY_PROBES ? this.#nextAt : undefined;
	}

	/** The ports that are due. If nobody asked for some time, no burst makes up for it. */
	due(now: number): number[] {
		const ports: number[] = [];
		this.#nextAt = Math.max(this.#nextAt, now - BURST * BIRTHDAY_GAP_MS);
		for (; this.#nextAt <= now && this.#used.size < BIRTHDAY_PROBES; this.#nextAt += BIRTHDAY_GAP_MS) {
			ports.push(this.#pick());
		}
		return ports;
	}

	#pick(): number {
		let port = FIRST_PORT + Math.floor(this.#random() * PORTS);
		while (this.#used.has(port)) port = port === FIRST_PORT + PORTS - 1 ? FIRST_PORT : port + 1;
		this.#used.add(port);
		return port;
	}
}

/** The hard side: rounds over all sockets. */
export class BirthdayRounds {
	#sockets = 0;
	#rounds = 0;
	#nextAt: number | undefined;

	/** The sockets are open. */
	begin(now: number, sockets: number): void {
		this.#sockets = Math.min(BIRTHDAY_SOCKETS, Math.max(0, sockets));
		this.#nextAt = this.#sockets > 0 ? now : undefined;
	}

	/** When the next round is due. Absent before `begin` and after the last round. */
	get nextAt(): number | undefined {
		return this.#rounds < BIRTHDAY_ROUNDS ? this.#nextAt : undefined;
	}

	/** The sockets that are to send now. */
	due(now: number): number[] {
		if (this.nextAt === undefined || this.nextAt > now) return [];
		this.#nextAt = now + BIRTHDAY_ROUND_MS;
		this.#rounds++;
		return Array.from({ length: this.#sockets }, (_, i) => i + 1);
	}
}

const FIRST_PORT = 1024;
const PORTS = 65_536 - FIRST_PORT;
const BURST = 8;

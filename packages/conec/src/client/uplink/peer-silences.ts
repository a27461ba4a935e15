/**
 * Peers behind the Coordinator that say nothing while streams to them are being opened. The Coordinator knows how long it has heard
 * nothing from them, and is asked.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { ConecError } from "../../errors.ts";
import { type Heard, Silence } from "../../session/silence.ts";
import type { PeerChecked } from "../../wire/control.ts";
import type { ClientRequests, CoordinatorAnswer } from "./questions.ts";

/** See the module. */
export class PeerSilences {
	readonly #requests: Pick<ClientRequests, "ask">;
	readonly #silenceMs: number;
	readonly #clock: Clock;
	/** Those for whom somebody waits. */
	readonly #byPeer: Map<string, Silence> = new Map();

	constructor(requests: Pick<ClientRequests, "ask">, silenceMs: number, clock: Clock) {
		this.#requests = requests;
		this.#silenceMs = silenceMs;
		this.#clock = clock;
	}

	/** Those for whom somebody waits. */
	get size(): number {
		return this.#byPeer.size;
	}

	/** One peer. Streams to it share the questions. */
	of(peer: string): Heard {
		return {
			watch: (action, silent, sinceMs) => {
				const silence = this.#byPeer.get(peer) ?? this.#make(peer);
				this.#byPeer.set(peer, silence);
				const forget = silence.watch(action, silent, sinceMs);
				return () => {
					forget();
					if (silence.size === 0 && this.#byPeer.get(peer) === silence) this.#byPeer.delete(peer);
				};
			},
		};
	}

	#make(peer: string): Silence {
		return new Silence({
			...{ clock: this.#clock, silenceMs: this.#silenceMs, code: "PEER_LOST", whom: "the peer", peer },
			ask: (answer) => this.#ask(peer, answer),
		});
	}

	#ask(peer: string, answer: (silentMs: number) => void): void {
		const question = {
			action: `Cannot ask for ${JSON.stringify(peer)}`,
			ask: (request: number) => ({ type: "peer-check", request, peer }) as const,
			isAnswer: (message: CoordinatorAnswer): message is PeerChecked => message.type === "peer-checked",
		};
		const asked = this.#requests.ask(question, {
			answered: ({ silentMs = 0 }) => {
				answer(silentMs);
				return true;
			},
			// What waits hears from the connection why.
			ended: () => undefined,
		});
		// Too many peers are asked for at once: this one has its turn later.
		if (asked instanceof ConecError) answer(0);
	}
}

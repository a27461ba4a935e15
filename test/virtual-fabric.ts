/**
 * The memory network on a time of its own, for suites that run on real networks, too: while a test waits, time jumps from timer
 * to timer, so nothing takes long and nothing is late on a busy machine.
 */

import type { Clock } from "../packages/conec/src/base/clock.ts";
import { systemRandom } from "../packages/conec/src/base/random.ts";
import { NO_NETWORK, type Runtime } from "../packages/conec/src/session/runtime.ts";
import { createMemoryNetwork, type MemoryNetwork, type MemoryTransport } from "../packages/conec/testing/memory/transport.ts";
import { createVirtualClock, turn, type VirtualClock } from "../packages/conec/testing/memory/virtual-clock.ts";
import type { Fabric } from "./entities-world.ts";

/** A fabric on time of its own, with what tests can do to its network. */
export interface VirtualFabric extends Fabric {
	readonly network: MemoryNetwork;
	/** The sockets that there have been, in order. */
	readonly transports: readonly MemoryTransport[];
}

/** A fabric named `name`, with a network of its own. */
export function virtualFabric(name: string): VirtualFabric {
	const clock = createVirtualClock({ wallMs: Date.now() });
	const moving = movingClock(clock);
	const network = createMemoryNetwork({ clock: moving });
	const transports: MemoryTransport[] = [];
	const createTransport: Runtime["createTransport"] = ({ host, port, limits }) => {
		const transport = network.createTransport({ host, port, limits });
		transports.push(transport);
		return transport;
	};
	return {
		name,
		network,
		transports,
		createTransport,
		runtime: { ...NO_NETWORK, clock: moving, random: systemRandom, lookup: () => Promise.reject(new Error("there is no name service")), createTransport },
		leftovers: () => network.openConnections + network.liveStreams,
	};
}

/** A clock that moves while timers are set, and stands while the process waits for a disk, or for a timer of the test's own. */
function movingClock(clock: VirtualClock): Clock {
	let moves = false;
	const move = async (): Promise<void> => {
		if (moves) return;
		moves = true;
		for (let idle = 0; clock.nextInMs !== undefined; ) {
			await turn();
			// What is done with files is several steps, between which nothing is to be seen for a moment.
			idle = process.getActiveResourcesInfo().some((type) => type === "Timeout" || type.includes("Req")) ? 0 : idle + 1;
			if (idle >= IDLE_TURNS) await clock.advance(clock.nextInMs);
		}
		moves = false;
	};
	const setTimer = (callback: () => void, delayMs: number): unknown => {
		const timer = clock.setTimeout(callback, delayMs);
		void move();
		return timer;
	};
	return {
		now: () => clock.now(),
		wallMs: () => clock.wallMs(),
		setTimeout: setTimer,
		clearTimeout: (timer) => clock.clearTimeout(timer),
		soon: (callback) => void setTimer(callback, 0),
	};
}

const IDLE_TURNS = 3;

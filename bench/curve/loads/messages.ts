/**
 * Messages of growing size on loopback.
 *
 * @module
 */

import { curveOf, PATHS, stepsOf } from "../catalogue.ts";
import { Network, type Site } from "../network.ts";
import type { Recorder } from "../recorder.ts";
import { carry, deadlineOf, openCarried } from "./carried.ts";

/** All of its curves. */
export async function messages(site: Site, recorder: Recorder, quick: boolean): Promise<void> {
	const durations = quick ? { warmUp: 0.1, seconds: 0.3, roundTrips: 0.1 } : { warmUp: 0.4, seconds: 1.5, roundTrips: 0.7 };
	for (const path of PATHS) {
		const curve = curveOf(`messages-${path}`);
		let network: Network | undefined;
		for (const size of stepsOf(curve, quick)) {
			const went = await recorder.step(curve.name, size, deadlineOf(durations) + 10, async () => {
				if (network === undefined) {
					network = await Network.start(site);
					await network.connectPair();
					await openCarried(network, path, durations.seconds);
				}
				return carry(network, size, durations);
			});
			if (!went) {
				await network?.end();
				network = undefined;
			}
		}
		await network?.end();
	}
}

/**
 * Messages, and one bulk stream, over lines of the NAT lab: 0, 20 and 100 ms there and back, and with one packet in a hundred lost. Between any two of the
 * three machines is such a line, so a proxied stream passes two of them.
 *
 * @module
 */

import { COORDINATOR_ADDRESS, Lab, type WireSpec } from "../../../test/nat/lab.ts";
import { type Line, lineBound } from "../bounds.ts";
import { curveOf, LINES, PATHS, type Path, ROUND_TRIPS, stepsOf } from "../catalogue.ts";
import { type Machines, Network, type Site } from "../network.ts";
import type { Recorder } from "../recorder.ts";
import { carry, type Durations, deadlineOf, openCarried } from "./carried.ts";

/** A script that has no types. */
interface NatLab {
	whatIsMissing(what: string, unused: readonly string[]): string[];
}

const BULK = 65_536;

/** All of its curves. */
export async function lines(site: Site, recorder: Recorder, quick: boolean): Promise<void> {
	const file = "../../../scripts/nat-lab.mjs";
	const { whatIsMissing } = (await import(file)) as NatLab;
	const missing = whatIsMissing("bench:curve", ["miniupnpd"]);
	if (missing.length > 0) {
		recorder.skip("delays and losses", missing.join(" "));
		return;
	}
	const ends: (() => Promise<void> | void)[] = [];
	try {
		const lab = await Lab.up({ after: (end) => void ends.push(end) }, { wire: {} });
		for (const line of allLines()) await oneLine(site, recorder, quick, lab, line);
	} catch (error) {
		recorder.skip("delays and losses", `the NAT lab cannot be built: ${(error as Error).message.split("\n")[0]}`);
	} finally {
		for (const end of ends.reverse()) await end();
	}
}

function allLines(): Line[] {
	return [0, 1].flatMap((lossPercent) => ROUND_TRIPS.map((rttMs) => ({ rttMs, lossPercent })));
}

/** All that is measured over one line. A network that has failed is made anew. */
async function oneLine(site: Site, recorder: Recorder, quick: boolean, lab: Lab, line: Line): Promise<void> {
	const short: Durations = quick ? { warmUp: 0.1, seconds: 0.5, roundTrips: 0.3 } : { warmUp: 0.3, seconds: 1.5, roundTrips: 0.5 };
	const long: Durations = quick ? { ...short, roundTrips: 0 } : { warmUp: 0.5, seconds: 3, roundTrips: 0 };
	for (const link of ["a", "b", "co"] as const) await lab.wire(link, wireOf(line));
	let network: Network | undefined;
	let open: Path | undefined;
	const ready = async (path: Path): Promise<Network> => {
		if (network === undefined) {
			open = undefined;
			network = await Network.start(site, { machines: machinesOf(lab) });
			await network.connectPair();
		}
		if (open !== path) {
			await openCarried(network, path, quick ? 0.5 : 2);
			open = path;
		}
		return network;
	};
	const take = async (curve: string, x: number, size: number, durations: Durations, path: Path): Promise<void> => {
		const went = await recorder.step(curve, x, deadlineOf(durations) + 15, async () => carry(await ready(path), size, durations, lineBound(line, path, size)));
		if (went) return;
		await network?.end();
		network = undefined;
	};
	for (const path of PATHS) {
		await take(`${line.lossPercent > 0 ? "lossy-bulk" : "bulk"}-${path}`, line.rttMs, BULK, long, path);
		const [name] = Object.entries(LINES).find(([, { rttMs, lossPercent }]) => rttMs === line.rttMs && lossPercent === line.lossPercent) ?? [];
		if (name === undefined) continue;
		const curve = curveOf(`${name}-${path}`);
		for (const size of stepsOf(curve, quick)) await take(curve.name, size, size, short, path);
	}
	await network?.end();
}

/** Two such links are between any two machines, and each packet passes both. */
function wireOf({ rttMs, lossPercent }: Line): WireSpec {
	return { delayMs: rttMs / 4, lossPercent: lossPercent / 2, queueFrames: 16_384, seed: 7 };
}

function machinesOf(lab: Lab): Machines {
	const places = { coordinator: "coord", sender: "a", receiver: "b" };
	return { address: COORDINATOR_ADDRESS, within: (machine) => ["ip", "netns", "exec", `${lab.name}-${places[machine]}`] };
}

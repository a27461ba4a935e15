/**
 * A round of one sender and many receivers, whatever the system between them.
 *
 * @module
 */

import type { Delivered } from "../fan-out.ts";
import type { Remote } from "../remote.ts";
import type { Round } from "../roles/broadcasting.ts";
import type { Latency } from "../roles/figures.ts";
import { latency, type Sample } from "./subject.ts";

/** How many receive how much. */
export interface Shape {
	/** Of the broadcast, or subject. */
	readonly name: string;
	readonly members: number;
	/** Bytes of a message. */
	readonly size: number;
	/** Messages carry the time of sending. */
	readonly timed?: boolean;
}

/** For the time of delivery. */
export const TO_ONE: Shape = { name: "time", members: 1, size: 64, timed: true };

/** The two processes at the ends. The third, between them, is not spoken to. */
export interface Cast {
	readonly publisher: Remote;
	readonly receivers: Remote;
}

/** Deliveries per second. Fails if one member misses one message. */
export async function deliveries(cast: Cast, shape: Shape, seconds: number): Promise<Sample> {
	return { value: (await flood(cast, shape, seconds)).rate };
}

/** The same, with the number of messages sent. */
export async function flood(cast: Cast, shape: Shape, seconds: number): Promise<{ rate: number; sent: number }> {
	const { port } = await cast.receivers.call<Round>("begin");
	const sent = await cast.publisher.call<number>("publish", { port, size: shape.size, seconds });
	const delivered = await complete(cast, shape, sent);
	return { rate: delivered.deliveries / delivered.seconds, sent };
}

/** Microseconds from publish to delivery at 1,000 messages a second. Fails as above. */
export async function deliveryTime(cast: Cast, shape: Shape, seconds: number): Promise<Sample> {
	const { port } = await cast.receivers.call<Round>("begin");
	const sent = await cast.publisher.call<number>("pace", { port, size: shape.size, seconds, perSecond: 1_000 });
	await complete(cast, shape, sent);
	return latency(await cast.receivers.call<Latency>("latencies"));
}

async function complete({ receivers }: Cast, { members }: Shape, sent: number): Promise<Delivered> {
	const delivered = await receivers.call<Delivered>("delivered", { sent });
	if (delivered.reported + delivered.unreported > 0 || delivered.deliveries !== sent * members) {
		throw new Error(
			`a run with a gap does not count: ${delivered.deliveries} of ${sent * members} deliveries, ` +
				`${delivered.reported} reported missing, ${delivered.unreported} missing or repeated without a word`,
		);
	}
	return delivered;
}

/**
 * What `status()` of a Client tells first: how things are now.
 *
 * @module
 */

import type { ClientLife } from "./life.ts";
import type { ClientStatus } from "./status.ts";
import type { ComingBack, Uplink } from "./uplink/index.ts";

/** Nothing, if the Client is over. */
export function presentStatus({
	life,
	uplink,
	comingBack,
}: {
	readonly life: ClientLife;
	readonly uplink: Uplink;
	readonly comingBack: ComingBack;
}): ClientStatus[] {
	if (life.over) return [];
	const info = life.lostInfo;
	if (info === undefined) return [comingBack.connected(uplink.link)];
	const next = comingBack.present;
	return [{ type: "disconnected", info }, ...(next === undefined ? [] : [next])];
}

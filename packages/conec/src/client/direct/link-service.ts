/**
 * What direct channels do when the link to the Coordinator comes and goes.
 *
 * @module
 */

import { DIRECT_CAPABILITY } from "../../wire/channel-messages.ts";
import type { LinkService } from "../uplink/index.ts";
import type { DirectChannels } from "./service.ts";

/** Each Coordinator hears which channels there are. After a loss, what was in the way of others may be gone. */
export function directService(direct: DirectChannels): LinkService {
	return {
		up(link, before) {
			if (!link.can(DIRECT_CAPABILITY)) return;
			direct.announce();
			if (before === undefined) return;
			const { observedAddress } = link;
			const { address, port } = before.observedAddress;
			if (observedAddress.address !== address || observedAddress.port !== port) direct.received({ type: "address", observedAddress });
			direct.background.reconsider();
		},
		down: (error) => direct.down(error),
	};
}

/**
 * What every command tells while it is connected, whatever it does: direct channels, its address, port mappings, and streams of peers that fail.
 *
 * @module
 */

import type { Client } from "../../index.ts";
import type { CommandContext } from "../command-line/index.ts";
import type { NoticePace } from "../terminal/index.ts";
import { quoted } from "../text/index.ts";
import { endpoint, formatMs, pathPhrase, rounded } from "../words/index.ts";
import { explainError } from "./explain-error.ts";
import type { LinkNews } from "./link-news.ts";
import { addressField } from "./path.ts";
import { PROTOCOLS } from "./protocols.ts";

/** Tells what becomes of direct channels, and what goes wrong with a stream of a peer. `news` tells of losses and returns of a Client that comes back. */
export async function tellStatus(client: Client, news: LinkNews | undefined, pace: NoticePace, { output }: Pick<CommandContext, "output">): Promise<void> {
	for await (const status of client.status()) {
		news?.take(status);
		if (status.type === "channel" && pace.shows(status.peer)) {
			const { peer, state } = status;
			if (status.state === "up") {
				output.event("channel", { peer, state, address: addressField(status.address), durationMs: rounded(status.durationMs) });
				output.note(`direct channel with ${quoted(peer)}: ${pathPhrase("direct", status.address)}, after ${formatMs(status.durationMs)}`, "debug");
			} else {
				output.event("channel", { peer, state, code: status.info.code, by: status.info.by });
				output.note(`the direct channel with ${quoted(peer)} has ended: ${status.info.code ?? "no code"}`, "debug");
			}
		}
		if (status.type === "handler-failed" && pace.shows(status.peer ?? "")) {
			const { message, hint, code } = explainError(status.error);
			// Somebody has stopped pinging, or was lost. The user of this command knows nothing of it.
			if (status.protocol === PROTOCOLS.ping) output.note(`no more pings of ${quoted(status.peer ?? "the Coordinator")}: ${message}`, "debug");
			else output.error(`Cannot continue ${status.protocol} of ${quoted(status.peer ?? "the Coordinator")}: ${message}`, hint, code);
		}
		if (status.type === "moved") {
			output.event("moved", { address: addressField(status.observedAddress) });
			output.note(`this machine is at ${endpoint(status.observedAddress)} now`, "debug");
		}
		if (status.type === "port-mapping") {
			if (status.state === "up") {
				output.event("port-mapping", { state: status.state, protocol: status.protocol, address: addressField(status.address) });
				output.note(`the router lets peers in at ${endpoint(status.address)} (${status.protocol})`);
			} else {
				output.event("port-mapping", { state: status.state, reason: status.reason });
				output.note(`the router maps no port: ${status.reason}`, "warn");
			}
		}
		if (news === undefined && status.type === "disconnected" && status.info.by !== "local" && client.channels().length > 0) {
			output.event("disconnected", { code: status.info.code, by: status.info.by });
			output.note("lost the Coordinator; direct channels go on without it", "warn");
		}
	}
}

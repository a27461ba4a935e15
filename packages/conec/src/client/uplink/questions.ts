/**
 * What a Client asks its Coordinator on the control stream, and what may answer it.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { ClientLimits } from "../../limits.ts";
import { Requests } from "../../session/requests.ts";
import type { ChannelMessageOfCoordinator, ChannelRequest } from "../../wire/channel-messages.ts";
import type { BroadcastCount, BroadcastCounted, BroadcastUnknown, PeerCheck, PeerChecked } from "../../wire/control.ts";
import type { MetadataRefused, MetadataSet, SetMetadata } from "../../wire/presence.ts";

/** A question of a Client. */
export type ClientQuestion = BroadcastCount | SetMetadata | ChannelRequest | PeerCheck;

/** What a Coordinator says that might be an answer. */
export type CoordinatorAnswer = BroadcastCounted | BroadcastUnknown | PeerChecked | MetadataSet | MetadataRefused | ChannelMessageOfCoordinator;

/** The questions of a Client that wait. */
export type ClientRequests = Requests<ClientQuestion, CoordinatorAnswer>;

/** Made anew for each connection to a Coordinator. */
export function clientRequests(send: (message: ClientQuestion) => void, limits: ClientLimits, clock: Clock): ClientRequests {
	// Changes of metadata follow each other.
	const atOnce = { "broadcast-count": limits.requests, metadata: 1, "channel-request": limits.attemptsPerClient, "peer-check": limits.requests };
	return new Requests({ send, clock, atOnce });
}

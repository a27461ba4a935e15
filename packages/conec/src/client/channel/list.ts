/**
 * What a Client says of the direct channels that it has.
 *
 * @module
 */

import { CHANNELS_LISTED, type ChannelList, type OwnChannel } from "../../wire/own-channels.ts";

/** The messages that name all of these, as many as it takes: none if there is nothing to name. */
export function channelLists(channels: Iterable<OwnChannel>): ChannelList[] {
	const own = Array.from(channels, ownChannel);
	const lists: ChannelList[] = [];
	for (let at = 0; at < own.length; at += CHANNELS_LISTED) lists.push({ type: "channel-list", channels: own.slice(at, at + CHANNELS_LISTED) });
	return lists;
}

/** What is said of one. */
export function ownChannel({ token, peer, fingerprint }: OwnChannel): OwnChannel {
	return { token, peer, fingerprint };
}

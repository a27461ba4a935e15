/**
 * Control messages by which a Client says which direct channels it has, and its Coordinator which of them are to end. Only where both
 * list the capability `direct`.
 *
 * @module
 */

import { FieldProblem, fingerprintField, idField, listField, noteField, objectField, tokenField } from "./fields.ts";

/** Direct channels that one `channel-list` names; more take more messages. */
export const CHANNELS_LISTED = 64;

/** A direct channel as one of its ends knows it. */
export interface OwnChannel {
	/** Of the attempt that it came from. */
	readonly token: string;
	/** Id of the other end. */
	readonly peer: string;
	/** Of the key that the other end has shown on the channel itself. */
	readonly fingerprint: string;
}

/** Client: direct channels that it has. Said after the welcome, of those from before it, and after {@link ChannelListWanted}. */
export interface ChannelList {
	readonly type: "channel-list";
	/** 1 to {@link CHANNELS_LISTED}. */
	readonly channels: readonly OwnChannel[];
}

/** Coordinator: this key is not welcome any more; channels and attempts with it end at once. */
export interface PeerDenied {
	readonly type: "peer-denied";
	/** Of the key that the other end has shown. */
	readonly fingerprint: string;
	/** For people. */
	readonly reason: string;
}

/** Coordinator: say once more which direct channels there are. */
export interface ChannelListWanted {
	readonly type: "channel-list-wanted";
}

/** The message of that type in an object; `undefined`: the type is none of these. Throws {@link FieldProblem}. */
export function readOwnChannelMessage(type: string, object: Readonly<Record<string, unknown>>): ChannelList | PeerDenied | ChannelListWanted | undefined {
	switch (type) {
		case "channel-list":
			return { type, channels: readOwnChannels(object) };
		case "peer-denied":
			return { type, fingerprint: fingerprintField(object, "fingerprint"), reason: noteField(object, "reason") ?? "" };
		case "channel-list-wanted":
			return { type };
		default:
			return undefined;
	}
}

function readOwnChannels(object: Readonly<Record<string, unknown>>): readonly OwnChannel[] {
	const channels = listField(object, "channels", CHANNELS_LISTED, (list, name) => {
		const channel = objectField(list, name);
		return { token: tokenField(channel), peer: idField(channel, "peer"), fingerprint: fingerprintField(channel, "fingerprint") };
	});
	if (channels.length === 0) throw new FieldProblem("channels must list at least 1");
	return channels;
}

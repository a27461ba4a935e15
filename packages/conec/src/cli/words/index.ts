/**
 * Facts of the library in words: networks, paths, peers, round trips, system errors. Pure.
 *
 * @module
 */

export { durationText } from "./duration.ts";
export { errnoText } from "./errno.ts";
export { messageFields, messageText } from "./message.ts";
export { directOutlook, natKind, natWords, type Participation } from "./nat.ts";
export { formatMs, formatSeconds, rounded } from "./numbers.ts";
export { CHANNEL_SIGNS, channelLine, endpoint, explainLines, PATH_CHOICES, type PathChoice, pathPhrase } from "./path.ts";
export { PRESENCE_MARKS, peerFields } from "./peer.ts";
export { type RoundTrips, roundTripsOf, roundTripWords } from "./round-trips.ts";
export { type Running, runningMetadata, runningOf } from "./running.ts";

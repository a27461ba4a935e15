/**
 * Versions of the protocol. Each side lists what it speaks; the greatest that both list is used.
 *
 * @module
 */

/** Versions that this library speaks. */
export const PROTOCOL_VERSIONS: readonly number[] = [2];

/** ALPN protocol between a Client and the Coordinator. */
export const ALPN_COORDINATOR = "conec/1";

/** ALPN protocol between two Clients. */
export const ALPN_DIRECT = "conec-direct/1";

/** Port of a Coordinator, UDP. */
export const DEFAULT_PORT = 1719;

/** Versions that one hello may list. */
export const VERSIONS_LISTED = 16;

/** The greatest version that is in both lists, or `undefined`. */
export function negotiateVersion(ours: readonly number[], theirs: readonly number[]): number | undefined {
	let best: number | undefined;
	for (const version of theirs) {
		if ((best === undefined || version > best) && ours.includes(version)) {
			best = version;
		}
	}
	return best;
}

/** Whether a value can be a version: an integer, 1 to 65_535. */
export function isVersion(version: unknown): version is number {
	return Number.isInteger(version) && (version as number) >= 1 && (version as number) <= 0xff_ff;
}

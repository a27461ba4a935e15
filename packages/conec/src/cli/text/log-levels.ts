/**
 * How much is told. Pure.
 *
 * @module
 */

/** From least to most. */
export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Whether something of a level is told where this much is asked for. */
export function isTold(level: LogLevel, asked: LogLevel): boolean {
	return LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(asked);
}

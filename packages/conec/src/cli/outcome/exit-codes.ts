/**
 * What the exit status of `conec` says. `docs/cli.md` documents the same table; a test compares the two.
 *
 * @module
 */

/** Exit statuses by name. */
export const EXIT_CODES = {
	/** Everything asked for was done. */
	ok: 0,
	/** Something else went wrong. */
	failed: 1,
	/** The command line is wrong. */
	usage: 2,
	/** The Coordinator could not be reached, was not trusted, refused this Client, or was lost. */
	coordinator: 3,
	/** The peer is unknown, busy, gone, or refused; no ping was answered; nobody is in a broadcast. */
	peer: 4,
	/** A transfer is incomplete or a file could not be verified or written; a broadcast was read too slowly. */
	incomplete: 5,
	/** SIGHUP. */
	hangup: 129,
	/** Ctrl-C. */
	interrupted: 130,
	/** Nobody reads standard output any more. */
	brokenPipe: 141,
	/** SIGTERM. */
	terminated: 143,
} as const;

/** One of {@link EXIT_CODES}. */
export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

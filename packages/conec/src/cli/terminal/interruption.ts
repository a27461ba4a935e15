/**
 * Ctrl-C and its relatives: the first asks the command to end cleanly, the second ends the process at once.
 *
 * @module
 */

import { CliError, EXIT_CODES, type ExitCode } from "../outcome/index.ts";
import type { SignalName, Surroundings } from "../surroundings/index.ts";

/** The reason that the signal of {@link watchInterruption} is aborted with. */
export class Interrupted extends CliError {
	constructor(cause: string, exitCode: ExitCode) {
		super(exitCode, `ended by ${cause}`);
	}
}

/** Whether a signal was aborted because nobody reads standard output any more. */
export function isOutputGone(reason: unknown): boolean {
	return reason instanceof Interrupted && reason.exitCode === EXIT_CODES.brokenPipe;
}

const SIGNALS: Readonly<Record<SignalName, ExitCode>> = { SIGINT: EXIT_CODES.interrupted, SIGTERM: EXIT_CODES.terminated, SIGHUP: EXIT_CODES.hangup };

/** What a running command knows of signals. */
export interface Interruption {
	readonly signal: AbortSignal;
	/**
	 * From now on SIGHUP calls this instead of ending the command. Without effect on Windows, where it says that the
	 * console is closed.
	 */
	onHangup(listener: () => void): void;
	/** To be called when nobody reads the output that the command is run for. Other programs get SIGPIPE then, as in `conec peers --watch | head`. */
	outputGone(): void;
	stop(): void;
}

/** Aborts the returned signal on the first of SIGINT, SIGTERM and SIGHUP; a second signal ends the process at once. */
export function watchInterruption({ signals, platform, exit }: Pick<Surroundings, "signals" | "platform" | "exit">): Interruption {
	const controller = new AbortController();
	let hangup: (() => void) | undefined;
	const stop = signals.subscribe((name) => {
		if (name === "SIGHUP" && hangup !== undefined && !controller.signal.aborted) return hangup();
		const exitCode = SIGNALS[name];
		if (controller.signal.aborted) return exit(exitCode);
		controller.abort(new Interrupted(name, exitCode));
	});
	return {
		signal: controller.signal,
		onHangup(reload) {
			if (platform !== "win32") hangup = reload;
		},
		outputGone() {
			if (!controller.signal.aborted) controller.abort(new Interrupted("the end of whoever read its output", EXIT_CODES.brokenPipe));
		},
		stop,
	};
}

/** Rejects with the signal's reason once aborted, and otherwise settles as `promise` does. */
export async function orInterrupted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
	signal.throwIfAborted();
	let listener: (() => void) | undefined;
	const interrupted = new Promise<never>((_, reject) => {
		listener = () => reject(signal.reason);
		signal.addEventListener("abort", listener, { once: true });
	});
	try {
		return await Promise.race([promise, interrupted]);
	} finally {
		if (listener !== undefined) signal.removeEventListener("abort", listener);
	}
}

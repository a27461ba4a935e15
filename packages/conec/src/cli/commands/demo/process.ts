/**
 * One process of the demonstration: another `conec`, spoken to through its JSON lines.
 *
 * @module
 */

import { CliError, EXIT_CODES } from "../../outcome/index.ts";
import type { Clock, OtherRun, Surroundings } from "../../surroundings/index.ts";
import { linesOf } from "../../terminal/index.ts";

/** A JSON line of a command. */
export type ProcessEvent = Readonly<Record<string, unknown>> & { readonly event: string };

/** A running `conec COMMAND --json`. */
export class DemoProcess {
	readonly #name: string;
	readonly #clock: Clock;
	readonly #child: OtherRun;
	readonly #exited: Promise<number | null>;
	readonly #events: AsyncIterator<ProcessEvent>;
	#errors = "";

	/** Starts it with the same Node and the same code as this process. `onEvent`: it has said something. */
	constructor(name: string, args: readonly string[], { start, clock }: Surroundings, onEvent: () => void) {
		this.#name = name;
		this.#clock = clock;
		this.#child = start([...args, "--json"]);
		this.#exited = new Promise((resolve) => {
			this.#child.once("exit", (code) => resolve(code));
			this.#child.once("error", () => resolve(null));
		});
		this.#child.stdin.on("error", () => undefined);
		this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
			this.#errors = (this.#errors + text).slice(-2_000);
		});
		this.#events = eventsOf(this.#child.stdout, onEvent);
	}

	/** The next event of that kind; others are passed over. Rejects when the process ends first. */
	async next(event: string): Promise<ProcessEvent> {
		for (;;) {
			const { done, value } = await this.#events.next();
			if (done === true) throw this.#failure(`ended before "${event}"`);
			if (value.event === event) return value;
		}
	}

	/** Types a line. */
	say(line: string): void {
		this.#child.stdin.write(`${line}\n`);
	}

	/** Ends its input. */
	endInput(): void {
		this.#child.stdin.end();
	}

	/** Waits for its end. Rejects unless its exit status is the expected one. */
	async end(expected: number = EXIT_CODES.ok): Promise<void> {
		const status = await this.#exited;
		if (status !== expected) throw this.#failure(`ended with status ${status}`);
	}

	/** Ctrl-C for this process; where there are no signals, its end. */
	interrupt(): void {
		this.#child.kill("SIGINT");
	}

	/** Sees to it that it is gone: asks, and after a second insists. */
	async stop(): Promise<void> {
		if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined) return;
		this.#child.kill("SIGTERM");
		const insist = this.#clock.after(1_000, () => this.#child.kill("SIGKILL"));
		await this.#exited;
		insist.cancel();
	}

	#failure(what: string): CliError {
		const said = this.#errors.trim();
		return new CliError(EXIT_CODES.failed, `Cannot continue the demonstration: ${this.#name} ${what}`, said === "" ? undefined : `It said: ${said}`);
	}
}

async function* eventsOf(stdout: AsyncIterable<Uint8Array>, onEvent: () => void): AsyncGenerator<ProcessEvent, void, void> {
	for await (const line of linesOf(stdout)) {
		if (line.type !== "line" || line.bytes.length === 0) continue;
		onEvent();
		yield JSON.parse(Buffer.from(line.bytes).toString()) as ProcessEvent;
	}
}

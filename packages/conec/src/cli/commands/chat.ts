/**
 * `conec chat`: two people, line by line.
 *
 * @module
 */

import { createInterface, type Interface } from "node:readline";
import type { MessageStream } from "../../index.ts";
import { APPLICATION_CODES, PROTOCOLS, turnAway } from "../application.ts";
import { usageError } from "../cli-error.ts";
import type { Command, CommandContext } from "../command.ts";
import { CONNECTION_OPTIONS, type Connection, connect, incomingOf, openTo } from "../connection.ts";
import { EXIT_CODES, type ExitCode } from "../exit-codes.ts";
import { linesOf } from "../lines.ts";
import type { EventFields } from "../output.ts";
import { checkPathOption, explainPeer, PATH_OPTIONS, pathTaken } from "../path.ts";
import { answerOther } from "../ping-echo.ts";
import { printable, quoted } from "../terminal-text.ts";

/** See `conec chat --help`. */
export const chatCommand: Command = {
	spec: {
		name: "chat",
		usage: "[--to PEER | --from PEER]",
		summary: "Talk with a peer, line by line; without --to wait for the first who calls",
		operands: { least: 0, most: 0, what: "" },
		options: {
			to: { value: "PEER", text: "the peer, which waits in `conec chat`" },
			from: { value: "PEER", text: "wait for this peer only" },
			...PATH_OPTIONS,
			...CONNECTION_OPTIONS,
		},
		examples: ["conec chat", "conec chat --to bob", "uptime | conec chat --to bob"],
	},
	linesTo: "stdout",
	async run(context) {
		const { args } = context;
		const to = args.text("to");
		if (to !== undefined && args.text("from") !== undefined) throw usageError("--to and --from exclude each other");
		checkPathOption(args);
		const connection = await connect(context);
		try {
			const stream = to === undefined ? await waitForCaller(connection, context) : await openTo(connection.client, to, PROTOCOLS.chat, context);
			return await talk(stream, connection, context);
		} finally {
			await connection.close();
		}
	},
};

async function waitForCaller(connection: Connection, { args, output }: CommandContext): Promise<MessageStream> {
	output.event("waiting", { id: connection.client.id });
	output.note(`waiting for a caller, who comes with: conec chat --to ${connection.client.id}`);
	const incoming = incomingOf(connection.client, PROTOCOLS.chat, args.text("from"), answerOther);
	const first = await connection.orEnd(incoming.next());
	if (first.done === true) throw usageError("nobody called");
	// Whoever calls later is told at once.
	void (async () => {
		for await (const other of incoming) turnAway(other, APPLICATION_CODES.busy);
	})().catch(() => undefined);
	return first.value;
}

async function talk(stream: MessageStream, connection: Connection, context: CommandContext): Promise<ExitCode> {
	const { output, signal } = context;
	const peer = stream.peer ?? "";
	const screen = process.stdin.isTTY && process.stdout.isTTY && !output.json ? new TypedLines() : undefined;
	const say = (event: string, text: string, fields: EventFields = {}): void => {
		if (event === "message") output.event("message", { from: peer, text }, `${output.style("cyan", `${peer}:`)} ${printable(text, 65_536)}`);
		else {
			output.event(event, { peer, ...fields });
			output.note(output.style("dim", text));
		}
	};
	const cancel = (): void => turnAway(stream, APPLICATION_CODES.cancelled);
	signal.addEventListener("abort", cancel, { once: true });
	if (signal.aborted) cancel();
	output.keepBelow(screen);
	const taken = pathTaken(connection.client, stream);
	say("joined", `talking with ${quoted(peer)} (${taken.words}); Ctrl-D ends`, taken.fields);
	let peerLeft = false;
	const up = async (): Promise<void> => {
		const lines = screen === undefined ? linesOf(process.stdin) : screen.lines();
		try {
			for await (const line of lines) await stream.send(line);
		} catch (error) {
			if (!peerLeft) throw error;
		}
		await stream.close();
	};
	const down = async (): Promise<void> => {
		for await (const message of stream) say("message", DECODER.decode(message));
		peerLeft = true;
		say("left", `${quoted(peer)} has left`);
		screen?.close();
		process.stdin.destroy();
	};
	try {
		await connection.orEnd(Promise.all([up(), down()]));
		return EXIT_CODES.ok;
	} catch (error) {
		signal.throwIfAborted();
		turnAway(stream, APPLICATION_CODES.failed);
		throw error;
	} finally {
		signal.removeEventListener("abort", cancel);
		screen?.close();
		process.stdin.destroy();
		explainPeer(connection.client, stream.peer, stream.path, context);
	}
}

const DECODER = new TextDecoder();

/** The line being typed on a terminal, which steps aside for lines that come in. */
class TypedLines {
	readonly #readline: Interface;
	#closed = false;

	constructor() {
		this.#readline = createInterface({ input: process.stdin, output: process.stdout, prompt: "> " });
		// In raw mode Ctrl-C is a key, not a signal.
		this.#readline.on("SIGINT", () => process.emit("SIGINT", "SIGINT"));
	}

	/** Ends with Ctrl-D or {@link close}. */
	async *lines(): AsyncGenerator<string, void, void> {
		this.#readline.prompt();
		for await (const line of this.#readline) {
			yield line;
			this.#readline.prompt();
		}
	}

	/** Clears the typed line from the screen, not from memory. */
	hide(): void {
		if (this.#closed) return;
		const { rows } = this.#readline.getCursorPos();
		process.stdout.write(`${rows > 0 ? `\u001b[${rows}A` : ""}\r\u001b[J`);
	}

	/** Draws it again. */
	show(): void {
		if (this.#closed) return;
		// readline first goes up by as many rows as it drew last time; they are gone, and above is what was just shown.
		(this.#readline as { prevRows?: number }).prevRows = 0;
		this.#readline.prompt(true);
	}

	/** Leaves the cursor at the start of an empty line. */
	close(): void {
		if (this.#closed) return;
		this.hide();
		this.#closed = true;
		this.#readline.close();
	}
}

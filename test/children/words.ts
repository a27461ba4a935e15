/** What is said on a stream right before everything is closed. */

import { isConecError, type MessageStream } from "../../packages/conec/src/index.ts";

/** What is said, with a code that tells who said it. */
export const WORDS: Readonly<Record<string, (stream: MessageStream) => void>> = {
	reset: (stream) => stream.reset(7),
	stop: (stream) => stream.stop(7),
	both: (stream) => {
		stream.reset(7);
		stream.stop(7);
	},
	"stop-after-end": (stream) => stream.stop(7),
	end: (stream) => {
		for (let i = 0; i < 3; i++) stream.trySend(`last ${i}`);
		void stream.close().catch(() => undefined);
	},
};

/** Opens a stream, again where no direct channel came about: packets are tried for 1.5 s only, and a busy machine may need longer. */
export async function openAgain(open: () => Promise<MessageStream>): Promise<MessageStream> {
	for (let tries = 1; ; tries++) {
		try {
			return await open();
		} catch (error) {
			if (!isConecError(error) || error.code !== "DIRECT_UNAVAILABLE" || tries === 5) throw error;
		}
	}
}

/** Greets the peer on a new stream; then the word can be said. */
export async function greet(stream: MessageStream, word: string): Promise<void> {
	await stream.send("hello");
	await stream.receive();
	if (word === "stop-after-end") await endWhileReading(stream);
}

/** The acknowledgement of the end comes behind the messages that are on their way here. */
async function endWhileReading(stream: MessageStream): Promise<void> {
	let ended = false;
	const ending = stream.close().then(() => {
		ended = true;
	});
	while (!ended) await Promise.race([ending, stream.receive()]);
}

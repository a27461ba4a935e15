/**
 * A claim that is a listening Unix socket. The kernel closes it with its process, so whether a connection is refused tells a
 * dead one from a living one, also one in another container on the same kernel, one that hangs, and one of before a reboot.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { unlinkSync } from "node:fs";
import { lstat, rename, unlink } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { errnoOf } from "./file-errors.ts";
import { type Answer, type Claim, parseHolder } from "./lock-claim.ts";
import { ownIdentity } from "./process-identity.ts";
import { withSocketPath } from "./socket-path.ts";

/** File names of these claims end so. */
export const SOCKET_SUFFIX = ".sock";

/**
 * Publishes a claim in the directory.
 *
 * Rejects with a system error where it cannot be made; then nothing is left.
 */
export async function publishSocket(directory: string, name: string): Promise<Claim> {
	const id = randomBytes(8).toString("hex");
	const path = join(directory, `${name}.${id}${SOCKET_SUFFIX}`);
	const staged = `${name}.${id}.new`;
	const server = new ClaimServer();
	try {
		// It listens before it is seen: what others see and cannot reach is dead.
		await withSocketPath(directory, staged, (address) => server.listen(address));
		await rename(join(directory, staged), path);
	} catch (error) {
		server.close();
		await unlink(join(directory, staged)).catch(() => undefined);
		throw error;
	}
	return {
		id,
		path,
		hold: () => server.hold(),
		isVisible: () =>
			lstat(path).then(
				() => true,
				() => false,
			),
		withdraw() {
			try {
				unlinkSync(path);
			} catch {
				// Somebody removed it, or the directory.
			}
			server.close();
		},
	};
}

/** Asks who has published that socket, and removes it when its process is gone. `answerMs` bounds the wait for a word. */
export async function askSocket(directory: string, file: string, answerMs: number): Promise<Answer> {
	const answer = await withSocketPath(directory, file, (address) => askAt(address, answerMs)).catch((error: unknown): Answer => {
		return { type: "silent", errno: errnoOf(error) };
	});
	// Its name was never another's and will be nobody's, so this cannot hit a living one.
	if (answer.type === "silent" && answer.errno === "ECONNREFUSED") {
		await unlink(join(directory, file)).catch(() => undefined);
		return GONE;
	}
	return answer.type === "silent" && answer.errno === "ENOENT" ? GONE : answer;
}

/**
 * Asks at an address. An error of the connection is `silent` with its code.
 *
 * `answerMs` is waited for in steps: on a machine so busy that this process does not run, what was said meanwhile is heard before the time is over.
 */
export function askAt(address: string, answerMs: number): Promise<Answer> {
	return new Promise((resolve) => {
		let said = "";
		let decide: ((outcome: Answer) => void) | undefined;
		const socket = connect({ path: address });
		const finish = (answer: Answer): void => {
			clearInterval(timer);
			socket.destroy();
			resolve(answer);
			decide?.(answer.type === "unclear" ? GONE : answer);
		};
		let steps = WAIT_STEPS;
		const timer = setInterval(() => {
			if (--steps === 0) finish({ type: "silent", errno: undefined });
		}, answerMs / WAIT_STEPS);
		socket.setEncoding("utf8");
		socket.on("data", (text: string) => {
			said += text;
			const [first, ...rest] = said.split("\n").slice(0, -1);
			const last = rest.at(-1) ?? first;
			if (last !== undefined && last !== CLAIMS) return finish({ type: "held", holder: holderIn(last) });
			if (said.length > MOST_CHARACTERS) return finish({ type: "held", holder: undefined });
			if (first !== CLAIMS || decide !== undefined) return;
			steps = WAIT_STEPS;
			const outcome = new Promise<Answer>((settle) => {
				decide = settle;
			});
			resolve({ type: "claims", outcome: () => outcome });
		});
		socket.on("error", (error) => {
			const errno = errnoOf(error);
			finish(said === "" && errno !== "ECONNRESET" && errno !== "EPIPE" ? { type: "silent", errno } : { type: "unclear" });
		});
		socket.on("close", () => finish({ type: "unclear" }));
	});
}

/** Tells whoever connects how the claim stands. */
export class ClaimServer {
	readonly #server: Server;
	readonly #waiting: Set<Socket> = new Set();
	#held = false;

	constructor() {
		this.#server = createServer((socket) => this.#tell(socket));
		this.#server.maxConnections = MOST_CONNECTIONS;
		// It says who holds the lock as long as something else keeps the process.
		this.#server.unref();
	}

	/** Rejects with the system error. */
	listen(address: string): Promise<void> {
		return new Promise((resolve, reject) => {
			this.#server.once("error", reject);
			// `exclusive`: the processes of a cluster are rivals like any others.
			this.#server.listen({ path: address, exclusive: true, backlog: 128 }, () => {
				this.#server.off("error", reject).on("error", () => undefined);
				resolve();
			});
		});
	}

	hold(): void {
		this.#held = true;
		for (const socket of this.#waiting) this.#tell(socket);
		this.#waiting.clear();
	}

	close(): void {
		this.#server.close();
		for (const socket of this.#waiting) socket.destroy();
		this.#waiting.clear();
	}

	#tell(socket: Socket): void {
		socket.on("error", () => socket.destroy()).unref();
		if (this.#held) {
			const { pid, space, host } = ownIdentity();
			socket.write(`${JSON.stringify({ pid, space, host })}\n`);
			socket.destroySoon();
			return;
		}
		this.#waiting.add(socket);
		socket.on("close", () => this.#waiting.delete(socket)).resume();
		socket.write(`${CLAIMS}\n`);
	}
}

function holderIn(line: string): ReturnType<typeof parseHolder> {
	try {
		return parseHolder(JSON.parse(line));
	} catch {
		return undefined;
	}
}

const CLAIMS = "claims";

const MOST_CHARACTERS = 4_096;

const MOST_CONNECTIONS = 256;

const WAIT_STEPS = 20;

const GONE: Answer = { type: "gone" };

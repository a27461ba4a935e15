/** What a NAT does, seen from behind it, in the manner of RFC 5780: `serve` on a machine with two addresses, then `classify` and `alive` behind a router. */

import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import { serveActions, sleep } from "./actions.ts";

interface Server {
	/** A second one is needed to classify. */
	readonly addresses: readonly string[];
	readonly ports: readonly [number, number];
}
interface Question {
	readonly nonce: number;
	/** Answer from the other address, or the other port. */
	readonly otherAddress?: boolean;
	readonly otherPort?: boolean;
	readonly delayMs?: number;
}
interface Answer {
	readonly nonce: number;
	readonly address: string;
	readonly port: number;
}

/** How long an answer may take. */
const ANSWER_MS = 600;
let nonces = 0;
/** Of `serve`, by address and port. */
const serving = new Map<string, Socket>();
/** A socket that stays open over several actions, and who has sent to it. */
let kept: Socket | undefined;
const keptHeard: string[] = [];

async function bound(port?: number, address?: string): Promise<Socket> {
	const socket = createSocket("udp4").on("error", () => undefined);
	socket.bind(port ?? 0, address);
	await once(socket, "listening");
	return socket;
}

/** A packet that only opens a way. One that comes late reaches a socket that has got the port since. */
function isKnock(data: Buffer): boolean {
	return data.length === 1;
}

async function ask(socket: Socket, address = "", port = 0, how: Omit<Question, "nonce"> = {}): Promise<Answer | undefined> {
	const nonce = ++nonces;
	let answer: Answer | undefined;
	let wake = (): void => undefined;
	const answered = new Promise<void>((resolve) => {
		wake = resolve;
	});
	const listen = (data: Buffer): void => {
		if (isKnock(data)) return;
		const said = JSON.parse(data.toString()) as Answer;
		if (said.nonce !== nonce) return;
		answer = said;
		wake();
	};
	socket.on("message", listen);
	socket.send(JSON.stringify({ nonce, ...how }), port, address);
	await Promise.race([answered, sleep((how.delayMs ?? 0) + ANSWER_MS)]);
	socket.off("message", listen);
	return answer;
}

serveActions({
	async serve({ addresses, ports }: Server) {
		for (const address of addresses) for (const port of ports) serving.set(`${address}:${port}`, await bound(port, address));
		for (const address of addresses) {
			for (const port of ports) {
				serving.get(`${address}:${port}`)?.on("message", (data: Buffer, from: RemoteInfo) => {
					if (isKnock(data)) return;
					const { nonce, otherAddress, otherPort, delayMs = 0 } = JSON.parse(data.toString()) as Question;
					const by = `${otherAddress ? addresses.find((other) => other !== address) : address}:${otherPort ? ports.find((other) => other !== port) : port}`;
					const reply: Answer = { nonce, address: from.address, port: from.port };
					setTimeout(() => serving.get(by)?.send(JSON.stringify(reply), from.port, from.address), delayMs);
				});
			}
		}
	},
	/** `mapping` and `filtering` in RFC 4787's words: by nothing, by address, by address and port. */
	async classify({ addresses, ports }: Server) {
		const socket = await bound();
		const fresh = await bound(); // for filtering: questions about the mapping open the way for answers
		try {
			const first = await ask(socket, addresses[0], ports[0]);
			if (first === undefined) return { blocked: true };
			const second = await ask(socket, addresses[0], ports[1]);
			const third = await ask(socket, addresses[1], ports[0]);
			const seen = [first, second, third].map((answer) => `${answer?.address}:${answer?.port}`);
			const mapping = seen[0] !== seen[1] ? "address-and-port" : seen[0] !== seen[2] ? "address" : "independent";
			let filtering = "address-and-port";
			if ((await ask(fresh, addresses[0], ports[0], { otherAddress: true, otherPort: true })) !== undefined) filtering = "independent";
			else if ((await ask(fresh, addresses[0], ports[0], { otherPort: true })) !== undefined) filtering = "address";
			const own = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
			return { mapping, filtering, address: first.address, translated: !own.includes(first.address), ports: [first.port, second?.port, third?.port] };
		} finally {
			socket.close();
			fresh.close();
		}
	},
	/** Ports inside and outside of one socket, which stays open for the next call; `port`: a new socket at that one. */
	async mapped({ addresses, ports, port }: Server & { port?: number }) {
		if (kept === undefined || port !== undefined) {
			kept?.close();
			keptHeard.length = 0;
			kept = await bound(port);
			kept.on("message", (data: Buffer, from: RemoteInfo) => {
				if (data[0] !== 0x7b) keptHeard.push(from.address); // 0x7b: an answer, which is JSON
			});
		}
		const answer = await ask(kept, addresses[0], ports[0]);
		return { inside: kept.address().port, outside: answer?.port ?? null, address: answer?.address ?? null };
	},
	/** From which addresses something came to that socket that was no answer. */
	heard: () => keptHeard,
	/** Sends one datagram there from the first socket of `serve`. */
	async poke({ address, port }: { address: string; port: number }) {
		const [socket] = serving.values();
		await new Promise((resolve) => socket?.send(Uint8Array.of(0), port, address, resolve));
	},
	/** Whether a datagram to there is answered with an ICMP error. */
	async refused({ address, port }: { address: string; port: number }) {
		const socket = createSocket("udp4");
		const error = new Promise<string>((resolve) => socket.once("error", ({ code }: NodeJS.ErrnoException) => resolve(String(code))));
		socket.connect(port, address);
		await once(socket, "connect");
		socket.send(Uint8Array.of(0));
		const code = await Promise.race([error, sleep(ANSWER_MS)]);
		socket.close();
		return code === "ECONNREFUSED";
	},
	/** Whether an answer still comes in when nothing has passed for so long. */
	async alive({ addresses, ports, ms }: Server & { ms: number }) {
		const socket = await bound();
		const answer = await ask(socket, addresses[0], ports[0], { delayMs: ms });
		socket.close();
		return answer !== undefined;
	},
	/** Round trip in milliseconds of one question, or null without an answer. */
	async roundTrip({ addresses, ports }: Server) {
		const socket = await bound();
		const started = performance.now();
		const answer = await ask(socket, addresses[0], ports[0]);
		socket.close();
		return answer === undefined ? null : performance.now() - started;
	},
	/** Asks so many questions, one a millisecond. Gives the answers as they came: which question, and its round trip in milliseconds. */
	async order({ addresses, ports, count }: Server & { count: number }) {
		const socket = await bound();
		const sentMs = new Map<number, number>();
		const answers: { question: number; ms: number }[] = [];
		const first = nonces + 1;
		socket.on("message", (data: Buffer) => {
			const { nonce } = JSON.parse(data.toString()) as Answer;
			answers.push({ question: nonce - first, ms: performance.now() - (sentMs.get(nonce) ?? Number.NaN) });
		});
		for (let i = 0; i < count; i++) {
			const nonce = ++nonces;
			sentMs.set(nonce, performance.now());
			socket.send(JSON.stringify({ nonce }), ports[0], addresses[0]);
			await sleep(1);
		}
		await sleep(ANSWER_MS);
		socket.close();
		return answers;
	},
	/** Sends so many datagrams there; `punch`: whose first two bits are zero, else one. */
	async send({ address, port, count, punch }: { address: string; port: number; count: number; punch: boolean }) {
		const socket = await bound();
		for (let i = 0; i < count; i++) await new Promise((resolve) => socket.send(Uint8Array.of(punch ? 0x10 : 0xc0, 1, 2, 3), port, address, resolve));
		socket.close();
	},
});

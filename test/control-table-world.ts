/**
 * What the table of control messages stands on: one side that speaks for itself, a real one, and bystanders whose echo must
 * lose nothing.
 */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { type Client, connectOn } from "../packages/conec/src/client/client.ts";
import type { ClientOptions } from "../packages/conec/src/client/options.ts";
import type { CoordinatorOptions } from "../packages/conec/src/coordinator/options.ts";
import { resolveLimits } from "../packages/conec/src/limits.ts";
import { makeSelfSigned } from "../packages/conec/src/tls/self-signed.ts";
import type { StreamHandler, Transport, TransportCloseInfo, TransportConnection, TransportStream } from "../packages/conec/src/transport/transport.ts";
import type { ChannelMessageOfCoordinator } from "../packages/conec/src/wire/channel-messages.ts";
import { FRAME } from "../packages/conec/src/wire/frames.ts";
import { acceptClients } from "../packages/conec/testing/odd-coordinator.ts";
import { ANSWER } from "../packages/conec/testing/stream-fixture.ts";
import { echo, type Fabric, handler, hello, pass, runtimeOf, text, until, utf8, World } from "./entities-world.ts";
import { asTold } from "./forgotten.ts";

/** One end of a control stream on which anything can be said. */
export class Speaker {
	readonly connection: TransportConnection;
	/** Types of the control messages that have come, `refused` with its code. */
	readonly heard: string[] = [];
	readonly messages: Record<string, unknown>[] = [];
	over: TransportCloseInfo | undefined;
	stream: TransportStream | undefined;

	constructor(connection: TransportConnection) {
		this.connection = connection;
		void connection.closed.then((info) => {
			this.over = info;
		});
	}

	readonly handler: StreamHandler = handler({
		frame: (kind, payload) => {
			if (kind !== FRAME.CONTROL) return void this.heard.push(`kind ${kind}`);
			const message = JSON.parse(Buffer.from(payload).toString()) as Record<string, unknown>;
			this.messages.push(message);
			this.heard.push(`${String(message["type"])}${message["code"] === undefined ? "" : ` ${String(message["code"])}`}`);
		},
	});

	/** JSON, or text that may be none. */
	say(message: unknown): this {
		const payload = utf8(typeof message === "string" ? message : JSON.stringify(message));
		if (this.stream === undefined) this.stream = this.connection.openStream({ kind: FRAME.CONTROL, payload }, this.handler);
		else this.stream.write(FRAME.CONTROL, payload);
		return this;
	}

	/** Has heard all of these (and perhaps more), or the connection is over. */
	async hears(...words: string[]): Promise<void> {
		await until(() => {
			const left = [...this.heard];
			return words.every((word) => {
				const at = left.indexOf(word);
				if (at !== -1) left.splice(at, 1);
				return at !== -1;
			});
		}).catch((error: unknown) => {
			throw new assert.AssertionError({
				message: `waited for ${words.join(", ")}; heard ${this.heard.join(", ")}; ${JSON.stringify(this.over)}: ${String(error)}`,
			});
		});
	}

	/** Asks and has the answer, so that everything said before has been dealt with. */
	async isAnswered(nonce: number): Promise<void> {
		this.say({ type: "ping", nonce });
		await until(() => this.messages.some((message) => message["type"] === "pong" && message["nonce"] === nonce) || this.over !== undefined);
		assert.equal(this.over, undefined);
	}

	/** The connection's end, as this side sees it. Rejects with {@link Forgotten} where it cannot be seen. */
	async end(): Promise<TransportCloseInfo> {
		await until(() => this.over !== undefined);
		return asTold(this.over as TransportCloseInfo);
	}
}

/** What {@link scene} sets. */
export interface Scene {
	readonly world: World;
	/** A connection without hello. */
	readonly dial: () => Promise<Speaker>;
	/** The bystanders come to their end, having lost nothing. At the latest at the end of the test. */
	readonly rest: () => Promise<void>;
}

/** A real Coordinator with two bystanders who talk until the end of the test. */
export async function scene(t: TestContext, fabric: Fabric, options: CoordinatorOptions = {}): Promise<Scene> {
	const talk = { over: false, done: Promise.resolve(0) };
	// Before the world is taken down, as hooks run in the order in which they were made.
	const rest = async (): Promise<void> => {
		talk.over = true;
		assert.ok((await talk.done) > 0, "the bystanders have talked");
	};
	t.after(rest);
	const world = await World.create(t, fabric, options);
	const [ann, ben] = await Promise.all([world.connect("ann"), world.connect("ben")]);
	echo(ben);
	const stream = await ann.openStream("ben");
	talk.done = (async () => {
		for (let i = 0; ; i++) {
			await stream.send(`echo ${i}`);
			assert.equal(text(await stream.receive()), `echo ${i}`);
			if (!talk.over) await pass(fabric, fabric.runtime === undefined ? 2 : 50);
			else if (i > 3) return i;
		}
	})();
	talk.done.catch(() => undefined);
	return { world, rest, dial: async () => new Speaker((await world.dial()).connection) };
}

/** Of a Coordinator that {@link closeSlowly} closes: it keeps its connections for as long as a test may need on a slow machine. */
export const SLOW_CLOSE = { lingerMs: 30_000, closeTimeoutMs: 40_000 } as const;

/**
 * Closes a Coordinator that keeps its connections until `end` is called: a stream that its application has closed is acknowledged by
 * nobody.
 */
export async function closeSlowly({ coordinator }: World, dial: Scene["dial"]): Promise<{ readonly end: () => Promise<void> }> {
	const mute = (await dial()).say(hello("mute"));
	await mute.hears("welcome");
	mute.connection.onStream = (incoming) => incoming.accept(handler()).write(FRAME.RESUMABLE, ANSWER);
	const stream = await coordinator.openStream("mute");
	stream.close().catch(() => undefined);
	const done = coordinator.close();
	const end = async (): Promise<void> => {
		mute.connection.close(0, "");
		await done;
	};
	return { end };
}

/** A Coordinator that says what the test wants, and a way for real Clients to reach it. */
export async function impostor(
	t: TestContext,
	fabric: Fabric,
): Promise<{ transport: Transport; connect: (id: string, options?: Partial<ClientOptions>) => { client: Promise<Client>; speaker: Promise<Speaker> } }> {
	const identity = await makeSelfSigned({ names: ["localhost"] }, "ephemeral");
	const transport = fabric.createTransport({ host: "127.0.0.1", port: 0, limits: resolveLimits({}, "coordinator"), role: "coordinator" });
	const clients: Promise<Client>[] = [];
	t.after(async () => {
		for (const client of await Promise.allSettled(clients)) if (client.status === "fulfilled") client.value.destroy();
		transport.destroy();
		if (fabric.leftovers !== undefined) await until(() => fabric.leftovers?.() === 0);
	});
	const waiting = new Map<string, (speaker: Speaker) => void>();
	acceptClients(transport, identity, (incoming) => {
		const hello = JSON.parse(Buffer.from(incoming.header.payload).toString()) as { id: string };
		const speaker = new Speaker(incoming.connection);
		speaker.stream = incoming.accept(speaker.handler);
		waiting.get(hello.id)?.(speaker);
	});
	const { port } = transport.address;
	return {
		transport,
		connect: (id, options = {}) => {
			const speaker = new Promise<Speaker>((resolve) => waiting.set(id, resolve));
			const client = connectOn(runtimeOf(fabric), {
				id,
				coordinator: `localhost:${port}`,
				address: `127.0.0.1:${port}`,
				localAddress: "127.0.0.1",
				pin: identity.fingerprint,
				reconnect: false,
				...options,
			});
			client.catch(() => undefined);
			clients.push(client);
			return { client, speaker };
		},
	};
}

type NameOfClient =
	| "channel-request"
	| "channel-cancel"
	| "channel-answer yes"
	| "channel-answer no"
	| "channel-report"
	| "channel-report of its own"
	| "channel-list"
	| "address-echo"
	| "nat-test";
type NameOfCoordinator = ChannelMessageOfCoordinator["type"];

const TOKEN = "00112233445566778899aabbccddeeff";
const OFFER = { hosts: [{ address: "192.168.1.5", port: 9 }], nat: { mapping: "independent", filtering: "by-port" }, punch: true, birthday: false } as const;
const PEER = { id: "ann", fingerprint: `sha256:${"ab".repeat(32)}` } as const;

/** One of each about direct channels that a Client says, well formed, of attempts that do not exist. */
export const CHANNEL_MESSAGES_OF_CLIENT: Readonly<Record<NameOfClient, Readonly<Record<string, unknown>>>> = {
	"channel-request": { type: "channel-request", request: 1, peer: "nobody", ...OFFER, auto: false },
	"channel-cancel": { type: "channel-cancel", request: 1 },
	"channel-answer yes": { type: "channel-answer", token: TOKEN, accept: true, ...OFFER },
	"channel-answer no": { type: "channel-answer", token: TOKEN, accept: false, code: "DECLINED" },
	"channel-report": { type: "channel-report", token: TOKEN, outcome: "up", address: { address: "192.0.2.7", port: 9 }, rttMs: 1 },
	"channel-report of its own": { type: "channel-report", token: TOKEN, outcome: "up", peer: PEER.id, fingerprint: PEER.fingerprint },
	"channel-list": { type: "channel-list", channels: [{ token: TOKEN, peer: PEER.id, fingerprint: PEER.fingerprint }] },
	"address-echo": { type: "address-echo", nonce: "0123456789abcdef" },
	"nat-test": { type: "nat-test" },
};

/** The same of a Coordinator. */
export const CHANNEL_MESSAGES_OF_COORDINATOR: Readonly<Record<NameOfCoordinator, Readonly<Record<string, unknown>>>> = {
	"channel-ask": { type: "channel-ask", token: TOKEN, peer: PEER, expiresInMs: 10_000 },
	"channel-go": {
		...{ type: "channel-go", token: TOKEN, role: "accept", peer: PEER, certificate: "MIIB", nat: OFFER.nat, punch: true, waitMs: 0, deadlineMs: 5_000 },
		candidates: [{ address: "192.0.2.7", port: 9, kind: "reflexive", packets: 64 }],
	},
	"channel-refused": { type: "channel-refused", request: 1, code: "PEER_UNKNOWN", reason: "no" },
	"channel-cancelled": { type: "channel-cancelled", token: TOKEN, reason: "no" },
	address: { type: "address", observedAddress: { address: "192.0.2.7", port: 9 } },
	"peer-moved": { type: "peer-moved", peer: "ann", address: { address: "192.0.2.7", port: 9 } },
	"peer-changed": { type: "peer-changed", peer: "ann" },
	"peer-denied": { type: "peer-denied", fingerprint: PEER.fingerprint, reason: "no" },
	"channel-list-wanted": { type: "channel-list-wanted" },
};

/** What is wrong with a field, whatever it is: the whole message as text. */
export function broken(
	message: Readonly<Record<string, unknown>>,
	field: string,
	required: boolean,
	worse: readonly unknown[],
): [what: string, json: string][] {
	const path = field.split(".");
	const withValue = (value: unknown): string => {
		const copy = structuredClone(message) as Record<string, unknown>;
		let at = copy;
		for (const step of path.slice(0, -1)) at = at[step] as Record<string, unknown>;
		at[path.at(-1) as string] = value;
		return JSON.stringify(copy);
	};
	const cases: [string, string][] = worse.map((value) => [`${field} = ${JSON.stringify(value).slice(0, 40)}`, withValue(value)]);
	if (required) cases.push([`no ${field}`, withValue(undefined)]);
	// JSON.parse takes the last of two: it must be judged, and the first must not count.
	if (path.length === 1) cases.push([`${field} twice`, `${JSON.stringify(message).slice(0, -1)},${JSON.stringify(field)}:${JSON.stringify(worse[0])}}`]);
	return cases;
}

/** Spellings that are no ids, or not the id they look like. */
export const NOT_IDS: readonly string[] = [
	"",
	"Ben",
	"BEN",
	"ben.",
	".ben",
	"ben..a",
	"-ben",
	"ben-",
	"ben_",
	"b en",
	" ben",
	"ben\n",
	"ben\0",
	"b\u0435n",
	"be\u0301n",
	"b\u200ben",
	"\uff42en",
	"xn--bn-oja",
	"a.xn--bn-oja",
	"127.0.0.1",
	"7",
	"*",
	"*.ben",
	"ben/..",
	"b".repeat(64),
	`${"b".repeat(32)}.${"b".repeat(31)}`,
	"b".repeat(16_000),
];

/**
 * What the tests of denied keys stand on: a Client that says to the Coordinator, and to its peers, what it likes, with a key of its own.
 */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { resolveLimits } from "../packages/conec/src/limits.ts";
import type { LocalIdentity } from "../packages/conec/src/tls/identity.ts";
import { makeSelfSigned } from "../packages/conec/src/tls/self-signed.ts";
import { coordinatorTrust } from "../packages/conec/src/tls/trust.ts";
import type { Transport, TransportConnection } from "../packages/conec/src/transport/transport.ts";
import type { ChannelAsk, ChannelGo } from "../packages/conec/src/wire/channel-messages.ts";
import { FRAME } from "../packages/conec/src/wire/frames.ts";
import { Speaker } from "./control-table-world.ts";
import { handler, hello, until, utf8, type World } from "./entities-world.ts";

/** What a hostile Client says of itself for an attempt. */
const OFFER = { hosts: [], nat: { mapping: "independent", filtering: "by-port" }, punch: false, birthday: false } as const;

/** One end of a direct channel that answers pings, so that it looks alive, and says nothing else by itself. */
class ChannelSpeaker extends Speaker {
	constructor(connection: TransportConnection) {
		super(connection);
		const { frame } = this.handler;
		this.handler.frame = (kind, payload) => {
			frame(kind, payload);
			const message = this.messages.at(-1);
			if (message?.["type"] === "ping") this.say({ type: "pong", nonce: message["nonce"] });
		};
	}
}

/** A Client that keeps to no rule. It has a socket and a key; sessions and channels come and go. */
export class Rogue {
	readonly id: string;
	readonly identity: LocalIdentity;
	readonly #world: World;
	readonly #transport: Transport;
	/** Its newest connection to the Coordinator. */
	session: Speaker | undefined;
	#request = 0;

	private constructor(world: World, id: string, identity: LocalIdentity, transport: Transport) {
		this.#world = world;
		this.id = id;
		this.identity = identity;
		this.#transport = transport;
	}

	/** Makes one that is not connected yet. */
	static async create(t: TestContext, world: World, id: string, given?: LocalIdentity): Promise<Rogue> {
		const transport = world.fabric.createTransport({ host: "127.0.0.1", port: 0, limits: resolveLimits({}, "client"), role: "client" });
		t.after(() => transport.destroy());
		return new Rogue(world, id, given ?? (await makeSelfSigned({ names: [id] }, "ephemeral")), transport);
	}

	get fingerprint(): string {
		return this.identity.fingerprint;
	}

	/** A connection to the Coordinator on which nothing has been said. */
	async dial(): Promise<Speaker> {
		const { port } = this.#world.coordinator.address;
		const connection = await this.#transport.dial({
			...{ address: "127.0.0.1", port, serverName: "localhost", trust: coordinatorTrust({ pin: this.#world.coordinator.fingerprint }) },
			...{ identity: this.identity, alpnProtocol: "conec/1", handshakeTimeoutMs: 5_000 },
		});
		return new Speaker(connection);
	}

	/** A new session at the Coordinator. */
	async enter(capabilities: readonly string[] = ["direct"]): Promise<Speaker> {
		const speaker = (await this.dial()).say({ ...hello(this.id), capabilities });
		await speaker.hears("welcome");
		this.session = speaker;
		return speaker;
	}

	/** Says something to the Coordinator. */
	say(message: unknown): this {
		assert.ok(this.session !== undefined, `${this.id} is not connected`);
		this.session.say(message);
		return this;
	}

	/** Everything said to the Coordinator has been dealt with. */
	async settled(): Promise<void> {
		await this.session?.isAnswered(1_000_000 + ++this.#request);
	}

	/** Asks for a channel; the number of the request. */
	ask(peer: string): number {
		const request = ++this.#request;
		this.say({ type: "channel-request", request, peer, ...OFFER, auto: false });
		return request;
	}

	/** Asks for a channel and is told to begin. */
	async begin(peer: string): Promise<ChannelGo> {
		const request = this.ask(peer);
		return await this.#hears<ChannelGo>((message) => message["type"] === "channel-go" && message["request"] === request);
	}

	/** Is asked, says yes, and is told to begin. */
	async consent(peer: string): Promise<ChannelGo> {
		const ask = await this.#hears<ChannelAsk>((message) => message["type"] === "channel-ask" && (message["peer"] as { id: string }).id === peer);
		this.say({ type: "channel-answer", token: ask.token, accept: true, ...OFFER });
		return await this.#hears<ChannelGo>((message) => message["type"] === "channel-go" && message["token"] === ask.token);
	}

	/** The QUIC connection to the peer of an attempt, without hello. */
	async reach(go: ChannelGo): Promise<Speaker> {
		const { address, port } = go.candidates[0] as ChannelGo["candidates"][number];
		const connection = await this.#transport.dial({
			...{ address, port, serverName: "peer.conec.invalid", trust: { pinnedKeys: [Buffer.from(go.peer.fingerprint.slice(7), "hex")] } },
			...{ identity: this.identity, alpnProtocol: "conec-direct/1", handshakeTimeoutMs: 5_000 },
		});
		return new ChannelSpeaker(connection);
	}

	/** Says hello on such a connection, and hears welcome. */
	async greet(speaker: Speaker, { token }: ChannelGo): Promise<Speaker> {
		speaker.say({
			type: "hello",
			versions: [2],
			token,
			capabilities: [],
			limits: { messageBytes: 1_048_576, metadataBytes: 1_024, connectionWindowBytes: 1_048_576 },
		});
		await speaker.hears("welcome");
		return speaker;
	}

	/** Whether a connection to the peer of an attempt comes about, with hello and welcome. */
	async gets(go: ChannelGo): Promise<boolean> {
		try {
			const speaker = await this.reach(go);
			speaker.say({
				type: "hello",
				versions: [2],
				token: go.token,
				capabilities: [],
				limits: { messageBytes: 1_048_576, metadataBytes: 1_024, connectionWindowBytes: 1_048_576 },
			});
			await until(() => speaker.heard.length > 0 || speaker.over !== undefined);
			return speaker.heard.includes("welcome");
		} catch {
			return false;
		}
	}

	/** A channel to a Client that listens. It tells the Coordinator nothing. */
	async connect(peer: string): Promise<{ readonly channel: Speaker; readonly go: ChannelGo }> {
		const go = await this.begin(peer);
		return { go, channel: await this.greet(await this.reach(go), go) };
	}

	/**
	 * Is dialled by a Client that asked for it, and answers its hello when `welcome` is called. Resolves when the hello has come.
	 */
	async isDialled(peer: string): Promise<{ readonly channel: Speaker; readonly go: ChannelGo; readonly welcome: () => void }> {
		let arrived: (channel: Speaker) => void = () => undefined;
		const channel = new Promise<Speaker>((resolve) => {
			arrived = resolve;
		});
		this.#transport.accept({
			...{ identity: this.identity, clientTrust: {}, alpnProtocols: ["conec-direct/1"], retry: "never", undecidedCode: 2, keyLog: false, connections: 1_000 },
			onConnection: (connection) => {
				connection.onStream = (incoming) => {
					const speaker = new ChannelSpeaker(connection);
					speaker.stream = incoming.accept(speaker.handler);
					connection.confirm();
					arrived(speaker);
				};
			},
		});
		const go = await this.consent(peer);
		const speaker = await channel;
		const welcome = (): void => {
			try {
				speaker.say({
					type: "welcome",
					version: 2,
					capabilities: [],
					limits: { messageBytes: 1_048_576, metadataBytes: 1_024, connectionWindowBytes: 1_048_576 },
				});
			} catch {
				// The connection is over, which is as it should be.
			}
		};
		return { channel: speaker, go, welcome };
	}

	/** What the Coordinator is told of a channel or an attempt. */
	report({ token }: ChannelGo, outcome: "up" | "failed" | "down"): this {
		return this.say({ type: "channel-report", token, outcome });
	}

	/** Its session is over, and the Coordinator knows. */
	async leave(): Promise<void> {
		const { session } = this;
		session?.connection.close(0, "");
		await until(() => !this.#world.coordinator.clients().some(({ id, fingerprint }) => id === this.id && fingerprint === this.fingerprint));
		this.session = undefined;
	}

	async #hears<T>(wanted: (message: Record<string, unknown>) => boolean): Promise<T> {
		await until(() => this.session?.messages.some(wanted) === true || this.session?.over !== undefined);
		const found = this.session?.messages.find(wanted);
		assert.ok(found !== undefined, `${this.id} heard ${this.session?.heard.join(", ")}; ${JSON.stringify(this.session?.over)}`);
		return found as T;
	}
}

/** Opens a stream on a channel and sends a message with it. */
export function knock(channel: Speaker, id: number): void {
	try {
		const stream = channel.connection.openStream({ kind: FRAME.OPEN, payload: utf8(JSON.stringify({ id })) }, handler());
		stream.write(FRAME.DATA, utf8("after the denial"));
	} catch {
		// The connection is over, which is as it should be.
	}
}

/** A Client that speaks for itself on the control stream: it asks for channels with whom it likes, names any address as its own, and consents to everything. */

import { Endpoint, type Stream } from "@conec/quic";
import { makeSelfSigned } from "../../../packages/conec/src/tls/self-signed.ts";
import { coordinatorTrust } from "../../../packages/conec/src/tls/trust.ts";
import { encodeFrame, FRAME, FrameDecoder } from "../../../packages/conec/src/wire/frames.ts";
import { serveActions } from "./actions.ts";

interface Address {
	readonly address: string;
	readonly port: number;
}
type Message = Readonly<Record<string, unknown>> & { readonly type: string };

const OFFER = { nat: { mapping: "independent", filtering: "open" }, punch: true, birthday: true };

let control: Stream | undefined;
let hosts: readonly Address[] = [];
let requests = 0;
const heard = new Map<string, number>();
/** Every address that the Coordinator has given away to this Client. */
const given = new Set<string>();
let over: string | undefined;

function say(message: object): void {
	control?.write(0, encodeFrame(FRAME.CONTROL, Buffer.from(JSON.stringify(message))));
}

function hear(message: Message): void {
	const word = message.type === "channel-refused" ? `channel-refused ${message["code"]}` : message.type;
	heard.set(word, (heard.get(word) ?? 0) + 1);
	if (message.type === "channel-ask") say({ type: "channel-answer", token: message["token"], accept: true, hosts, ...OFFER });
	if (message.type === "channel-go") for (const { address } of message["candidates"] as Address[]) given.add(address);
	if (message.type === "ping") say({ type: "pong", nonce: message["nonce"] });
}

serveActions({
	/** Connects, says a proper hello and waits for the welcome. */
	async enter({ id, coordinator, pin }: { id: string; coordinator: Address; pin: string }) {
		const endpoint = Endpoint.bind({ host: "0.0.0.0", port: 0 });
		const connection = await endpoint.connect({
			address: coordinator.address,
			port: coordinator.port,
			serverName: "localhost",
			trust: coordinatorTrust({ pin }),
			identity: await makeSelfSigned({ names: [id] }, "ephemeral"),
			alpnProtocols: ["conec/1"],
		});
		void connection.closed.then((info) => {
			over = `${info.closeCode} ${info.reason}`;
		});
		const decoder = new FrameDecoder({ messageBytes: 1_048_576 });
		await new Promise<void>((resolve, reject) => {
			const stream: Stream = connection.openStream(
				{
					frame: (_kind, chunk) => {
						stream.consumed(chunk.length);
						for (const event of decoder.push(chunk)) {
							if (event.type !== "frame" || event.kind !== FRAME.CONTROL) continue;
							const message = JSON.parse(Buffer.from(event.payload).toString()) as Message;
							hear(message);
							if (message.type === "welcome") resolve();
							if (message.type === "refused") reject(new Error(JSON.stringify(message)));
						}
					},
					end: () => undefined,
					reset: () => undefined,
					stopped: () => undefined,
					drained: () => undefined,
					finished: () => undefined,
					lost: (error) => reject(error),
				},
				{ mode: "bytes" },
			);
			control = stream;
			say({ type: "hello", versions: [2], id, key: "ephemeral", capabilities: ["direct"] });
		});
	},
	/** From now on these are "its" addresses. */
	name({ addresses }: { addresses: readonly Address[] }) {
		hosts = addresses;
	},
	/** Asks for a channel with each of them. */
	ask({ peers }: { peers: readonly string[] }) {
		for (const peer of peers) say({ type: "channel-request", request: ++requests, peer, auto: false, hosts, ...OFFER });
	},
	/** Says exactly this. */
	say: ({ message }: { message: object }) => say(message),
	/** What it was told, how often; what addresses it was given; how its connection ended. */
	account: () => ({ heard: Object.fromEntries(heard), given: [...given], over: over ?? null }),
});

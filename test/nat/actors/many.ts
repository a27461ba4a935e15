/** Many Clients in one process, as applications have them. They come back by themselves, and some keep talking on direct channels meanwhile. */

import { Client, type ClientOptions, type MessageStream } from "../../../packages/conec/src/index.ts";
import { nowMs, serveActions } from "./actions.ts";
import { failed, newTransfer, purposeOf, receiveAll, sendAll, type TransferState } from "./transfers.ts";

interface Member {
	readonly client: Client;
	/** When it was last connected. */
	connectedMs: number;
	/** It is connected again, or for the first time. */
	connected: boolean;
	/** Code with which it has ended, or null. */
	ended: string | null;
}

const members = new Map<string, Member>();
/** What attempts at coming back failed with, how often; `lost` of why they were needed. */
const failures = new Map<string, number>();
const lost = new Map<string, number>();
const talks: { readonly state: TransferState; readonly done: Promise<unknown> }[] = [];
/** So many connect at the same time. */
const AT_ONCE = 8;
/** Of a message on a direct channel. */
const TALK = { messageBytes: 200, everyMs: 100 };

function count(counts: Map<string, number>, code: string): void {
	counts.set(code, (counts.get(code) ?? 0) + 1);
}

async function follow(member: Member): Promise<void> {
	for await (const status of member.client.status()) {
		if (status.type === "connected") {
			member.connected = true;
			member.connectedMs = nowMs();
		} else if (status.type === "disconnected") {
			member.connected = false;
			count(lost, status.info.code ?? "none");
		} else if (status.type === "reconnecting" && status.attempt > 1) count(failures, status.why.code);
	}
	const { code } = await member.client.closed;
	member.connected = false;
	member.ended = code ?? "none";
}

async function take(streams: AsyncIterable<MessageStream>): Promise<void> {
	try {
		for await (const stream of streams) {
			const { transfer } = purposeOf(stream.metadata);
			void receiveAll(stream, newTransfer(transfer ?? "")).catch(() => stream.stop());
		}
	} catch {
		// The Client is over, and `ended` says why.
	}
}

async function connect(options: ClientOptions): Promise<void> {
	const client = await Client.connect(options);
	const member: Member = { client, connectedMs: nowMs(), connected: true, ended: null };
	members.set(options.id, member);
	void follow(member);
	void take(client.incomingStreams);
}

serveActions({
	/** Clients `prefix-0`, `prefix-1`, ...; each with the local address of its number, if there are any. */
	async enter({ prefix, count: wanted, options, addresses }: { prefix: string; count: number; options: Omit<ClientOptions, "id">; addresses?: string[] }) {
		let next = 0;
		const one = async (): Promise<void> => {
			while (next < wanted) {
				const i = next++;
				const localAddress = addresses?.[i];
				await connect({ ...options, id: `${prefix}-${i}`, ...(localAddress === undefined ? {} : { localAddress }) });
			}
		};
		await Promise.all(Array.from({ length: AT_ONCE }, one));
	},
	/** Each of these talks with that peer on a direct channel until `quiet`, on a stream that would not survive its loss. */
	async talk({ pairs }: { pairs: readonly (readonly [string, string])[] }) {
		const talk = async ([id, peer]: readonly [string, string]): Promise<void> => {
			const { client } = members.get(id) as Member;
			await client.openChannel(peer);
			const stream = await client.openStream(peer, { path: "direct", metadata: { transfer: id } });
			const state = newTransfer(id);
			const done = sendAll(stream, state, TALK).catch((error: unknown) => failed(state, error));
			talks.push({ state, done });
		};
		await Promise.all(pairs.map(talk));
	},
	/** They end their talks. Gives what was sent, which every peer has had in its order, or what went wrong. */
	async quiet() {
		for (const { state } of talks) state.enough = true;
		await Promise.all(talks.map(({ done }) => done));
		return talks.map(({ state }) => ({ name: state.name, messages: state.messages, error: state.error ?? null }));
	},
	/** When those connected who are connected, and what has happened since the last `forget`. */
	state: () => ({
		connectedMs: [...members.values()].flatMap(({ connected, connectedMs }) => (connected ? [connectedMs] : [])),
		ended: [...members.values()].flatMap(({ ended }) => ended ?? []),
		failures: Object.fromEntries(failures),
		lost: Object.fromEntries(lost),
	}),
});

/**
 * Some of a thousand honest Clients that share an address.
 *
 * @module
 */

import { serve } from "../../../bench/roles/serve.ts";
import { type BroadcastStream, Client, type ClientOptions, isConecError } from "../../../packages/conec/src/index.ts";
import { echo } from "../../../packages/conec/testing/echo.ts";

/** What one process of the crowd has come to. */
export interface CrowdFigures {
	readonly connected: number;
	readonly joined: number;
	readonly echoed: number;
	/** What failed, by what it is and its code. */
	readonly failed: Readonly<Record<string, number>>;
	/** Until all were connected, and until everything was done. */
	readonly connectSeconds: number;
	readonly seconds: number;
}

const clients: Client[] = [];
const members: BroadcastStream[] = [];
let ended = 0;

serve({
	/** Clients `first` to `first + count - 1`. */
	come: async ({ first, count, streams, ...where }: Omit<ClientOptions, "id"> & { first: number; count: number; streams: number }): Promise<CrowdFigures> => {
		const started = performance.now();
		const failed = new Map<string, number>();
		const fail = (what: string, error: unknown): void => {
			const name = `${what}: ${isConecError(error) ? error.code : error}`;
			failed.set(name, (failed.get(name) ?? 0) + 1);
		};
		const indices = Array.from({ length: count }, (_, index) => first + index);
		await Promise.all(
			indices.map(async (index) => {
				try {
					const client = await Client.connect({ reconnect: false, ...where, id: `pupil-${index}` });
					void client.closed.then(() => void ended++);
					echo(client);
					clients.push(client);
				} catch (error) {
					fail("a connect", error);
				}
			}),
		);
		const connectSeconds = (performance.now() - started) / 1_000;
		await Promise.all(
			clients.map(async (client) => {
				try {
					members.push(await client.joinBroadcast("class"));
				} catch (error) {
					fail("joining", error);
				}
			}),
		);
		let echoed = 0;
		await Promise.all(
			clients.flatMap((client, index) =>
				Array.from({ length: streams }, async (_, number) => {
					try {
						const stream = await client.openStream(clients[(index + 1) % clients.length]?.id ?? client.id, { path: "proxied" });
						await stream.send(`${index} ${number}`);
						const answer = await stream.receive();
						if (Buffer.from(answer ?? []).toString() !== `${index} ${number}`) throw new Error("another message came back");
						echoed++;
					} catch (error) {
						fail("a stream", error);
					}
				}),
			),
		);
		const seconds = (performance.now() - started) / 1_000;
		return { connected: clients.length, joined: members.length, echoed, failed: Object.fromEntries(failed), connectSeconds, seconds };
	},
	/** How many have lost their Coordinator. */
	ended: (): number => ended,
});

/**
 * Reference: nats.js on connections with TLS to a `nats-server`. Publisher, or any number of subscribers.
 *
 * @module
 */

import { connect, type NatsConnection } from "@nats-io/transport-node";
import { broadcasting, type System } from "./broadcasting.ts";
import { serve } from "./serve.ts";

interface Where {
	readonly port: number;
	/** What the server's certificate for "localhost" is checked with. */
	readonly ca: string;
}

const nats: System<Where> = {
	publisher: async (where, subject) => {
		const connection = await dial(where);
		return {
			trySend: (message) => {
				connection.publish(subject, message);
				return true;
			},
			send: async (message) => connection.publish(subject, message),
		};
	},
	member: async (where, subject, _index, inlet) => {
		const connection = await dial(where);
		// A callback: an iterator would cost it a queue.
		connection.subscribe(subject, {
			callback: (error, message) => {
				if (error !== null) {
					inlet.failed(error);
				} else {
					inlet.message(message.data);
				}
			},
		});
		await connection.flush();
		let leaving = false;
		void connection.closed().then((reason) => {
			if (!leaving) {
				inlet.failed(reason ?? new Error("the server closed the connection"));
			}
		});
		return () => {
			leaving = true;
			return connection.close();
		};
	},
};

function dial({ port, ca }: Where): Promise<NatsConnection> {
	// A subscriber that the server drops for being slow would come back with a hole; better that it stays away.
	return connect({ servers: `localhost:${port}`, tls: { ca }, reconnect: false });
}

serve(broadcasting(nats));

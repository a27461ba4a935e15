// A worker with an endpoint of its own: without `workerData` the server, with it a client that sends 1,000 numbers.
import { parentPort, workerData } from "node:worker_threads";
import { Endpoint } from "../../src/index.ts";
import { issue } from "../support/certificates.ts";
import { Heard } from "../support/heard.ts";

const endpoint = Endpoint.bind({ host: "127.0.0.1", port: 0 });
if (workerData === null || workerData === undefined || workerData.port === undefined) {
	const { identity, keyPin } = issue();
	endpoint.listen({ identity, alpnProtocols: ["talk"] });
	endpoint.onConnection = (connection) => {
		connection.confirm();
		connection.onStream = (incoming) => {
			const heard = new Heard();
			let sum = 0;
			heard.frame = (_, payload) => {
				sum += payload[0] as number;
				stream.consumed(payload.length);
			};
			heard.end = () => {
				const answer = Buffer.alloc(4);
				answer.writeUInt32LE(sum);
				stream.write(0, answer);
				stream.finish();
			};
			const stream = incoming.accept(heard);
		};
	};
	parentPort?.postMessage({ ...endpoint.address, keyPin });
	parentPort?.once("message", () => {
		endpoint.close().catch(() => {});
	});
} else {
	const { address, port, keyPin, id } = workerData;
	const connection = await endpoint.connect({ address, port, serverName: "x", trust: { pinnedKeys: [keyPin] }, alpnProtocols: ["talk"] });
	const heard = new Heard();
	const stream = connection.openStream(heard, {}, { kind: 1, payload: Buffer.of() });
	for (let i = 0; i < 1_000; i++) stream.write(0, Buffer.of(id));
	stream.finish();
	await heard.until("end");
	parentPort?.postMessage({ sum: Buffer.from(heard.frames[0]?.payload ?? []).readUInt32LE(0) });
	await endpoint.close();
}

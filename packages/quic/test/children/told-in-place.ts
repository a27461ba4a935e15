// Two ends in one thread send a number to and fro. Each time it comes, its handler throws. Prints what came of that.
import { currentEnvironment } from "../../src/environment.ts";
import { Endpoint, type Stream } from "../../src/index.ts";
import { issue } from "../support/certificates.ts";
import { Heard } from "../support/heard.ts";

const TURNS = 1_000;
const { identity, keyPin } = issue();
const [server, client] = [0, 1].map(() => Endpoint.bind({ host: "127.0.0.1", port: 0 })) as [Endpoint, Endpoint];
const came: number[] = [];
const caught: string[] = [];
let ticks = 0;

process.on("uncaughtException", ({ message }) => caught.push(message));

/** Sends each number back with one more, and throws. */
function player(stream: () => Stream): Heard {
	const heard = new Heard();
	heard.frame = (_, payload) => {
		const number = Buffer.from(payload).readUInt32LE();
		came.push(number);
		process.nextTick(() => ticks++);
		stream().consumed(payload.length);
		send(stream(), number + 1);
		throw new Error(String(number));
	};
	return heard;
}

function send(stream: Stream, number: number): void {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32LE(number);
	if (number < TURNS) stream.write(0, bytes);
	else void end();
}

async function end(): Promise<void> {
	const [woken, inPlace] = currentEnvironment().native.told();
	await Promise.all([client.close({ drainMs: 0 }), server.close({ drainMs: 0 })]);
	process.stdout.write(JSON.stringify({ came: came.length, ordered: came.every((number, i) => number === i), caught: caught.length, ticks, woken, inPlace }));
}

server.listen({ identity, alpnProtocols: ["told"] });
server.onConnection = (connection) => {
	connection.confirm();
	connection.onStream = (incoming) => {
		const stream: Stream = incoming.accept(player(() => stream));
	};
};
const { address, port } = server.address;
const connection = await client.connect({ address, port, serverName: "x", trust: { pinnedKeys: [keyPin] }, alpnProtocols: ["told"] });
const stream: Stream = connection.openStream(
	player(() => stream),
	{},
	{ kind: 1, payload: Buffer.of() },
);
send(stream, 0);

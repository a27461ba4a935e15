/**
 * Values instead of bytes, checked on both sides. One Client sends what it should not; the other goes on with the next message.
 *
 *     node --conditions=source --import tsx examples/typed.ts
 */

import { Client, Coordinator, isConecError, jsonCodec, type MessageStream, typed } from "conec";
import * as v from "valibot"; // or zod, arktype: any Standard Schema

const Reading = v.object({ sensor: v.string(), celsius: v.pipe(v.number(), v.minValue(-273.15)) });

const coordinator = await Coordinator.listen({ port: 0 });
const where = { coordinator: `localhost:${coordinator.address.port}`, pin: coordinator.fingerprint };
const [sensor, display] = await Promise.all([Client.connect({ id: "sensor", ...where }), Client.connect({ id: "display", ...where })]);

async function show(stream: MessageStream): Promise<void> {
	const readings = typed(stream, jsonCodec(Reading));
	for (let more = true; more; ) {
		try {
			for await (const reading of readings) console.log(`${reading.sensor}: ${reading.celsius} °C`);
			more = false; // the peer has finished
		} catch (error) {
			// Everything else ended the stream. This cost one message: the next loop goes on after it.
			if (!isConecError(error) || error.code !== "DECODE_FAILED") throw error;
			console.log(`from ${error.peer}: ${error.message.split(": ").slice(1).join(": ")}`);
		}
	}
	await stream.close();
}

async function serve(): Promise<void> {
	for await (const stream of display.incomingStreams) await show(stream);
}
const serving = serve();

const stream = await sensor.openStream("display");
const readings = typed(stream, jsonCodec(Reading));
await readings.send({ sensor: "roof", celsius: 21.5 });
try {
	await readings.send({ sensor: "roof", celsius: -300 });
} catch (error) {
	// Our own mistake: nothing was sent.
	console.log(`not sent: ${(error as { code?: string }).code}`);
}
// Another program would not have noticed. The stream below is still there, for the sake of the example.
await stream.send('{"sensor":"cellar"}');
await readings.send({ sensor: "cellar", celsius: 12 });
await readings.close();

await Promise.all([sensor.close(), display.close()]);
await serving;
await coordinator.close();

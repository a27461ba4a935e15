/**
 * A reader that is slower than its sender and must not slow it down: it sees the newest, and knows how many it missed.
 *
 *     node --conditions=source --import tsx examples/non-blocking.ts
 */

import { Client, Coordinator, jsonCodec, nonBlocking, typed } from "conec";

const coordinator = await Coordinator.listen({ port: 0 });
const where = { coordinator: `localhost:${coordinator.address.port}`, pin: coordinator.fingerprint };
const [camera, screen] = await Promise.all([Client.connect({ id: "camera", ...where }), Client.connect({ id: "screen", ...where })]);

async function watch(): Promise<void> {
	for await (const stream of screen.incomingStreams) {
		// Decoding comes last, so that what is dropped is never decoded.
		const frames = typed(nonBlocking(stream, 2), jsonCodec<{ frame: number }>());
		// The screen is busy until the camera has sent everything.
		await sent;
		let [shown, missed, last] = [0, 0, 0];
		for await (const item of frames) {
			if (item.type === "lagged") {
				missed += item.lost;
			} else {
				shown++;
				last = item.message.frame;
			}
		}
		console.log(`shown and missed: ${shown + missed}; the last one shown: ${last}`);
		console.log(missed > shown ? "most were missed" : "most were shown");
		return stream.close();
	}
}

let allSent = (): void => undefined;
const sent = new Promise<void>((resolve) => {
	allSent = resolve;
});
const watching = watch();

const stream = await camera.openStream("screen");
const frames = typed(stream, jsonCodec<{ frame: number }>());
// A reader that only waited would stop us here after some thousand: `send` waits for room.
for (let frame = 1; frame <= 20_000; frame++) await frames.send({ frame });
await frames.close();
allSent();

await watching;
await Promise.all([camera.close(), screen.close()]);
await coordinator.close();

// Connects to the server of its parent, and ends without closing anything, in the way asked for. As a worker of itself, it does so there.
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Endpoint } from "../../src/index.ts";
import { issue } from "../support/certificates.ts";

const [port = "", pin = "", how = "exit"] = isMainThread ? process.argv.slice(2) : (workerData as string[]);
const file = process.argv[1] ?? "";

async function connect(): Promise<Endpoint> {
	const endpoint = Endpoint.bind({ host: "127.0.0.1", port: 0, farewellCode: 14, farewellReason: "gone" });
	await endpoint.connect({
		address: "127.0.0.1",
		port: Number(port),
		serverName: "localhost",
		trust: { pinnedKeys: [Buffer.from(pin, "hex")] },
		identity: issue().identity,
		alpnProtocols: ["conec-test"],
		transport: { idleTimeoutMs: 60_000 },
	});
	return endpoint;
}

/** Without a live handle of its own: when all is said, nothing is left to do. */
async function end(way: string): Promise<void> {
	const endpoint = await connect();
	switch (way) {
		case "exit":
			return process.exit(0);
		case "exit-1":
			return process.exit(1);
		case "throw":
			setImmediate(() => {
				throw new Error("as asked");
			});
			return;
		case "reject":
			void Promise.reject(new Error("as asked"));
			return;
		case "last":
			return endpoint.unref();
		case "closing":
			void endpoint.close({ code: 5, reason: "words" });
			return process.exit(0);
		case "closed":
			await endpoint.close({ code: 5, reason: "words" });
			return process.exit(0);
		case "close-at-exit":
			process.prependListener("exit", () => void endpoint.close({ code: 5, reason: "words" }));
			return process.exit(0);
		case "close-after-exit":
			process.on("exit", () => void endpoint.close({ code: 5, reason: "words" }));
			return process.exit(0);
		case "stay":
			parentPort?.postMessage("connected");
			return;
	}
}

const inWorker = /^worker-(.*)$/.exec(how)?.[1];
if (!isMainThread || inWorker === undefined) {
	await end(inWorker ?? how);
} else {
	const worker = new Worker(file, { workerData: process.argv.slice(2) });
	worker.on("error", () => {});
	const ended = new Promise((resolve) => worker.once("exit", resolve));
	if (inWorker === "stay") {
		await new Promise((resolve) => worker.once("message", resolve));
		await worker.terminate();
	}
	console.log(`worker ended with ${await ended}`);
}

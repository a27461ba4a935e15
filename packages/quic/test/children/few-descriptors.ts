// Binds its first endpoint with that many descriptors left, then with enough. Prints what became of both.
import { closeSync, openSync } from "node:fs";
import { Endpoint } from "../../src/index.ts";

const left = Number(process.argv[2]);
const taken: number[] = [];
try {
	for (;;) taken.push(openSync("/dev/null", "r"));
} catch {
	// All are taken.
}
for (let i = 0; i < left; i++) closeSync(taken.pop() as number);
const scarce = await bind();
for (const descriptor of taken) closeSync(descriptor);
console.log(JSON.stringify([scarce, await bind()]));

async function bind(): Promise<string> {
	try {
		const endpoint = Endpoint.bind({ host: "127.0.0.1", port: 0 });
		await endpoint.close({ drainMs: 0 });
		return "bound";
	} catch (error) {
		const { name, code } = error as { name: string; code?: string };
		return `${name} ${code}`;
	}
}

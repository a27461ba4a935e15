// Starts workers under load and terminates each in the middle of it; prints how many times it survived that.
import { Worker } from "node:worker_threads";

const [file = "", rounds = "30"] = process.argv.slice(2);
for (let round = 0; round < Number(rounds); round++) {
	const worker = new Worker(file);
	await new Promise((resolve, reject) => {
		worker.once("message", resolve);
		worker.once("error", reject);
	});
	await new Promise((resolve) => setTimeout(resolve, round % 7));
	await worker.terminate();
}
console.log(`terminated ${rounds}`);

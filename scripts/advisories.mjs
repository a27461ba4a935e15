// Known vulnerabilities of what ships: `npm audit` for packages, the OSV database for crates. A database that cannot be reached is reported and is no failure:
// the floors that matter are a test of their own (version-floors.test.ts).

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const OSV = "https://api.osv.dev/v1/querybatch";
const TIMEOUT_MS = 20_000;
const BATCH = 500;

/** @param {string} root the repository @returns {Promise<boolean>} */
export async function checkAdvisories(root) {
	const npm = npmAudit(root);
	const crates = await crateAudit(lockedCrates(readFileSync(join(root, "packages", "quic", "native", "Cargo.lock"), "utf8")));
	return npm && crates;
}

function npmAudit(root) {
	const run = spawnSync("npm", ["audit", "--omit=dev", "--json"], { cwd: root, encoding: "utf8", timeout: 60_000, shell: process.platform === "win32" });
	let report;
	try {
		report = JSON.parse(run.stdout);
	} catch {
		report = undefined;
	}
	const counts = report?.metadata?.vulnerabilities;
	if (counts === undefined) {
		console.log(
			`npm packages: NOT CHECKED, the registry's advisories cannot be reached (${report?.error?.summary || report?.message || run.error?.message || "no answer"})`,
		);
		return true;
	}
	console.log(`npm packages: ${counts.total} known advisories`);
	if (counts.total > 0) console.log(Object.keys(report.vulnerabilities).join("\n"));
	return counts.total === 0;
}

/** @param {readonly { name: string, version: string }[]} crates @param {string} [url] */
export async function crateAudit(crates, url = OSV) {
	const found = [];
	try {
		for (let at = 0; at < crates.length; at += BATCH) {
			const part = crates.slice(at, at + BATCH);
			const queries = part.map(({ name, version }) => ({ package: { name, ecosystem: "crates.io" }, version }));
			const response = await fetch(url, { method: "POST", body: JSON.stringify({ queries }), signal: AbortSignal.timeout(TIMEOUT_MS) });
			if (!response.ok) throw new Error(`HTTP ${response.status}`);
			const { results } = await response.json();
			if (!Array.isArray(results) || results.length !== part.length) throw new Error("the answer does not match the question");
			for (const [index, result] of results.entries()) for (const { id } of result.vulns ?? []) found.push(`${part[index].name} ${part[index].version}: ${id}`);
		}
	} catch (error) {
		console.log(`crates: NOT CHECKED, the OSV database cannot be reached (${error.cause?.code ?? error.message})`);
		return true;
	}
	console.log(`crates: ${found.length} known advisories in ${crates.length} crates`);
	if (found.length > 0) console.log(found.join("\n"));
	return found.length === 0;
}

/** The crates of a Cargo.lock that come from a registry. */
export function lockedCrates(lock) {
	return lock
		.split("[[package]]")
		.slice(1)
		.filter((entry) => /^source = /m.test(entry))
		.map((entry) => ({ name: /^name = "(.*)"$/m.exec(entry)[1], version: /^version = "(.*)"$/m.exec(entry)[1] }));
}

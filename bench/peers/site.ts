/**
 * What a run shares: where programs are, which of them are missing and why, and the identity of all.
 *
 * @module
 */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildRawQuinn, emits, run } from "../build.ts";
import { type BenchIdentity, makeIdentity } from "../identity.ts";
import { conecRsProgram, installConecRs } from "./install/conec-rs.ts";

/** The repository. */
export const ROOT: string = join(import.meta.dirname, "..", "..");
/** This folder, with a lock file of its own. */
const HERE = import.meta.dirname;
/** Packages that are missing would be told one by one otherwise. */
export const NOT_INSTALLED = "it is not installed: npm run bench:peers -- --install";

/** Where things are. */
export interface Site {
	readonly root: string;
	/** Compiled processes: `stacks` and `foreign` below it. */
	readonly compiled: string;
	readonly identity: BenchIdentity;
	/** The identity as PEM files, and what hubs write. */
	readonly folder: string;
	/** A Node.js of version 22 or later. */
	readonly node22: string;
	readonly conecRs: string;
	readonly rawQuinn: string;
	close(): void;
}

/** Installs what is not there: packages, another Node.js, the original crate, raw quinn. What cannot be installed is said, and the rest goes on. Gives whether all went well. */
export async function install(log: (line: string) => void): Promise<boolean> {
	let complete = true;
	const attempt = async (what: string, work: () => Promise<unknown>): Promise<void> => {
		log(`installing ${what}`);
		await work().catch((error: Error) => {
			complete = false;
			log(`${what}: ${error.message}`);
		});
	};
	// Not `npm ci`: it refuses a lock file without the binaries of other platforms, which a registry need not have. The versions are those of the lock file all the same.
	await attempt("the packages", () => run("npm", ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"], HERE));
	await attempt("Node.js 24, for libp2p", async () => {
		const { install: installRuntime, runtimeOf } = await runtimes();
		await installRuntime(runtimeOf("24"));
	});
	await attempt("raw quinn", () => buildRawQuinn(ROOT, log));
	await attempt("the crate conec 0.2.0; its first build takes minutes", () => installConecRs(ROOT));
	return complete;
}

/** Builds what is measured, and says where everything is. */
export async function openSite(log: (line: string) => void): Promise<Site> {
	const compiled = join(HERE, "node_modules/.cache/conec-bench-peers");
	log("building Conec and the benchmark");
	await emits("npm", ["run", "--silent", "build"], ROOT, join(ROOT, "packages/conec/dist/index.js"), log);
	const words = [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", join(HERE, "tsconfig.json"), "--outDir", compiled];
	// Without the packages there are no types of them.
	const checked = isInstalled("ws") ? [] : ["--noCheck"];
	await emits(process.execPath, [...words, ...checked], ROOT, join(compiled, "peers/stacks/conec.js"), log);
	const rawQuinn = rawQuinnProgram();
	// cargo knows whether it is stale, and is quick when it is not.
	if (existsSync(rawQuinn)) await buildRawQuinn(ROOT, log);
	const { runtimeOf } = await runtimes();
	const identity = await makeIdentity();
	const folder = mkdtempSync(join(tmpdir(), "conec-peers-"));
	writeFileSync(join(folder, "certificate.pem"), identity.certificatePem);
	writeFileSync(join(folder, "key.pem"), identity.privateKeyPem, { mode: 0o600 });
	return {
		root: ROOT,
		compiled: join(compiled, "peers"),
		identity,
		folder,
		node22: Number(process.versions.node.split(".")[0]) >= 22 ? process.execPath : runtimeOf("24").file,
		conecRs: conecRsProgram(ROOT),
		rawQuinn,
		close: () => {
			identity.dispose();
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

/** Whether that package is in this folder. */
export function isInstalled(name: string): boolean {
	return existsSync(join(HERE, "node_modules", name, "package.json"));
}

/** The version of an installed package: one of this folder, or a development tool of the project. */
export function versionOf(name: string): string {
	const file = [HERE, ROOT].map((folder) => join(folder, "node_modules", name, "package.json")).find(existsSync);
	return file === undefined ? "unknown" : (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

function rawQuinnProgram(): string {
	return join(ROOT, "packages/quic/native/target/release", process.platform === "win32" ? "raw-quinn.exe" : "raw-quinn");
}

/** A script that has no types. */
interface Runtimes {
	runtimeOf(wanted: string): { readonly file: string };
	install(runtime: { readonly file: string }): Promise<void>;
}

async function runtimes(): Promise<Runtimes> {
	const file = "../../scripts/runtimes.mjs";
	return (await import(file)) as Runtimes;
}

/**
 * A program that uses Conec, in a directory of its own, with the packages as npm would install them there.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const require = createRequire(import.meta.url);

/** Where the dependencies of our packages are. */
const MODULES = join(ROOT, "node_modules");

/** Says as one line of JSON how it went: `{ "ok": "alice" }`, or `{ "code", "message" }`. */
const PROGRAM = `import { Client, Coordinator } from "conec";

async function main() {
	const coordinator = await Coordinator.listen({ port: 0, host: "127.0.0.1" });
	try {
		const client = await Client.connect({ id: "alice", coordinator: "127.0.0.1:" + coordinator.address.port, pin: coordinator.fingerprint });
		await client.close();
		return { ok: client.id };
	} finally {
		await coordinator.close();
	}
}

main().catch(({ code, message }) => ({ code, message })).then((said) => console.log(JSON.stringify(said)));
`;

export interface Program {
	readonly directory: string;
	/** The source that a bundler starts with. */
	readonly entry: string;
	/** The addon that this machine has. */
	readonly addon: string;
}

/** What the program said. */
export interface Said {
	readonly ok?: string;
	readonly code?: string;
	readonly message?: string;
}

/** Lays the program out. `prebuilt`: with the optional package of this platform, as a release has it. */
export async function program(t: TestContext, options: { readonly prebuilt?: boolean } = {}): Promise<Program> {
	const directory = await mkdtemp(join(tmpdir(), "conec-program-"));
	t.after(() => rm(directory, { recursive: true, force: true }));
	const scope = join(directory, "node_modules", "@conec");
	await mkdir(scope, { recursive: true });
	for (const name of await readdir(MODULES)) {
		if (/^(conec|@conec|\..*)$/.test(name)) continue;
		await symlink(join(MODULES, name), join(directory, "node_modules", name), "junction");
	}
	await symlink(join(ROOT, "packages", "conec"), join(directory, "node_modules", "conec"), "junction");
	await symlink(join(ROOT, "packages", "quic"), join(scope, "quic"), "junction");
	const { load } = require(join(ROOT, "packages/quic/native/loader.cjs")) as { load(): { source: string; version: string } };
	const { currentTarget } = require(join(ROOT, "packages/quic/native/target.cjs")) as { currentTarget(): string };
	const { source, version } = load();
	const addon = source.slice(source.indexOf(":") + 1);
	if (options.prebuilt === true) {
		const folder = join(scope, `quic-${currentTarget()}`);
		await mkdir(folder);
		await copyFile(addon, join(folder, "conec-quic.node"));
		await writeFile(join(folder, "package.json"), JSON.stringify({ name: `@conec/quic-${currentTarget()}`, version, main: "conec-quic.node" }));
	}
	const entry = join(directory, "program.js");
	await writeFile(entry, PROGRAM);
	await writeFile(join(directory, "package.json"), JSON.stringify({ type: "module", private: true }));
	return { directory, entry, addon };
}

/** Runs a file with this Node and gives what it said. Rejects with what it printed if that is something else. */
export async function said(file: string, env: NodeJS.ProcessEnv = {}): Promise<Said> {
	const { CONEC_QUIC_NATIVE_PATH: _, NODE_OPTIONS: __, ...own } = process.env;
	const child = spawn(process.execPath, [file], { cwd: dirname(file), env: { ...own, ...env }, stdio: ["ignore", "pipe", "pipe"] });
	let output = "";
	let errors = "";
	child.stdout.setEncoding("utf8").on("data", (text: string) => {
		output += text;
	});
	child.stderr.setEncoding("utf8").on("data", (text: string) => {
		errors += text;
	});
	const [code] = await once(child, "close");
	try {
		return JSON.parse(output) as Said;
	} catch (cause) {
		throw new Error(`the program ended with ${String(code)}: ${output}${errors}`, { cause });
	}
}

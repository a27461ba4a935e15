import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { promisify } from "node:util";
// @ts-expect-error a script without types
import { packPrebuild } from "../../packages/quic/scripts/pack-prebuild.mjs";
import { startRegistry } from "./registry.ts";

const root: string = join(import.meta.dirname, "..", "..");
const require = createRequire(import.meta.url);
const { currentTarget, PREBUILT } = require("../../packages/quic/native/target.cjs") as { currentTarget: () => string; PREBUILT: Record<string, unknown> };
const { load } = require("../../packages/quic/native/loader.cjs") as { load: () => { ok: boolean; source: string } };
const run = promisify(execFile);
const target = currentTarget();

/** The two packages as a release publishes them: with the tarball's files, and with the platform packages named in the manifest. */
let conec: string;
let quic: string;
/** Of this machine, with the addon that is built here. */
let platform: string;
let work: string;

before(async () => {
	work = realpathSync(mkdtempSync(join(tmpdir(), "conec-install-")));
	[conec, quic] = (await Promise.all([released("conec"), released("quic")])) as [string, string];
	const { ok, source } = load();
	assert.ok(ok, "the addon is built: npm run build:native");
	platform = (packPrebuild as (options: object) => string)({ target, binary: source.slice(source.indexOf(":") + 1), out: join(work, "platform") });
});
after(() => rmSync(work, { recursive: true, force: true }));

test("install: without cargo, npm takes the platform package of this machine, and Clients talk", needsLinks(), async (t) => {
	assert.ok(target in PREBUILT);
	const { directory, env, output } = await install(t, [conec, quic, platform]);
	assert.deepEqual(readdirSync(join(directory, "node_modules", "@conec")).sort(), ["quic", `quic-${target}`], "of seven that are named");
	assert.ok(!existsSync(join(directory, "node_modules/@conec/quic/native/build")), "nothing was built");
	assert.match(output, /@conec\/quic: using the addon from package:/);
	const { stdout } = await run(process.execPath, ["program.mjs"], { cwd: directory, env });
	assert.equal(stdout, "bob says: hello, alice\n");
});

test("install: without cargo and without a platform package it succeeds, and says so in one line", needsLinks(), async (t) => {
	const { directory, env, output } = await install(t, [conec, quic]);
	const said = output.split("\n").filter((line) => line.startsWith("@conec/quic:"));
	assert.equal(said.length, 1, output);
	assert.match(said[0] ?? "", /^@conec\/quic: there is no QUIC yet: cargo is not installed\. Install Rust .* then run: npx @conec\/quic build-native$/);
	const failed = await run(process.execPath, ["program.mjs"], { cwd: directory, env }).catch((error: { stderr: string }) => error);
	assert.match(failed.stderr, /QUIC_UNAVAILABLE/);
	assert.match(failed.stderr, /cargo is not installed.*npx @conec\/quic build-native/, "the reason and what to do, in the line of the error");
	const command = await run(process.execPath, [join(directory, "node_modules/conec/dist/cli/main.js"), "coordinator"], { cwd: directory, env }).catch(
		(error: { stderr: string }) => error,
	);
	assert.match(
		command.stderr,
		/^[^\n]*conec: QUIC is not available: [^\n]*cargo is not installed\. Install Rust [^\n]*npx @conec\/quic build-native\n$/,
		"one line",
	);
});

const PROGRAM = `
import { Client, Coordinator } from "conec";
const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0 });
const where = { coordinator: \`127.0.0.1:\${coordinator.address.port}\`, pin: coordinator.fingerprint };
const handlers = { "greet/1": async (stream) => stream.send(\`hello, \${stream.peer}\`) };
const bob = await Client.connect({ id: "bob", ...where, handlers });
const alice = await Client.connect({ id: "alice", ...where });
const stream = await alice.openStream("bob", { protocol: "greet/1" });
for await (const message of stream) console.log("bob says:", new TextDecoder().decode(message));
await Promise.all([alice.close(), bob.close()]);
await coordinator.close();
`;

/** What `npm install conec` makes of an empty project where only these packages are published, on a machine that has Node and nothing to build with. */
async function install(t: TestContext, published: readonly string[]): Promise<{ directory: string; env: NodeJS.ProcessEnv; output: string }> {
	const registry = await startRegistry(t, published);
	const directory = mkdtempSync(join(work, "project-"));
	writeFileSync(join(directory, "package.json"), '{ "private": true, "type": "module" }\n');
	writeFileSync(join(directory, "program.mjs"), PROGRAM);
	const programs = join(directory, "bin");
	mkdirSync(programs);
	symlinkSync(process.execPath, join(programs, "node"));
	symlinkSync("/bin/sh", join(programs, "sh"));
	const env = { PATH: programs, HOME: directory, npm_config_cache: join(directory, "cache"), npm_config_registry: registry };
	const args = ["install", "--foreground-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "conec"];
	const { stdout, stderr } = await run(process.execPath, [npmProgram(), ...args], { cwd: directory, env });
	return { directory, env, output: stdout + stderr };
}

/** A folder with what `npm pack` takes of a package, and the manifest that a release has. */
async function released(name: string): Promise<string> {
	const folder = join(work, name);
	mkdirSync(folder);
	const { stdout } = await run(process.execPath, [npmProgram(), "pack", "--ignore-scripts", "--json", "--pack-destination", folder], {
		cwd: join(root, "packages", name),
	});
	const [packed] = JSON.parse(stdout) as { filename: string }[];
	await run("tar", ["-xzf", packed?.filename.replace("@", "").replace("/", "-") ?? ""], { cwd: folder });
	const unpacked = join(folder, "package");
	await run(process.execPath, [join(root, "packages/quic/scripts/pack-prebuild.mjs"), "--release", unpacked]);
	return unpacked;
}

/** npm itself is a script, beside the Node that it came with or wherever the PATH leads. */
function npmProgram(): string {
	const found = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "npm"));
	const npm = found.find((file) => existsSync(file));
	assert.ok(npm !== undefined, "npm is in the PATH");
	return realpathSync(npm);
}

function needsLinks(): { skip?: string } {
	return process.platform === "win32" ? { skip: "a PATH without cargo is made of links, which Windows keeps for administrators" } : {};
}

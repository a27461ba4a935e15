import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { complaint, conecCommands } from "./command-lines.ts";
import { ROOT, textOf } from "./pages.ts";

const unit = textOf("deploy/conec-coordinator.service");
const container = textOf("deploy/Containerfile");
const manifest = JSON.parse(textOf("packages/conec/package.json")) as { readonly bin: { readonly conec: string }; readonly engines: { readonly node: string } };

function temporary(t: TestContext): string {
	const directory = mkdtempSync(join(tmpdir(), "conec-deploy-"));
	t.after(() => rmSync(directory, { recursive: true }));
	return directory;
}

/** The value of a key of the unit, each time it is given. */
function settings(key: string): string[] {
	return [...unit.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map((match) => match[1] as string);
}

test("deploy: its page names every file", () => {
	const page = textOf("deploy/README.md");
	for (const file of readdirSync(join(ROOT, "deploy"))) if (file !== "README.md") assert.ok(page.includes(`(${file})`), file);
});

const analyze = spawnSync("systemd-analyze", ["--version"]);
const noSystemd = analyze.error !== undefined && "systemd-analyze is not installed here";

test("deploy: systemd has nothing against the unit", { skip: noSystemd }, (t) => {
	const directory = temporary(t);
	const command = join(directory, "conec");
	writeFileSync(command, "#!/bin/sh\n");
	chmodSync(command, 0o755);
	const file = join(directory, "conec-coordinator.service");
	writeFileSync(file, unit.replace("/usr/local/bin/conec ", `${command} `));
	const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", file], { encoding: "utf8" });
	assert.deepEqual({ status, text: `${stdout}${stderr}` }, { status: 0, text: "" });
	// What it says of one that is wrong, so that the check above can fail.
	writeFileSync(file, unit.replace("ProtectSystem=", "ProtectSistem=").replace("/usr/local/bin/conec ", `${command} `));
	assert.match(spawnSync("systemd-analyze", ["verify", file], { encoding: "utf8" }).stderr, /ProtectSistem/);
});

test("deploy: the unit starts a command line that conec takes, with each of the options that the file for them offers", async () => {
	const [start = ""] = settings("ExecStart");
	const environment = textOf("deploy/coordinator.env");
	const offered = [...environment.matchAll(/^(?:# )?CONEC_OPTIONS="(.*)"$/gm)].map((match) => match[1] as string);
	assert.equal(offered.length, 3);
	for (const options of ["", ...offered]) {
		const [args] = conecCommands(start.replace("/usr/local/bin/conec", "conec").replace("$CONEC_OPTIONS", options));
		assert.ok(args !== undefined);
		assert.equal(await complaint(args), undefined, options);
	}
	assert.ok(settings("EnvironmentFile")[0]?.endsWith("/etc/conec/coordinator.env"));
});

test("deploy: the state directory of the unit is the one that it makes, for its user only", () => {
	assert.match(settings("ExecStart")[0] ?? "", new RegExp(`--state /var/lib/${settings("StateDirectory")[0]} `));
	assert.deepEqual(settings("StateDirectoryMode"), ["0700"]);
	const [user] = settings("User");
	assert.match(textOf("deploy/conec.sysusers"), new RegExp(`^u ${user} `, "m"));
});

test("deploy: the unit lets the process have what Node and the lock of the state directory need", () => {
	assert.match(settings("RestrictAddressFamilies").join(" "), /AF_INET AF_INET6 AF_UNIX AF_NETLINK/);
	// V8 compiles while it runs.
	assert.deepEqual(settings("MemoryDenyWriteExecute"), []);
	assert.deepEqual(settings("SystemCallFilter"), ["@system-service", "@pkey"]);
});

test("deploy: after a renewal the Coordinator has the new files, its key is not for everybody, and it is reloaded", (t) => {
	if (process.platform === "win32") return t.skip("a script for a POSIX shell");
	const directory = temporary(t);
	const [from, to] = [join(directory, "live"), join(directory, "etc")];
	for (const folder of [from, to]) mkdirSync(folder);
	writeFileSync(join(from, "fullchain.pem"), "chain 2");
	writeFileSync(join(from, "privkey.pem"), "key 2");
	writeFileSync(join(to, "privkey.pem"), "key 1");
	const env = {
		...process.env,
		RENEWED_LINEAGE: from,
		CONEC_CERTIFICATES: to,
		CONEC_GROUP: String(process.getgid?.()),
		CONEC_RELOAD: `touch ${join(directory, "reloaded")}`,
	};
	const run = spawnSync("sh", [join(ROOT, "deploy", "renewed.sh")], { env, encoding: "utf8" });
	assert.deepEqual({ status: run.status, stderr: run.stderr }, { status: 0, stderr: "" });
	assert.equal(readFileSync(join(to, "fullchain.pem"), "utf8"), "chain 2");
	assert.equal(readFileSync(join(to, "privkey.pem"), "utf8"), "key 2");
	assert.equal(statSync(join(to, "privkey.pem")).mode & 0o777, 0o640);
	assert.deepEqual(readdirSync(to).sort(), ["fullchain.pem", "privkey.pem"]);
	assert.ok(existsSync(join(directory, "reloaded")));
	// Without a key nothing is reloaded, and the old one stays.
	rmSync(join(from, "privkey.pem"));
	rmSync(join(directory, "reloaded"));
	assert.notEqual(spawnSync("sh", [join(ROOT, "deploy", "renewed.sh")], { env }).status, 0);
	assert.equal(readFileSync(join(to, "privkey.pem"), "utf8"), "key 2");
	assert.ok(!existsSync(join(directory, "reloaded")));
});

interface Instruction {
	readonly name: string;
	readonly rest: string;
}

/** The instructions of the container file; a line that ends with a backslash goes on. */
const instructions: readonly Instruction[] = container
	.replaceAll(/^#.*\n/gm, "")
	.replaceAll(/\\\n/g, " ")
	.split("\n")
	.flatMap((line) => {
		const match = /^([A-Z]+) (.*)$/.exec(line);
		if (match === null && line.trim() !== "") throw new Error(`Containerfile: ${line}`);
		return match === null ? [] : [{ name: match[1] as string, rest: match[2] as string }];
	});
const all = (name: string): string[] => instructions.filter((instruction) => instruction.name === name).map(({ rest }) => rest);

test("deploy: the container file copies what there is, and everything that its build reads", () => {
	const known = new Set(["FROM", "COPY", "RUN", "WORKDIR", "USER", "VOLUME", "EXPOSE", "ENTRYPOINT", "CMD"]);
	for (const { name } of instructions) assert.ok(known.has(name), name);
	const stages = all("FROM").flatMap((rest) => / AS (\w+)$/.exec(rest)?.[1] ?? []);
	const copied: string[] = [];
	for (const rest of all("COPY")) {
		const stage = /^--from=(\w+) /.exec(rest)?.[1];
		if (stage !== undefined) assert.ok(stages.includes(stage), rest);
		else copied.push(...rest.split(" ").slice(0, -1));
	}
	for (const file of copied) assert.ok(existsSync(join(ROOT, file)), file);
	// `npm ci` runs scripts/prepare.mjs, which reads these.
	for (const file of ["package.json", "package-lock.json", "tsconfig.base.json", "packages", "scripts"]) assert.ok(copied.includes(file), file);
	// `npm ci` succeeds without the addon: an image without it must not be made.
	const status = /&& (node \S+ status) &&/.exec(all("RUN").join("\n"))?.[1];
	assert.ok(status !== undefined);
	const [, script = "", ...rest] = status.split(" ");
	for (const [native, expected] of [
		["off", 1],
		[undefined, 0],
	] as const) {
		const { CONEC_QUIC_NATIVE: _, ...env } = process.env;
		const run = spawnSync(process.execPath, [join(ROOT, script), ...rest], { env: native === undefined ? env : { ...env, CONEC_QUIC_NATIVE: native } });
		assert.equal(run.status, expected);
	}
	for (const command of all("RUN")) assert.equal(spawnSync("sh", ["-n"], { input: command }).status, 0, command);
});

test("deploy: the image runs a command line that conec takes, not as root, with the default ports", async () => {
	const [entrypoint = [], command = []] = [all("ENTRYPOINT"), all("CMD")].map((list) => JSON.parse(list.at(-1) ?? "[]") as string[]);
	assert.deepEqual(entrypoint, ["conec"]);
	assert.equal(await complaint(command), undefined);
	assert.deepEqual(all("EXPOSE"), ["1719/udp 1720/udp"]);
	assert.deepEqual(all("USER"), ["node"]);
	const linked = /ln -s (\S+) \/usr\/local\/bin\/conec\b/.exec(container)?.[1];
	assert.equal(linked, join("/opt/conec/packages/conec", manifest.bin.conec));
	// The volume is private to its user, or the Coordinator refuses it.
	assert.match(container, /install -d -o node -g node -m 0700 \/var\/lib\/conec\n/);
	const node = Number(/node:(\d+)/.exec(container)?.[1]);
	assert.ok(node >= Number(/>=(\d+)/.exec(manifest.engines.node)?.[1]));
});

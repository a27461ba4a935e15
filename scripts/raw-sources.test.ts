import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root: string = join(import.meta.dirname, "..");

/** Time, chance and the like that come from the machine and not from a Runtime. Globals that have no other use are refused by Biome, too; these are the members and imports that it cannot refuse. */
const RAW: readonly (readonly [name: string, pattern: RegExp])[] = [
	["a timer", /\b(?:set|clear)(?:Timeout|Interval|Immediate)\s*\(/],
	["the wall clock", /\bDate\.now\b|\bnew Date\(\s*\)|\bDate\(\s*\)/],
	["the clock of the process", /\bperformance\s*\.|\bprocess\.hrtime\b|\bprocess\.uptime\b/],
	["a timer as a signal", /\bAbortSignal\.timeout\b/],
	["timers of Node", /["']node:timers(?:\/promises)?["']/],
	["chance", /\bMath\.random\b|\brandom(?:Bytes|UUID|Int|Fill|FillSync)\b|\bgetRandomValues\b/],
	["a new key, with which Node 20 may wait for itself for ever", /\bgenerateKeyPair(?:Sync)?\b/],
	["the machine's network", /\bnetworkInterfaces\b|["']node:dgram["']/],
	["files", /["']node:fs(?:\/promises)?["']/],
	["name lookup", /["']node:dns(?:\/promises)?["']/],
];

/** Where they may come from, and what for. */
const ALLOWED: readonly (readonly [file: RegExp, why: string])[] = [
	[/^packages\/conec\/src\/cli\//, "the command line is a program, not a library"],
	[/\.test\.ts$/, "tests"],
	[/\/base\/clock\.ts$/, "the clock itself"],
	[/\/base\/random\.ts$/, "randomness itself"],
	[/\/runtime\.ts$/, "the machine's runtime"],
	[/\/session\/route-sources\.ts$/, "the machine's routes, which the machine's runtime asks for"],
	[/\/client\/uplink\/route\.ts$/, "the same, for `Client.connect`"],
	[/\/client\/punch\/probe-sockets\.ts$/, "the many sockets of the birthday method, which only who opts in gets, and worlds do not"],
	[/\/client\/port-mapping\/(?:gateways|udp|upnp)\.ts$/, "the router of the machine, which only who opts in asks"],
	[/\/files\//, "locks and files of the state directory: real files and sockets, between processes"],
	[/\/tls\/kept-identity\.ts$|\/coordinator\/admission\/lease-file\.ts$/, "what is in the state directory"],
	[/\/tls\/new-key\.ts$/, "new keys, as bytes"],
	[/\/tls\/self-signed\.ts$/, "serial numbers and keys of certificates"],
];

/** Every source file of the library, tests beside them too, as seen from the root. */
function sources(): string[] {
	const files = readdirSync(join(root, "packages/conec/src"), { recursive: true, encoding: "utf8" });
	return files.filter((file) => file.endsWith(".ts")).map((file) => `packages/conec/src/${file.replaceAll("\\", "/")}`);
}

/** Lines of code that take time or chance from the machine. */
function rawLines(source: string): string[] {
	const code = source.replaceAll(/\/\*[\s\S]*?\*\//g, (comment) => comment.replaceAll(/[^\n]/g, "")).replaceAll(/^\s*\/\/.*$/gm, "");
	return code.split("\n").flatMap((line, index) => {
		// A clock's own timers are not the machine's.
		const bare = line.replaceAll(/\b(?:clock|Clock|this)(?:\(\))?\.#?\w*\.?(?:set|clear)Timeout\(/g, "(").replaceAll(/[cC]lock\.(?:set|clear)Timeout\(/g, "(");
		return RAW.filter(([, pattern]) => pattern.test(bare)).map(([name]) => `${index + 1}: ${name}: ${line.trim()}`);
	});
}

test("time and chance: the library takes them from a Clock and a Random, except where it says why not", () => {
	const offences = sources()
		.filter((file) => !ALLOWED.some(([allowed]) => allowed.test(file)))
		.flatMap((file) => rawLines(readFileSync(join(root, file), "utf8")).map((line) => `${file}:${line}`));
	assert.deepEqual(offences, []);
});

test("time and chance: each place that may take them from the machine is there and does", () => {
	const files = sources();
	for (const [allowed, why] of ALLOWED) {
		const users = files.filter((file) => allowed.test(file)).filter((file) => rawLines(readFileSync(join(root, file), "utf8")).length > 0);
		assert.ok(users.length > 0, `nothing there needs it any more: ${why}`);
	}
});

const caught: readonly string[] = [
	"setTimeout(go, 5);",
	"const timer = setInterval(go, 5);",
	"await new Promise((resolve) => setImmediate(resolve));",
	"const at = Date.now();",
	"since: new Date(),",
	"const started = performance.now();",
	"process.hrtime.bigint();",
	"clearTimeout(timer);",
	'import { networkInterfaces } from "node:os";',
	'import { createSocket } from "node:dgram";',
	'import { readFile } from "node:fs/promises";',
	"signal: AbortSignal.timeout(5_000),",
	'import { setTimeout as pause } from "node:timers/promises";',
	"0.5 * Math.random()",
	'import { hkdfSync, randomBytes } from "node:crypto";',
	'import { createPrivateKey, generateKeyPairSync } from "node:crypto";',
	"randomUUID()",
	"randomInt(5)",
	"webcrypto.getRandomValues(bytes)",
	'import { lookup } from "node:dns/promises";',
];

for (const line of caught) {
	test(`time and chance: caught is ${line}`, () => assert.equal(rawLines(`first();\n${line}\n`).length, 1));
}

const allowed: readonly string[] = [
	"this.#clock.setTimeout(go, 5);",
	"const timer = clock.setTimeout(go, 5);",
	"this.#host.clock.setTimeout(go, 5);",
	"systemClock.setTimeout(go, 5);",
	"this.#clock.clearTimeout(this.#timer);",
	"clearTimeout: (timer) => clock.clearTimeout(timer),",
	'import type { NetworkInterfaceInfo } from "node:os";',
	"Date.parse(text)",
	"new Date(clock.wallMs())",
	"readonly setTimeout: (callback: () => void, delayMs: number) => () => void;",
	"/** Like Math.random, in words only. */",
	"// after setTimeout(...)",
	"random.fraction()",
];

for (const line of allowed) {
	test(`time and chance: not caught is ${line}`, () => assert.deepEqual(rawLines(`first();\n${line}\n`), []));
}

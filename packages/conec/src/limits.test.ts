import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import {
	CLIENT_RULES,
	type ClientLimits,
	COORDINATOR_DEFAULT_LIMITS,
	COORDINATOR_RULES,
	type CoordinatorLimits,
	DEFAULT_LIMITS,
	type LimitRule,
	type Limits,
	resolveLimits,
	SHARED_RULES,
} from "./limits.ts";

/** For names and values that the types would not let through. */
const resolve = (role: "client" | "coordinator", limits: Readonly<Record<string, unknown>>): Readonly<Record<string, number>> => ({
	...(role === "client" ? resolveLimits(limits, role) : resolveLimits(limits, role)),
});
const entriesOf = (...rules: readonly object[]): [string, LimitRule][] => rules.flatMap((one) => Object.entries<LimitRule>({ ...one }));
const RULES = { client: entriesOf(SHARED_RULES, CLIENT_RULES), coordinator: entriesOf(SHARED_RULES, COORDINATOR_RULES) };
const ROLES = ["client", "coordinator"] as const;

test("limits: what is not given has its default, which differs by role", () => {
	assert.equal(resolveLimits(), DEFAULT_LIMITS, "they are not made anew");
	assert.deepEqual(resolveLimits({}), DEFAULT_LIMITS);
	assert.deepEqual(resolveLimits({}, "coordinator"), COORDINATOR_DEFAULT_LIMITS);
	assert.equal(DEFAULT_LIMITS.runningHandlers, 1_024);
	assert.equal(COORDINATOR_DEFAULT_LIMITS.runningHandlers, 16_384);
	const limits = resolveLimits({ waitingSends: 5, keepAliveIntervalMs: undefined } as unknown as Partial<Limits>);
	assert.deepEqual(limits, { ...DEFAULT_LIMITS, waitingSends: 5 });
	assert.ok(Object.isFrozen(limits) && Object.isFrozen(DEFAULT_LIMITS));
});

test("limits: the window of a connection follows the longest message, unless it is given", () => {
	const MiB = 1_048_576;
	for (const messageBytes of [1, MiB, 16 * MiB - 1024]) {
		assert.deepEqual(resolveLimits({ messageBytes }), { ...DEFAULT_LIMITS, messageBytes, connectionWindowBytes: 12 * MiB + 4 * messageBytes });
		assert.equal(resolveLimits({ messageBytes }, "coordinator").connectionWindowBytes, 12 * MiB + 4 * messageBytes);
		assert.equal(resolveLimits({ messageBytes, connectionWindowBytes: 5 * MiB }).connectionWindowBytes, 5 * MiB);
	}
	const greatest = SHARED_RULES.messageBytes.max;
	assert.ok(resolveLimits({ messageBytes: greatest }).connectionWindowBytes <= SHARED_RULES.connectionWindowBytes.max);
});

test("limits: each takes its least and greatest value and nothing beyond", () => {
	for (const role of ROLES) {
		for (const [name, { min, max, default: value }] of RULES[role]) {
			for (const good of [min, value, max]) {
				assert.equal(resolve(role, { [name]: good })[name], good);
			}
			for (const bad of [min - 1, max + 1, Number.MAX_SAFE_INTEGER]) {
				assert.throws(() => resolve(role, { [name]: bad }), { name: "RangeError", code: "OPTION_INVALID" }, `${name}: ${bad}`);
			}
			for (const bad of [null, "5", 1.5, Number.NaN, Number.POSITIVE_INFINITY, {}, true, 5n]) {
				assert.throws(() => resolve(role, { [name]: bad }), { name: "TypeError", code: "OPTION_INVALID" }, `${name}: ${String(bad)}`);
			}
		}
	}
});

test("limits: names that do not exist, and what is no object, are TypeErrors", () => {
	for (const role of ROLES) {
		for (const name of ["messagebytes", "constructor", "toString", "__proto__x", "", "x".repeat(100_000)]) {
			assert.throws(() => resolve(role, { [name]: 1 }), { name: "TypeError", code: "OPTION_INVALID" });
		}
		assert.throws(() => resolve(role, JSON.parse('{"__proto__":1}')), { name: "TypeError", code: "OPTION_INVALID" });
		for (const value of [null, 5, "x"]) {
			assert.throws(() => resolve(role, value as never), { name: "TypeError", code: "OPTION_INVALID" });
		}
	}
});

test("limits: a limit of the other role is refused, whatever its value, and the message says whose it is", () => {
	for (const [role, others, words] of [
		["client", COORDINATOR_RULES, "is a limit of the Coordinator; a Client has no such limit"],
		["coordinator", CLIENT_RULES, "is a limit of a Client; the Coordinator has no such limit"],
	] as const) {
		for (const [name, rule] of entriesOf(others)) {
			for (const value of [rule.default, undefined, "5"]) {
				assert.throws(() => resolve(role, { [name]: value }), { name: "TypeError", code: "OPTION_INVALID", message: `Option "limits.${name}" ${words}` });
			}
		}
	}
	// @ts-expect-error A Client has no leases.
	assert.throws(() => resolveLimits({ leases: 5 }), TypeError);
	// @ts-expect-error The Coordinator asks nobody for counts.
	assert.throws(() => resolveLimits({ requests: 5 }, "coordinator"), TypeError);
});

test("limits: a name that does not exist is told with the nearest one, those of the role first", () => {
	for (const [role, given, message] of [
		["client", "messagebytes", 'Option "limits" has no "messagebytes"; did you mean "messageBytes"?'],
		["client", "requestTimeout", 'Option "limits" has no "requestTimeout"; did you mean "requestTimeoutMs"?'],
		["client", "leasse", 'Option "limits" has no "leasse"; did you mean "leases"?'],
		["coordinator", "lease", 'Option "limits" has no "lease"; did you mean "leases"?'],
		["coordinator", "presenceQueueByte", 'Option "limits" has no "presenceQueueByte"; did you mean "presenceQueueBytes"?'],
		["client", "maximumBandwidth", 'Option "limits" has no "maximumBandwidth"'],
		["client", "", 'Option "limits" has no ""'],
		["client", "x".repeat(100_000), `Option "limits" has no "${"x".repeat(40)}..."`],
	] as const) {
		assert.throws(() => resolve(role, { [given]: 1 }), { message });
	}
});

const RULES_BY_INTERFACE = { Limits: SHARED_RULES, ClientLimits: CLIENT_RULES, CoordinatorLimits: COORDINATOR_RULES };

test("limits: the defaults in their comments are those of the rules", () => {
	const text = readFileSync(new URL("limits.ts", import.meta.url), "utf8");
	for (const [name, rules] of Object.entries(RULES_BY_INTERFACE)) {
		const [, body = ""] = new RegExp(`export interface ${name} [^{]*\\{\\n([^}]*(?:\\{@link[^}]*\\}[^}]*)*)\\n\\}`).exec(text) ?? [];
		const said = [...body.matchAll(/\/\*\* .* @default ([\d_]+)(?:, at a Coordinator ([\d_]+))? \*\/\n\treadonly (\w+): number;/g)].map(
			([, value = "", atCoordinator, limit]) => [limit, Number(value.replaceAll("_", "")), Number((atCoordinator ?? value).replaceAll("_", ""))],
		);
		assert.deepEqual(
			said,
			entriesOf(rules).map(([limit, rule]) => [limit, rule.default, rule.coordinatorDefault ?? rule.default]),
		);
	}
});

/** A line of a table of docs/limits.md. */
interface Line {
	readonly name: string;
	readonly default: string;
	readonly unit: string;
	readonly min: number;
	readonly max: number;
	/** Words: what it bounds, what happens when it is reached, what one costs, why the default is what it is. */
	readonly words: readonly string[];
}

/** The limits that are listed below a heading. Every line of the table must be one. */
function linesBelow(heading: string): Line[] {
	const text = readFileSync(new URL("../../../docs/limits.md", import.meta.url), "utf8");
	const [, section = ""] = text.split(`\n## ${heading}\n`);
	const [table = ""] = section.split("\n## ");
	const [head, , ...rows] = table.split("\n").filter((line) => line.startsWith("|"));
	assert.equal(head, "| limit | default | unit | least | greatest | bounds | when it is reached | one costs | why so |");
	return rows.map((row) => {
		const [name = "", value = "", unit = "", min, max, ...words] = row.slice(2, -2).split(" | ");
		assert.equal(words.length, 4, row);
		assert.match(name, /^`[A-Za-z]+`$/);
		return { name: name.slice(1, -1), default: value, unit, min: Number(min), max: Number(max), words };
	});
}

/** What a name says of its unit. */
function unitOf(name: string): string {
	if (/BytesPerSecond$/.test(name)) return "bytes/s";
	if (/Bytes$/.test(name)) return "bytes";
	if (/Ms$/.test(name)) return "ms";
	return /PerSecond/.test(name) ? "1/s" : /PerMinute/.test(name) ? "1/min" : "count";
}

/** What a cost is said in: memory, time, packets or what the line carries. A figure that is not counted says where it is from. */
const COSTS = /\b(bytes?|KiB|MiB|ms|datagrams?|packets?|round trip|message|handshake|stream)\b| µs\b|^the same/;

for (const [heading, rules, roles] of [
	["Limits that both have", SHARED_RULES, ["client", "coordinator"]],
	["Limits of a Client", CLIENT_RULES, ["client"]],
	["Limits of the Coordinator", COORDINATOR_RULES, ["coordinator"]],
] as const) {
	test(`docs/limits.md: "${heading}" has each of them with unit, default, range, cost and reason, and nothing more; and that is what is enforced`, () => {
		const lines = linesBelow(heading);
		assert.deepEqual(
			lines.map(({ name }) => name),
			entriesOf(rules).map(([name]) => name),
		);
		for (const line of lines) {
			const { name, unit, min, max, words } = line;
			const rule = (rules as Readonly<Record<string, LimitRule>>)[name] as LimitRule;
			assert.deepEqual([line.default, unit, min, max], [defaultWords(rule), unitOf(name), rule.min, rule.max], name);
			const [bounds = "", , cost = "", reason = ""] = words;
			assert.ok(bounds.length > 10 || bounds === "the same", `${name}: what it bounds`);
			assert.match(cost, COSTS, `${name}: what one costs`);
			assert.ok(reason.length > 15 || reason.startsWith("the same"), `${name}: why`);
			for (const role of ROLES) {
				// What the page says is what is enforced, where the role has the limit. Elsewhere it is no limit at all.
				const has = roles.some((one) => one === role);
				for (const value of [min, max]) {
					if (has) assert.equal(resolve(role, { [name]: value })[name], value);
					else assert.throws(() => resolve(role, { [name]: value }), { name: "TypeError", code: "OPTION_INVALID" });
				}
				if (!has) continue;
				for (const value of [min - 1, max + 1]) assert.throws(() => resolve(role, { [name]: value }), { name: "RangeError", code: "OPTION_INVALID" });
				assert.equal(
					resolve(role, {})[name],
					(role === "coordinator" ? rule.coordinatorDefault : undefined) ?? rule.default,
					`${name}: its default at a ${role}`,
				);
			}
		}
	});
}

/** The types have the names of the rules: a limit that only one of the two has does not compile here. */
const NAMES: { readonly [Role in "client" | "coordinator"]: readonly string[] } = {
	client: Object.keys({ ...SHARED_RULES, ...CLIENT_RULES } satisfies Record<keyof ClientLimits, LimitRule>),
	coordinator: Object.keys({ ...SHARED_RULES, ...COORDINATOR_RULES } satisfies Record<keyof CoordinatorLimits, LimitRule>),
};

test("docs/limits.md: the types of the roles have the limits of the tables, and resolving gives exactly those", () => {
	for (const [role, own] of [
		["client", "Limits of a Client"],
		["coordinator", "Limits of the Coordinator"],
	] as const) {
		const listed = ["Limits that both have", own].flatMap((heading) => linesBelow(heading).map(({ name }) => name));
		assert.deepEqual(NAMES[role], listed);
		assert.deepEqual(Object.keys(resolve(role, {})), listed);
	}
});

/** As the page says them. */
function defaultWords({ default: value, coordinatorDefault, follows }: LimitRule): string {
	if (follows !== undefined) return `${value - follows.times * SHARED_RULES[follows.limit].default} + ${follows.times} x \`${follows.limit}\``;
	return coordinatorDefault === undefined ? String(value) : `${value}; Coordinator ${coordinatorDefault}`;
}

/** The places that look at a limit, by rooms: `limits.name`, or a pattern that takes it out of limits. */
function roomsThatUse(name: string, sources: Readonly<Record<string, string>>): Set<string> {
	const read = new RegExp(`(?<!welcome\\.)\\b(?:limits|sendLimits)\\.${name}\\b`);
	const taken = new RegExp(`\\{[^{}]*\\b${name}\\b[^{}]*\\}(?: = [\\w.#]*\\b(?:limits|sendLimits);|: \\w*Limits\\b)`);
	const users = Object.entries(sources).filter(([, source]) => read.test(source) || taken.test(source));
	return new Set(users.map(([file]) => file.split("/")[0] ?? ""));
}

/** What is wrong with where the limits of the roles are used. */
function idleLimits(sources: Readonly<Record<string, string>>): string[] {
	const problems: string[] = [];
	const of = (rules: object, roles: readonly string[]): void => {
		for (const name of Object.keys(rules)) {
			const rooms = roomsThatUse(name, sources);
			const both = SHARED_ROOMS.some((room) => rooms.has(room));
			for (const role of ROLES) {
				const uses = both || rooms.has(role);
				if (roles.includes(role) && !uses) problems.push(`${name} does nothing at a ${role}`);
				if (!roles.includes(role) && uses) problems.push(`${name} is used at a ${role}, which does not have it`);
			}
		}
	};
	of(SHARED_RULES, ROLES);
	of(CLIENT_RULES, ["client"]);
	of(COORDINATOR_RULES, ["coordinator"]);
	return problems;
}

/** What a Client and a Coordinator both run. */
const SHARED_ROOMS = ["session", "stream", "transport"];

test("limits: each is used by the roles that have it, and by no other", () => {
	const src = new URL(".", import.meta.url);
	const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"));
	const withoutComments = (source: string): string => source.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
	const sources = Object.fromEntries(files.map((file) => [file.replaceAll("\\", "/"), withoutComments(readFileSync(new URL(file, src), "utf8"))]));
	assert.deepEqual(idleLimits(sources), []);
});

test("limits: one that is used nowhere, at one end only, or at the wrong end, is found", () => {
	const named = (name: string, files: Readonly<Record<string, string>>): string[] => idleLimits(files).filter((line) => line.startsWith(`${name} `));
	const [atClient, atCoordinator] = ["channels does nothing at a client", "channels does nothing at a coordinator"];
	assert.deepEqual(named("channels", {}), [atClient, atCoordinator]);
	assert.deepEqual(named("channels", { "client/client.ts": "if (open >= this.#limits.channels) return;" }), [atCoordinator]);
	assert.deepEqual(named("channels", { "client/client.ts": "client.channels();", "coordinator/a.ts": "const { channels } = this.#host;" }), [
		atClient,
		atCoordinator,
	]);
	assert.deepEqual(named("channels", { "client/a.ts": "const { channels, requests } = host.limits;", "coordinator/a.ts": "limits.channels" }), []);
	assert.deepEqual(named("channels", { "session/a.ts": "function f({ channels }: SomeLimits) {}" }), []);
	assert.deepEqual(named("requests", { "client/a.ts": "limits.requests", "coordinator/a.ts": "limits.requests" }), [
		"requests is used at a coordinator, which does not have it",
	]);
	assert.deepEqual(named("streamsPerPair", { "client/a.ts": "welcome.limits.streamsPerPair" }), ["streamsPerPair does nothing at a coordinator"]);
});

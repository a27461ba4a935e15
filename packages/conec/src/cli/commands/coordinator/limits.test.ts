import assert from "node:assert/strict";
import { test } from "node:test";
import { type Arguments, parseCommandLine } from "../../command-line/index.ts";
import { parseConfiguration } from "../../configuration/read.ts";
import { limitNames, limitPlaces, limitsOf } from "./limits.ts";
import { coordinatorSpec } from "./spec.ts";

function given(args: readonly string[], env: Record<string, string> = {}, file: string = "{}"): Arguments {
	const parsed = parseCommandLine(coordinatorSpec, args, env) as Arguments;
	return parsed.withConfiguration(parseConfiguration(file, "c.json", coordinatorSpec));
}

test("limits: those of the command line, the environment and the file add up; of one limit the nearest counts", () => {
	const args = given(
		["--limit", "clients=1", "--limit=leases=7"],
		{ CONEC_COORDINATOR_LIMIT: "clients=2, broadcasts=3" },
		'{"limits": {"clients": 4, "natTests": 5}}',
	);
	assert.deepEqual(limitsOf(args), { clients: 1, leases: 7, broadcasts: 3, natTests: 5 });
	assert.deepEqual([...limitPlaces(args)].sort(), [
		["broadcasts", "CONEC_COORDINATOR_LIMIT"],
		["clients", "--limit"],
		["leases", "--limit"],
		["natTests", '"natTests" ("c.json", line 1, column 27)'],
	]);
});

test("limits: sizes and times have units, counts have none", () => {
	assert.deepEqual(limitsOf(given(["--limit", "messageBytes=4M,leaseMs=12h,idleTimeoutMs=30s,contentionWindowMs=5min,requestTimeoutMs=500,lingerMs=7ms"])), {
		messageBytes: 4_194_304,
		leaseMs: 43_200_000,
		idleTimeoutMs: 30_000,
		contentionWindowMs: 300_000,
		requestTimeoutMs: 500,
		lingerMs: 7,
	});
	assert.deepEqual(limitsOf(given([], {}, '{"limits": {"leaseMs": "1d", "broadcastHeldBytes": 1000000}}')), {
		leaseMs: 86_400_000,
		broadcastHeldBytes: 1_000_000,
	});
	assert.deepEqual(limitsOf(given([])), {});
	assert.deepEqual(limitsOf(given([], {}, '{"limits": {}}')), {});
});

test("limits: every limit of a Coordinator can be given but the one that this command has fixed", () => {
	const names = limitNames();
	assert.ok(names.length > 60 && names.includes("clients") && names.includes("messageBytes") && !names.includes("incomingStreams"));
});

const WRONG: readonly (readonly [text: string, message: RegExp, hint: RegExp])[] = [
	["clients", /^--limit must be NAME=N, such as clients=500, not "clients"/, /limits\.md/],
	["clients=", /^--limit: clients must be a whole number, not ""/, /limits\.md/],
	["clients=5M", /^--limit: clients must be a whole number, not "5M"/, /limits\.md/],
	["clients=5,clients=6", /^--limit names "clients" twice/, /.?/],
	["clients=0", /^--limit: Option "limits\.clients" must be between 1 and 1000000, not 0/, /limits\.md/],
	["clients=-1", /^--limit: clients must be a whole number/, /.?/],
	["clients=1e3", /^--limit: clients must be a whole number/, /.?/],
	["leaseMs=1w", /^--limit: leaseMs must be a time such as/, /.?/],
	["leaseMs=1.5h", /^--limit: leaseMs must be a time such as/, /.?/],
	["messageBytes=1s", /^--limit: messageBytes must be a number of bytes/, /.?/],
	["messageBytes=1T", /^--limit: Option "limits\.messageBytes" must be between 1 and 16776192/, /.?/],
	["clinets=5", /^--limit: a Coordinator has no limit "clinets"/, /Did you mean clients\?/],
	["presencePeers=5", /^--limit: a Coordinator has no limit "presencePeers"/, /.?/],
	["__proto__=5", /^--limit: a Coordinator has no limit "__proto__"/, /.?/],
	["incomingStreams=5", /^--limit: conec coordinator has no limit "incomingStreams", since it takes no streams/, /Leave it out/],
];
for (const [text, message, hint] of WRONG) {
	test(`limits: ${text} is a usage error`, () => {
		assert.throws(
			() => limitsOf(given(["--limit", text])),
			(error: { exitCode: number; message: string; hint?: string }) => {
				assert.equal(error.exitCode, 2);
				assert.match(error.message, message);
				assert.match(error.hint ?? "", hint);
				return true;
			},
		);
	});
}

test("limits: a wrong one is named as it was given", () => {
	assert.throws(() => limitsOf(given([], { CONEC_COORDINATOR_LIMIT: "clients=x" })), /^\w+: CONEC_COORDINATOR_LIMIT: clients must be a whole number/);
	assert.throws(
		() => limitsOf(given([], {}, '{"limits": {\n "clients": "x"}}')),
		/^\w+: "clients" \("c\.json", line 2, column 2\): clients must be a whole number/,
	);
});

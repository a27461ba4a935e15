import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
	CANDIDATES_LISTED,
	CERTIFICATE_BYTES,
	CHANNEL_REFUSAL_CODES,
	CHANNEL_REFUSED_CODES,
	type ChannelAsk,
	type ChannelConsent,
	type ChannelGo,
	type ChannelMessage,
	type ChannelReport,
	type ChannelRequest,
	HOSTS_LISTED,
	isChannelMessageOfClient,
	isChannelMessageOfCoordinator,
} from "./channel-messages.ts";
import { decodeControl, encodeControl } from "./control.ts";
import { FRAME_BYTES } from "./frames.ts";
import { CHANNELS_LISTED, type OwnChannel } from "./own-channels.ts";

const TOKEN = "00112233445566778899aabbccddeeff";
const FINGERPRINT = `sha256:${"ab".repeat(32)}`;
const NAT = { mapping: "dependent", portStep: 2, lastPort: 40_002, filtering: "by-port" } as const;
const OFFER = { hosts: [{ address: "192.168.1.5", port: 40_000 }], nat: NAT, punch: true, birthday: false } as const;
const REQUEST: ChannelRequest = { type: "channel-request", request: 1, peer: "bob", ...OFFER, auto: true };
const CONSENT: ChannelConsent = { type: "channel-answer", token: TOKEN, accept: true, ...OFFER };
const REPORT: ChannelReport = {
	...{ type: "channel-report", token: TOKEN, outcome: "up", peer: "alice", fingerprint: FINGERPRINT },
	...{ address: { address: "2001:db8::1", port: 1 }, rttMs: 0.4, reason: "x" },
	sent: [{ address: "192.0.2.7", packets: 3 }],
};
const OWN: OwnChannel = { token: TOKEN, peer: "alice", fingerprint: FINGERPRINT };
const ASK: ChannelAsk = { type: "channel-ask", token: TOKEN, peer: { id: "alice", fingerprint: FINGERPRINT }, expiresInMs: 9_900 };
const GO: ChannelGo = {
	type: "channel-go",
	token: TOKEN,
	request: 1,
	role: "dial",
	peer: { id: "bob", fingerprint: FINGERPRINT, metadata: { a: 1 } },
	certificate: "MIIB",
	candidates: [{ address: "192.0.2.7", port: 40_000, kind: "reflexive", packets: 64 }],
	nat: { mapping: "none", filtering: "unknown" },
	punch: true,
	birthday: "hard",
	waitMs: 0,
	deadlineMs: 5_000,
};

const port = fc.integer({ min: 1, max: 65_535 });
const address = fc.record({ address: fc.oneof(fc.ipV4(), fc.ipV6()), port }, { noNullPrototype: true });
const token = fc.stringMatching(/^[0-9a-f]{32}$/);
const id = fc.constantFrom("alice", "a.b", "node-1.example");
const request = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const milliseconds = fc.integer({ min: 1, max: 600_000 });
const nat = fc.oneof(
	fc.record(
		{ mapping: fc.constantFrom("unknown" as const, "none" as const, "independent" as const), filtering: fc.constantFrom("open" as const, "unknown" as const) },
		{ noNullPrototype: true },
	),
	fc.record(
		{ mapping: fc.constant("dependent" as const), portStep: fc.integer({ min: 1, max: 16 }), lastPort: port, filtering: fc.constant("by-port" as const) },
		{ noNullPrototype: true },
	),
);
const offer = { hosts: fc.array(address, { maxLength: HOSTS_LISTED }), nat, punch: fc.boolean(), birthday: fc.boolean() };
const peer = fc.record({ id, fingerprint: fc.constant(FINGERPRINT), metadata: fc.constantFrom(null, 0, "x", ["a"], { b: 1 }) }, { noNullPrototype: true });
const reason = fc.string({ maxLength: 256 });
const own = fc.record({ token, peer: id, fingerprint: fc.constant(FINGERPRINT) }, { noNullPrototype: true });
const candidate = fc.record(
	{
		address: fc.ipV4(),
		port,
		kind: fc.constantFrom("reflexive" as const, "host" as const),
		packets: fc.integer({ min: 1, max: 65_536 }),
	},
	{ noNullPrototype: true },
);
const go = {
	type: fc.constant("channel-go" as const),
	token,
	peer,
	certificate: fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString("base64")),
	candidates: fc.array(candidate, { maxLength: CANDIDATES_LISTED }),
	nat,
	punch: fc.boolean(),
	waitMs: milliseconds,
	deadlineMs: milliseconds,
};
const kind = <T extends string>(type: T): fc.Arbitrary<T> => fc.constant(type);
const message: fc.Arbitrary<ChannelMessage> = fc.oneof(
	fc.record({ type: kind("channel-request"), request, peer: id, ...offer, auto: fc.boolean() }),
	fc.record({ type: kind("channel-cancel"), request }),
	fc.record({ type: kind("channel-answer"), token, accept: fc.constant(true as const), ...offer }),
	fc.record({ type: kind("channel-answer"), token, accept: fc.constant(false as const), code: fc.constantFrom(...CHANNEL_REFUSAL_CODES) }),
	fc.record({ type: kind("channel-report"), token, outcome: fc.constantFrom("up" as const, "failed" as const, "down" as const) }),
	fc.record({
		type: kind("channel-report"),
		token,
		outcome: kind("up"),
		address,
		rttMs: fc.double({ min: 0.1, max: 600_000, noNaN: true }),
		reason,
		sent: fc.array(fc.record({ address: fc.ipV4(), packets: fc.nat({ max: 65_536 }) }, { noNullPrototype: true }), { maxLength: 12 }),
	}),
	fc.record({ type: kind("channel-report"), token, outcome: kind("up"), peer: id, fingerprint: fc.constant(FINGERPRINT) }),
	fc.record({ type: kind("channel-list"), channels: fc.array(own, { minLength: 1, maxLength: CHANNELS_LISTED }) }),
	fc.record({ type: kind("address-echo"), nonce: fc.stringMatching(/^[0-9a-f]{16}$/) }),
	fc.record({ type: kind("nat-test") }),
	fc.record({ type: kind("channel-ask"), token, peer, expiresInMs: milliseconds }),
	fc.record({ ...go, role: kind("dial"), request }),
	fc.record({ ...go, role: kind("accept"), birthday: fc.constantFrom("hard" as const, "easy" as const) }),
	fc.record(
		{ type: kind("channel-refused"), request, code: fc.constantFrom(...CHANNEL_REFUSED_CODES), reason, retryAfterMs: fc.nat() },
		{ requiredKeys: ["type", "request", "code", "reason"] },
	),
	fc.record({ type: kind("channel-cancelled"), token, reason }),
	fc.record({ type: kind("address"), observedAddress: address }),
	fc.record({ type: kind("peer-moved"), peer: id, address }),
	fc.record({ type: kind("peer-changed"), peer: id }),
	fc.record({ type: kind("peer-denied"), fingerprint: fc.constant(FINGERPRINT), reason }),
	fc.record({ type: kind("channel-list-wanted") }),
);

/** The message with fields changed, by path; `undefined` leaves one out. */
function changed(base: object, path: string, value: unknown): ReturnType<typeof decodeControl> {
	const copy = structuredClone(base) as Record<string, unknown>;
	const steps = path.split(".");
	let at = copy;
	for (const step of steps.slice(0, -1)) at = at[step] as Record<string, unknown>;
	at[steps.at(-1) as string] = value;
	return decodeControl(new TextEncoder().encode(JSON.stringify(copy)));
}

test("channel messages: what is encoded is decoded, and each is of one side", () => {
	fc.assert(
		fc.property(message, (sent) => {
			const decoded = decodeControl(encodeControl(sent));
			// fast-check also makes objects without a prototype.
			assert.deepEqual(decoded, { ok: true, value: { ...sent } });
			assert.notEqual(isChannelMessageOfClient(sent), isChannelMessageOfCoordinator(sent));
		}),
	);
});

test("channel messages: truncated and mutated ones give a value or one sentence, never an exception", () => {
	fc.assert(
		fc.property(message, fc.nat(), fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }), (sent, length, mutations) => {
			const bytes = encodeControl(sent);
			for (const [place, value] of mutations) bytes[place % bytes.length] = value;
			const decoded = decodeControl(bytes.subarray(0, length % (bytes.length + 1)));
			assert.ok(decoded.ok || decoded.error.startsWith("Control message"));
		}),
		{ numRuns: 3_000 },
	);
});

const NOT_STRINGS = [null, 7, "", {}, []];
const NOT_BOOLEANS = [undefined, null, 0, 1, "true", {}, []];
const NOT_MILLISECONDS = [undefined, null, "1", -1, 0.5, 600_001, {}];
const NOT_TOKENS = [undefined, ...NOT_STRINGS, TOKEN.slice(1), `${TOKEN}0`, TOKEN.toUpperCase(), `${TOKEN.slice(1)}g`, [TOKEN]];
const NOT_IDS = [undefined, ...NOT_STRINGS, "Bob", "b".repeat(64), "xn--b", "__proto__"];
const NOT_FINGERPRINTS = [undefined, ...NOT_STRINGS, "sha256:", FINGERPRINT.toUpperCase(), `${FINGERPRINT}a`, FINGERPRINT.slice(7)];
const NOT_ADDRESSES = [
	undefined,
	null,
	[],
	"192.0.2.7:1",
	{},
	{ address: "192.0.2.7" },
	{ port: 1 },
	...[0, -1, 65_536, 1.5, "1", null].map((bad) => ({ address: "192.0.2.7", port: bad })),
	...["", "localhost", "192.0.2", "192.0.2.7:1", "fe80::1%1", "[::1]", "1".repeat(65), 7, null].map((bad) => ({ address: bad, port: 1 })),
];
const NOT_NAT: [string, unknown[]][] = [
	["nat", [undefined, null, [], "none"]],
	["nat.mapping", [undefined, null, "", "symmetric", "toString"]],
	["nat.filtering", [undefined, null, "", "closed"]],
	["nat.portStep", [null, 0, 17, -1, 1.5, "1"]],
	["nat.lastPort", [null, 0, 65_536, "1"]],
];
const NOT_OFFERS: [string, unknown[]][] = [
	["hosts", [undefined, null, {}, "a", [null], [[]], Array(HOSTS_LISTED + 1).fill(OFFER.hosts[0])]],
	["hosts.0", NOT_ADDRESSES.slice(1)],
	...NOT_NAT,
	["punch", NOT_BOOLEANS],
	["birthday", NOT_BOOLEANS],
];

const WRONG: [ChannelMessage, [string, unknown[]][]][] = [
	[REQUEST, [["request", [undefined, null, 0, -1, 1.5, 2 ** 53, "1"]], ["peer", NOT_IDS], ...NOT_OFFERS, ["auto", NOT_BOOLEANS]]],
	[{ type: "channel-cancel", request: 7 }, [["request", [undefined, null, 0, -1, 1.5, 2 ** 53, "1"]]]],
	[CONSENT, [["token", NOT_TOKENS], ["accept", NOT_BOOLEANS], ...NOT_OFFERS]],
	[
		{ type: "channel-answer", token: TOKEN, accept: false, code: "DECLINED" },
		[
			["token", NOT_TOKENS],
			["accept", [...NOT_BOOLEANS, true]],
			["code", [undefined, ...NOT_STRINGS, "no", "A".repeat(65)]],
		],
	],
	[
		REPORT,
		[
			["token", NOT_TOKENS],
			["outcome", [undefined, ...NOT_STRINGS, "Up", "constructor"]],
			["address", NOT_ADDRESSES.slice(1)],
			["peer", NOT_IDS],
			["fingerprint", NOT_FINGERPRINTS],
			["rttMs", [null, -0.1, 600_001, 1e300, "1", {}]],
			["reason", [null, 7, {}]],
			[
				"sent",
				[
					...[null, 7, {}, [null], [7], [{}], [{ address: "192.0.2.7" }], [{ packets: 1 }], Array(13).fill({ address: "192.0.2.7", packets: 1 })],
					...[-1, 1.5, "1", null, 65_537].map((packets) => [{ address: "192.0.2.7", packets }]),
					...["", "localhost", "fe80::1%1", 7].map((address) => [{ address, packets: 1 }]),
				],
			],
		],
	],
	[
		{ type: "channel-list", channels: [OWN] },
		[
			["channels", [undefined, null, {}, [], "a", [null], [[]], Array(CHANNELS_LISTED + 1).fill(OWN)]],
			["channels.0.token", NOT_TOKENS],
			["channels.0.peer", NOT_IDS],
			["channels.0.fingerprint", NOT_FINGERPRINTS],
		],
	],
	[{ type: "address-echo", nonce: "0123456789abcdef" }, [["nonce", [undefined, ...NOT_STRINGS, "0123456789abcde", "0123456789abcdeff", "0123456789ABCDEF"]]]],
	[
		ASK,
		[
			["token", NOT_TOKENS],
			["peer", [undefined, null, [], "alice"]],
			["peer.id", NOT_IDS],
			["peer.fingerprint", NOT_FINGERPRINTS],
			["peer.metadata", ["x".repeat(2_047)]],
			["expiresInMs", NOT_MILLISECONDS],
		],
	],
	[
		GO,
		[
			["token", NOT_TOKENS],
			["request", [undefined, null, 0, 2 ** 53]],
			["role", [undefined, ...NOT_STRINGS, "accept", "listen"]],
			["peer", [undefined, null, []]],
			["peer.id", NOT_IDS],
			["certificate", [undefined, ...NOT_STRINGS, "MII", "MII_", "MI=I", "====", "A".repeat(Math.ceil(CERTIFICATE_BYTES / 3) * 4 + 4)]],
			["candidates", [undefined, null, {}, [null], Array(CANDIDATES_LISTED + 1).fill(GO.candidates[0])]],
			["candidates.0", NOT_ADDRESSES.slice(1)],
			["candidates.0.kind", [undefined, null, "relay"]],
			["candidates.0.packets", [undefined, null, 0, 1.5, 65_537]],
			...NOT_NAT,
			["punch", NOT_BOOLEANS],
			["birthday", [null, true, "", "soft"]],
			["waitMs", NOT_MILLISECONDS],
			["deadlineMs", [...NOT_MILLISECONDS, 0]],
		],
	],
	[
		{ type: "channel-refused", request: 1, code: "PEER_BUSY", reason: "no" },
		[
			["request", [undefined, null, 0]],
			["code", [undefined, ...NOT_STRINGS, "no"]],
			["reason", [null, 7, {}]],
		],
	],
	[
		{ type: "channel-cancelled", token: TOKEN, reason: "no" },
		[
			["token", NOT_TOKENS],
			["reason", [null, 7, {}]],
		],
	],
	[{ type: "address", observedAddress: { address: "192.0.2.7", port: 1 } }, [["observedAddress", NOT_ADDRESSES]]],
	[
		{ type: "peer-moved", peer: "bob", address: { address: "192.0.2.7", port: 1 } },
		[
			["peer", NOT_IDS],
			["address", NOT_ADDRESSES],
		],
	],
	[{ type: "peer-changed", peer: "bob" }, [["peer", NOT_IDS]]],
	[
		{ type: "peer-denied", fingerprint: FINGERPRINT, reason: "no" },
		[
			["fingerprint", NOT_FINGERPRINTS],
			["reason", [null, 7, {}]],
		],
	],
	[{ type: "channel-list-wanted" }, []],
];

test("channel messages: one with any field missing, of another type, or out of bounds is refused", () => {
	for (const [good, fields] of WRONG) {
		assert.deepEqual(changed(good, "future", { a: 1 }), { ok: true, value: good }, good.type);
		for (const [path, values] of fields) {
			for (const value of values) {
				const about = `${good.type} ${path}: ${JSON.stringify(value)?.slice(0, 60)}`;
				const decoded = changed(good, path, value);
				assert.equal(decoded.ok, false, about);
				// What is no I-JSON has no type yet.
				const beginning =
					typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER ? "Control message has a number" : `Control message "${good.type}": `;
				assert.ok(!decoded.ok && decoded.error.startsWith(beginning), about);
			}
		}
	}
});

test("channel messages: codes that are not known read as the plainest no", () => {
	assert.deepEqual(changed({ type: "channel-refused", request: 1 }, "code", "FROM_THE_FUTURE"), {
		ok: true,
		value: { type: "channel-refused", request: 1, code: "DIRECT_UNAVAILABLE", reason: "" },
	});
	assert.deepEqual(changed({ type: "channel-answer", token: TOKEN, accept: false }, "code", "FROM_THE_FUTURE"), {
		ok: true,
		value: { type: "channel-answer", token: TOKEN, accept: false, code: "DECLINED" },
	});
});

test("channel messages: text for people is cut, and what is inherited is not said", () => {
	const decoded = changed(REPORT, "reason", "x".repeat(1_000));
	assert.deepEqual(decoded, { ok: true, value: { ...REPORT, reason: "x".repeat(256) } });
	assert.ok(encodeControl({ type: "channel-cancelled", token: TOKEN, reason: "x".repeat(100_000) }).length < 400);
	const { token: _token, ...tokenless } = CONSENT;
	const polluting = `{"__proto__":{"token":"${TOKEN}"},${JSON.stringify(tokenless).slice(1)}`;
	assert.equal(decodeControl(new TextEncoder().encode(polluting)).ok, false);
});

test("channel messages: the longest of each fits into a frame", () => {
	const longest: ChannelGo = {
		...GO,
		request: Number.MAX_SAFE_INTEGER,
		peer: { id: "b".repeat(63), fingerprint: FINGERPRINT, metadata: "x".repeat(2_046) },
		certificate: Buffer.alloc(CERTIFICATE_BYTES).toString("base64"),
		candidates: Array.from({ length: CANDIDATES_LISTED }, () => ({
			address: "2001:db8:1111:2222:3333:4444:5555:6666",
			port: 65_535,
			kind: "reflexive" as const,
			packets: 65_536,
		})),
		nat: NAT,
		waitMs: 600_000,
		deadlineMs: 600_000,
	};
	const channels = Array.from({ length: CHANNELS_LISTED }, () => ({ token: TOKEN, peer: "b".repeat(63), fingerprint: FINGERPRINT }));
	for (const one of [longest, { type: "channel-list", channels } as const]) {
		const payload = encodeControl(one);
		assert.ok(payload.length <= FRAME_BYTES, `${one.type}: ${payload.length}`);
		assert.deepEqual(decodeControl(payload, 0), { ok: true, value: one });
	}
});

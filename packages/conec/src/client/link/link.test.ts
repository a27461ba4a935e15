import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { formatLink, parseLink } from "./link.ts";

const PIN = `sha256:${"0123456789abcdef".repeat(4)}`;
const OTHER = `sha256:${"f".repeat(64)}`;

const READ: readonly (readonly [link: string, coordinators: readonly string[], pins: readonly string[]])[] = [
	["conec://example.org", ["example.org"], []],
	["conec://example.org:1719", ["example.org"], []],
	[`conec://example.org:7#pin=${PIN}`, ["example.org:7"], [PIN]],
	[`CONEC://10.0.0.1#pin=${PIN.slice(7)}`, ["10.0.0.1"], [PIN]],
	[`conec://10.0.0.1#pin=${PIN.toUpperCase()}`, ["10.0.0.1"], [PIN]],
	[`conec://10.0.0.1,example.org:9,[2001:db8::1]:8#pin=${PIN}`, ["10.0.0.1", "example.org:9", "[2001:db8::1]:8"], [PIN]],
	[`conec://[::1]#pin=${PIN},pin=${OTHER}`, ["[::1]"], [PIN, OTHER]],
	["conec://2001:db8::1", ["[2001:db8::1]"], []],
	["conec://%5B2001:db8::1%5D:8", ["[2001:db8::1]:8"], []],
	["conec://%5b::1%5d:8,localhost", ["[::1]:8", "localhost"], []],
];
for (const [link, coordinators, pins] of READ) {
	test(`link: ${link.slice(0, 60)} is read`, () => {
		assert.deepEqual(parseLink(link), { coordinators, pins });
		const written = formatLink({ coordinators, pins });
		assert.deepEqual(parseLink(written), { coordinators, pins }, written);
	});
}

const REFUSED: readonly (readonly [link: unknown, said: RegExp])[] = [
	["", /must begin with conec:\/\//],
	["example.org", /must begin with/],
	["http://example.org", /must begin with/],
	["conec:example.org", /must begin with/],
	[" conec://example.org", /must begin with/],
	["conec://", /a host is missing/],
	["conec://#pin=0", /a host is missing/],
	["conec://a,,b", /a host is missing/],
	["conec://a,", /a host is missing/],
	["conec://a,a", /a host is in it twice/],
	["conec://a:1719,a", /a host is in it twice/],
	["conec://a:0", /"a:0" is not "host"/],
	["conec://a:65536", /is not "host"/],
	["conec://a:b", /is not "host"/],
	["conec://::1:1719:x", /is not "host"/],
	["conec://[::1", /is not "host"/],
	["conec://-a", /is not "host"/],
	["conec://a%41", /is not "host"/],
	["conec://a/", /"\/" cannot be in it/],
	["conec://a/#pin=0", /"\/" cannot be in it/],
	["conec://a?pin=0", /"\?" cannot be in it/],
	["conec://user@a", /"@" cannot be in it/],
	["conec://a#", /there must be "pin="/],
	["conec://a#pin", /after "pin="/],
	["conec://a#pin=", /after "pin="/],
	["conec://a#pin=sha256:0", /after "pin="/],
	[`conec://a#pin=${PIN}0`, /after "pin="/],
	[`conec://a#pin=${PIN}&x=1`, /after "pin="/],
	[`conec://a#pin=${PIN},`, /there must be "pin="/],
	[`conec://a#pin=${PIN},pin=${PIN}`, /a pin is in it twice/],
	[`conec://a#pin=${PIN}#pin=${OTHER}`, /more than one #/],
	[`conec://a#PIN=${PIN}`, /an unknown key "PIN"/],
	[`conec://a#pin=${PIN},id=bob`, /an unknown key "id"/],
	[`conec://a#__proto__=${PIN}`, /an unknown key "__proto__"/],
	["conec://a b", /" " cannot be in it/],
	["conec://a\nb", /cannot be in it/],
	["conec://ä", /cannot be in it/],
	["conec://\u202ea", /cannot be in it/],
	[`conec://${Array.from({ length: 9 }, (_, i) => `h${i}`).join()}`, /more than 8 hosts/],
	[`conec://a#${Array.from({ length: 9 }, (_, i) => `pin=${String(i).repeat(64)}`).join()}`, /more than 8 pins/],
	[`conec://${"a".repeat(5_000)}`, /more than 4096 characters/],
	[undefined, /must be a string/],
	[7, /must be a string/],
];
for (const [link, said] of REFUSED) {
	test(`link: ${JSON.stringify(link)?.slice(0, 60)} is refused with a reason`, () => {
		assert.throws(
			() => parseLink(link as string),
			(error: NodeJS.ErrnoException) => error instanceof TypeError && error.code === "OPTION_INVALID" && said.test(error.message),
		);
	});
}

test("link: what cannot be written is refused", () => {
	const cases = [[], [""], ["a b"], ["a", "a:1719"], Array.from({ length: 9 }, (_, i) => `h${i}`)];
	for (const coordinators of cases) assert.throws(() => formatLink({ coordinators }), { code: "OPTION_INVALID" }, coordinators.join());
	assert.throws(() => formatLink({ coordinators: ["a"], pins: ["sha256:0"] }), { code: "OPTION_INVALID" });
	assert.throws(() => formatLink({ coordinators: ["a"], pins: [PIN, PIN] }), { code: "OPTION_INVALID" });
});

const port = fc.integer({ min: 1, max: 65_535 });
const host = fc.oneof(
	fc.domain(),
	fc.ipV4(),
	fc.ipV6().map((address) => `[${address}]`),
);
const place = fc.tuple(host, fc.option(port)).map(([name, number]) => (number === null ? name : `${name}:${number}`));
const pin = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => `sha256:${Buffer.from(bytes).toString("hex")}`);
const parts = fc.record({
	coordinators: fc.uniqueArray(place, { minLength: 1, maxLength: 8, selector: (text) => text.replace(/:1719$/, "") }),
	pins: fc.uniqueArray(pin, { maxLength: 3 }),
});

test("link: whatever is written is read as the same, and has only characters that no shell gives a meaning to", () => {
	fc.assert(
		fc.property(parts, (given) => {
			const link = formatLink(given);
			// bash, zsh and fish: globs, braces, quotes, ends of commands, expansions, history. PowerShell: also ` @ { } ( ) and a comma at the end of a word. cmd: % and ^ need
			// a name after them. A # is a remark at the beginning of a word only, and a comma makes a list in PowerShell, which it hands on as it was written.
			assert.match(link, /^conec:\/\/[A-Za-z0-9_.:,%-]+(#[a-z0-9=:,]+)?$/);
			assert.doesNotMatch(link, /[,%]$/);
			const again = parseLink(link);
			assert.equal(formatLink(again), link);
			assert.equal(again.coordinators.length, given.coordinators.length);
			assert.deepEqual(again.pins, given.pins);
		}),
	);
});

test("link: nothing that is read throws anything but what it promises", () => {
	fc.assert(
		fc.property(
			fc.oneof(
				fc.string({ unit: "binary" }),
				fc.string().map((text) => `conec://${text}`),
			),
			(text) => {
				try {
					parseLink(text);
				} catch (error) {
					assert.equal((error as { code?: string }).code, "OPTION_INVALID");
				}
			},
		),
	);
});

const PASTED = formatLink({ coordinators: ["192.168.1.5:4433", "[2001:db8::5]:4433", "conec.example.org", "::1"], pins: [PIN, OTHER] });
/** How each shell runs a command line that was typed, as far as it can be without a terminal, without anybody's configuration. */
const SHELLS: readonly (readonly [name: string, args: readonly string[]])[] = [
	["sh", ["-c"]],
	["bash", ["--norc", "-i", "-O", "extglob", "-c"]],
	["zsh", ["-f", "-i", "-c"]],
	["fish", ["--no-config", "-c"]],
	["pwsh", ["-NoProfile", "-Command"]],
];
for (const [shell, args] of SHELLS) {
	const there = spawnSync(shell, ["-c", "exit 0"]).error === undefined;
	test(`link: ${shell} hands an unquoted link on as it is`, { skip: there ? false : `${shell} is not installed here` }, () => {
		const script = "process.stdout.write(JSON.stringify(process.argv.slice(1)))";
		const { stdout, stderr } = spawnSync(shell, [...args, `${process.execPath} -e '${script}' -- --link ${PASTED} ${PASTED} --link=${PASTED}`], {
			encoding: "utf8",
			env: { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", TERM: "dumb" },
		});
		assert.equal(stdout, JSON.stringify(["--link", PASTED, PASTED, `--link=${PASTED}`]), stderr);
	});
}

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
// @ts-expect-error a script without types
import { lockedCrates } from "./advisories.mjs";

const root: string = join(import.meta.dirname, "..");
const crates = lockedCrates(readFileSync(join(root, "packages/quic/native/Cargo.lock"), "utf8")) as { name: string; version: string }[];

/** The lowest version that is allowed in, and what is wrong with the ones below it. */
const floors: Readonly<Record<string, readonly [version: string, why: string]>> = {
	"quinn-proto": ["0.11.15", "CVE-2026-25800 (reassembly), CVE-2026-31812 (panic on transport parameters)"],
	rustls: ["0.23.18", "CVE-2024-11738 (panic in Acceptor)"],
	"rustls-webpki": ["0.103.13", "name constraints RUSTSEC-2026-0098 and -0099, CRLs RUSTSEC-2026-0049 and -0104, path building RUSTSEC-2023-0052"],
	ring: ["0.17.12", "RUSTSEC-2025-0009 (a packet can panic QUIC header protection)"],
	napi: ["3.12.2", "the release that docs/decisions.md builds on"],
	tokio: ["1.44.2", "RUSTSEC-2025-0023 (broadcast channel)"],
	bytes: ["1.11.1", "RUSTSEC-2026-0007 (overflow in reserve)"],
};

for (const [name, [floor, why]] of Object.entries(floors)) {
	test(`version floor: ${name} is at least ${floor} (${why})`, () => {
		const locked = crates.filter((crate) => crate.name === name).map((crate) => crate.version);
		assert.ok(locked.length > 0, `${name} is not in Cargo.lock`);
		for (const version of locked) assert.ok(compare(version, floor) >= 0, `${name} ${version} is locked`);
	});
}

test("version floor: one version of each crate whose types the addon passes between crates", () => {
	for (const name of ["quinn", "quinn-proto", "quinn-udp", "rustls", "ring", "napi"]) {
		assert.equal(crates.filter((crate) => crate.name === name).length, 1, name);
	}
});

test("version floor: no second TLS or cryptography provider", () => {
	const names = new Set(crates.map((crate) => crate.name));
	for (const name of ["aws-lc-rs", "aws-lc-sys", "openssl", "openssl-sys", "native-tls"]) assert.equal(names.has(name), false, name);
});

function compare(a: string, b: string): number {
	const [left, right] = [numbers(a), numbers(b)];
	for (const [index, value] of left.entries()) {
		const other = right[index] ?? 0;
		if (value !== other) return value - other;
	}
	return 0;
}

function numbers(version: string): number[] {
	return version.split(/[-+]/, 1)[0]!.split(".").map(Number);
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { announcement, type Started } from "./announcement.ts";

const PIN = `sha256:${"0".repeat(64)}`;
const STARTED: Started = {
	address: "::",
	port: 1_719,
	natTestPort: 1_720,
	pin: PIN,
	hosts: ["192.168.1.5", "2001:db8::5"],
	keyDirectory: "/keys",
	state: undefined,
	remembered: true,
	clientCa: undefined,
	id: "anna",
	platform: "linux",
};
const said = (changes: Partial<Started> = {}) => announcement({ ...STARTED, ...changes }, (text) => text);

test("announcement: one link with all addresses, and two commands of which one calls the other", () => {
	const { link, here, there, lines } = said();
	assert.equal(link, `conec://192.168.1.5,2001:db8::5#pin=${PIN}`);
	assert.equal(here, "conec chat --id anna");
	assert.equal(there, `conec chat --to anna --link ${link}`);
	for (const text of [link, here, there]) assert.ok(lines.some((line) => line.endsWith(text)));
});

test("announcement: the command here finds a state directory of its own, or has the link where it was not remembered", () => {
	assert.equal(said({ state: "/var/lib/my conec" }).here, "conec chat --id anna --state '/var/lib/my conec'");
	const { here, link } = said({ remembered: false });
	assert.equal(here, `conec chat --id anna --link ${link}`);
});

test("announcement: with --client-ca both commands have a certificate, and one calls the id in that of the other", () => {
	const { here, there, link } = said({ clientCa: "ca.pem", keyDirectory: undefined });
	assert.equal(here, "conec chat --cert bob.pem --key bob.key");
	assert.equal(there, `conec chat --to bob --link ${link} --cert alice.pem --key alice.key`);
});

test("announcement: an address that only this machine reaches is said to be one", () => {
	for (const hosts of [["127.0.0.1"], ["::1"], ["localhost"]]) assert.match(said({ hosts }).lines.join("\n"), /nobody else can reach this address/);
	assert.match(said().lines.join("\n"), /on another machine:/);
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes, X509Certificate } from "node:crypto";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fingerprint } from "../../packages/conec/src/index.ts";
import { folder, type Running } from "./harness.ts";
import { RunningHere, RunningProcess } from "./running.ts";

const NO_SIGHUP = process.platform === "win32" ? "Windows sends SIGHUP when the console is closed, not to reload" : false;
const NO_MODES = process.platform === "win32";

interface Place {
	readonly folder: string;
	/** Path of a file among the certificates. */
	file(name: string): string;
	/** Runs a command in this process; it is gone when the test is over. */
	run(...args: readonly string[]): Running;
	/** Starts a command in a process of its own; it is gone when the test is over. */
	process(...args: readonly string[]): Running;
	/** Runs `conec certs ...` in the folder of certificates to its end, which has to be that one. */
	certs(status: number, ...args: readonly string[]): Promise<Running>;
}

async function place(t: TestContext): Promise<Place> {
	const started: Running[] = [];
	t.after(() => Promise.all(started.map((running) => running.kill())));
	const made = await folder(t);
	const kept = (running: Running): Running => {
		started.push(running);
		return running;
	};
	const run = (...args: readonly string[]): Running => kept(new RunningHere(args));
	const certs = async (status: number, action: string, ...args: readonly string[]): Promise<Running> => {
		const running = run("certs", action, "--json", ...(action === "show" ? [] : ["--dir", join(made, "certs")]), ...args);
		await running.exits(status);
		return running;
	};
	return { folder: made, file: (name) => join(made, "certs", name), run, process: (...args) => kept(new RunningProcess(args)), certs: certs as Place["certs"] };
}

function verify(authority: string, certificate: string, ...more: readonly string[]): string {
	return execFileSync("openssl", ["verify", "-x509_strict", "-CAfile", authority, ...more, certificate], { stdio: "pipe" }).toString();
}

/** A Coordinator in CA mode, and the options by which Clients reach it. */
async function coordinatorOf(site: Place, run: Place["run"], ...more: readonly string[]): Promise<{ coordinator: Running; client(id: string): string[] }> {
	const { file, folder } = site;
	const identity = ["--cert", file("localhost.pem"), "--key", file("localhost.key"), "--client-ca", file("ca.pem")];
	const coordinator = run("coordinator", "--json", "--host", "127.0.0.1", "--port", "0", "--state", join(folder, "state"), ...identity, ...more);
	const { port } = (await coordinator.event("listening")) as unknown as { port: number };
	return {
		coordinator,
		client: (id) => [
			"--cert",
			file(`${id}.pem`),
			"--key",
			file(`${id}.key`),
			"--ca",
			file("ca.pem"),
			"--coordinator",
			`localhost:${port}`,
			"--state",
			join(folder, `state-${id}`),
		],
	};
}

test("certs: what init and issue make passes openssl's strict verification for the right names; keys are private, nothing is overwritten", async (t) => {
	const { file, certs } = await place(t);
	await certs(0, "init", "--name", "our authority");
	await certs(0, "issue", "conec.example.org", "127.0.0.1", "::1", "--days", "90", "--key-type", "P-384");
	const issued = await (await certs(0, "issue", "alice")).event("issued");
	const [ca, coordinator, alice] = [file("ca.pem"), file("conec.example.org.pem"), file("alice.pem")];
	assert.match(verify(ca, coordinator, "-purpose", "sslserver", "-verify_hostname", "conec.example.org"), /OK/);
	assert.match(verify(ca, coordinator, "-verify_ip", "::1"), /OK/);
	assert.match(verify(ca, alice, "-purpose", "sslclient", "-verify_hostname", "alice"), /OK/);
	assert.throws(() => verify(ca, alice, "-verify_hostname", "bob"), /hostname mismatch/i);
	assert.deepEqual([issued["certificate"], issued["privateKey"], issued["fingerprint"]], [alice, file("alice.key"), fingerprint(await readFile(alice))]);
	const files = (await readdir(file("."))).sort();
	assert.deepEqual(files, ["alice.key", "alice.pem", "ca.key", "ca.pem", "conec.example.org.key", "conec.example.org.pem"]);
	if (!NO_MODES) {
		assert.equal((await stat(file("."))).mode & 0o777, 0o700);
		for (const name of files) assert.equal((await stat(file(name))).mode & 0o777, name.endsWith(".key") ? 0o600 : 0o644, name);
	}
	const before = await Promise.all(files.map((name) => readFile(file(name))));
	for (const again of [["init"], ["issue", "alice"]]) assert.match((await certs(1, ...again)).stderr, /Cannot write ".+": it exists\n +--force/);
	// Half of a pair counts, too.
	await rm(alice);
	assert.match((await certs(1, "issue", "alice")).stderr, /alice\.key": it exists/);
	await writeFile(alice, before[1] as Buffer);
	assert.deepEqual(await Promise.all(files.map((name) => readFile(file(name)))), before);
	await certs(0, "issue", "alice", "--force");
	assert.notDeepEqual(await readFile(alice), before[1]);
	assert.match(verify(ca, alice), /OK/);
});

test("certs: show says what is in a file, and warns 30 days before the end", async (t) => {
	const { file, certs, run } = await place(t);
	await certs(0, "init");
	await certs(0, "issue", "alice", "--days", "31");
	await certs(0, "issue", "bob", "--days", "29");
	const shown = await certs(0, "show", file("alice.pem"), file("bob.pem"), file("ca.pem"));
	const [alice, bob, ca] = shown.events;
	const certificate = new X509Certificate(await readFile(file("alice.pem")));
	assert.deepEqual([alice?.["kind"], alice?.["subject"], alice?.["names"], alice?.["key"]], ["certificate", "alice", ["alice"], "ECDSA P-256"]);
	assert.deepEqual([alice?.["serial"], alice?.["fingerprint"]], [certificate.serialNumber.toLowerCase(), fingerprint(certificate.raw)]);
	assert.equal(Date.parse(String(alice?.["to"])), Date.parse(certificate.validTo));
	assert.deepEqual([alice?.["warning"], ca?.["kind"], ca?.["names"]], [undefined, "authority", []]);
	assert.match(String(bob?.["warning"]), /^expires in 29 days on \d{4}-\d\d-\d\d$/);
	const people = run("certs", "show", file("bob.pem"));
	await people.exits(0);
	assert.match(people.stdout.toString(), /certificate "bob"\n +names +bob\n +issued by +"conec private authority"\n.+warning +it expires in 29 days/s);
});

test("certs: renew keeps key and names, takes what is about to end, and leaves the rest", async (t) => {
	const { file, certs } = await place(t);
	await certs(0, "init");
	await certs(0, "issue", "alice");
	await certs(0, "issue", "bob", "10.0.0.1", "--days", "5");
	const [alice, bob] = await Promise.all([readFile(file("alice.pem")), readFile(file("bob.pem"))]);
	const renewed = await certs(0, "renew");
	assert.deepEqual(
		renewed.events.map((event) => [event.event, event["subject"], event["names"]]),
		[["renewed", "bob", ["bob", "10.0.0.1"]]],
	);
	assert.deepEqual(await readFile(file("alice.pem")), alice);
	await certs(0, "renew", "bob", "--days", "100");
	const after = await readFile(file("bob.pem"));
	assert.equal(fingerprint(after), fingerprint(bob));
	assert.ok(Date.parse(new X509Certificate(after).validTo) > Date.now() + 99 * 86_400_000);
	assert.match(verify(file("ca.pem"), file("bob.pem"), "-verify_ip", "10.0.0.1"), /OK/);
	assert.equal((await (await certs(0, "renew")).event("renewed"))["count"], 0);
	// The authority, too: what it issued before stays valid.
	const authority = await readFile(file("ca.pem"));
	await certs(0, "renew", "ca", "--days", "4000");
	assert.notDeepEqual(await readFile(file("ca.pem")), authority);
	assert.match(verify(file("ca.pem"), file("alice.pem")), /OK/);
});

test("certs: wrong command lines and files are refused with a hint, and nothing is written", async (t) => {
	const { file, folder: made, certs, run } = await place(t);
	assert.match((await certs(2, "issue", "alice")).stderr, /Cannot read ".+ca\.pem": no such file or directory \(ENOENT\)\n +Make the authority first/);
	await certs(0, "init");
	const before = (await readdir(file("."))).sort();
	await writeFile(join(made, "garbage"), randomBytes(100));
	for (const [args, stderr] of [
		[["make"], /"make" is not init, issue, show or renew/],
		[["init", "x"], /unexpected argument "x"/],
		[["issue"], /NAME is missing/],
		[["issue", "CA"], /the name of the authority's files/],
		[["issue", "../alice"], /neither a DNS name nor an IP address/],
		[["issue", "*.example.org"], /neither a DNS name nor an IP address/],
		[["issue", "alice", "b c"], /neither a DNS name nor an IP address/],
		[["issue", "alice", "--days", "0"], /--days must be a whole number from 1 to 36500/],
		[["issue", "alice", "--key-type", "RSA-1024"], /"keyType" must be one of/],
		[["renew", "alice"], /alice\.pem": no such file/],
		[["renew", "../x"], /is not the name of a certificate/],
		[["renew", "--force"], /--force is for init and issue only/],
		[["show"], /FILE is missing/],
		[["show", join(made, "garbage")], /Cannot use ".+garbage"/],
		[["show", file("ca.key")], /there is no CERTIFICATE block in it/],
	] as const) {
		const failed = await certs(2, ...args);
		assert.match(failed.stderr, stderr, args.join(" "));
		assert.match(failed.stderr, /^conec: .+\n/);
	}
	const noAction = run("certs");
	await noAction.exits(2);
	assert.match(noAction.stderr, /init, issue, show or renew is missing/);
	assert.deepEqual((await readdir(file("."))).sort(), before);
});

test("certs: init, issue, a Coordinator in CA mode and two Clients, from nothing to a file sent", async (t) => {
	const site = await place(t);
	const { folder: made, certs, run } = site;
	await certs(0, "init");
	for (const name of ["localhost", "alice", "bob"]) await certs(0, "issue", name);
	const { coordinator, client } = await coordinatorOf(site, run);
	const bob = run("receive", "--yes", "--json", "--once", "--dir", join(made, "in"), ...client("bob"));
	await bob.event("waiting");
	const content = randomBytes(300_000);
	await writeFile(join(made, "film.mkv"), content);
	const alice = run("send", "--json", join(made, "film.mkv"), "--to", "bob", ...client("alice"));
	await alice.exits(0);
	await bob.exits(0);
	assert.deepEqual(await readFile(join(made, "in", "film.mkv")), content);
	// The ids came out of the certificates.
	assert.equal((await alice.event("connected"))["id"], "alice");
	await coordinator.event("connected", (event) => event["id"] === "bob");
	const refused = async (code: string, ...args: readonly string[]): Promise<void> => {
		const running = run("ping", "--json", "--to", "bob", ...args);
		await running.exits(3);
		assert.equal((await running.event("error"))["code"], code);
	};
	await refused("CERTIFICATE_NAME_MISMATCH", "--id", "bob", ...client("alice"));
	await refused("CERTIFICATE_UNTRUSTED", "--id", "mallory", ...client("alice").slice(4));
});

test("certs: SIGHUP reloads certificate, authorities and deny list; a denied Client is gone at once, others stay", { skip: NO_SIGHUP }, async (t) => {
	const site = await place(t);
	const { folder: made, file, certs, run } = site;
	await certs(0, "init");
	await certs(0, "issue", "localhost", "--days", "5");
	for (const name of ["alice", "bob"]) await certs(0, "issue", name);
	const deny = join(made, "deny");
	await writeFile(deny, "# nobody yet\n");
	const { coordinator, client } = await coordinatorOf(site, site.process, "--deny", deny);
	const expiring = await coordinator.event("expiring");
	assert.deepEqual([expiring["subject"], expiring["file"]], ["localhost", file("localhost.pem")]);
	const [alice, bob] = ["alice", "bob"].map((id) => run("receive", "--yes", "--json", "--dir", join(made, `in-${id}`), ...client(id))) as [Running, Running];
	await Promise.all([alice.event("waiting"), bob.event("waiting")]);

	// A file that cannot be used changes nothing.
	await writeFile(deny, "alice\n");
	coordinator.signal("SIGHUP");
	const error = await coordinator.event("error");
	assert.match(String(error["message"]), /Cannot reload, nothing has changed: ".+deny", line 1, is not a fingerprint/);

	await writeFile(deny, `${fingerprint(await readFile(file("alice.pem")))} # lost her laptop\n`);
	await certs(0, "renew", "localhost", "--days", "60");
	const warnings = coordinator.events.filter(({ event }) => event === "expiring").length;
	const started = performance.now();
	coordinator.signal("SIGHUP");
	const gone = await coordinator.event("disconnected", (event) => event["id"] === "alice");
	const tookMs = performance.now() - started;
	assert.ok(tookMs < 8_000, `${tookMs} ms, not when it is idle, after 15 s`);
	assert.equal(gone["code"], "CERTIFICATE_REFUSED");
	await alice.exits(3);
	assert.equal((await alice.event("error"))["code"], "CERTIFICATE_REFUSED");
	assert.equal((await coordinator.event("reloaded"))["denied"], 1);
	assert.equal(coordinator.events.filter(({ event }) => event === "expiring").length, warnings, "the new certificate lasts");
	const again = run("ping", "--json", "--to", "bob", ...client("alice"));
	await again.exits(3);
	assert.equal((await again.event("error"))["code"], "CERTIFICATE_REFUSED");

	await writeFile(deny, "");
	coordinator.signal("SIGHUP");
	await coordinator.event("reloaded", (event) => event["denied"] === 0);
	const ping = run("ping", "--json", "--to", "bob", "--count", "2", "--interval-ms", "0", ...client("alice"));
	await ping.exits(0);
	assert.ok(!coordinator.events.some(({ event, id }) => event === "disconnected" && id === "bob"));
	coordinator.signal("SIGINT");
	await coordinator.exits(130);
});

test("certs: a Coordinator without files to reload is ended by SIGHUP", { skip: NO_SIGHUP }, async (t) => {
	const { folder: made, process: start } = await place(t);
	const coordinator = start("coordinator", "--json", "--host", "127.0.0.1", "--port", "0", "--state", join(made, "state"));
	await coordinator.event("listening");
	coordinator.signal("SIGHUP");
	await coordinator.exits(129);
});

test("certs: --end-at-expiry without authorities is refused", async (t) => {
	const { run } = await place(t);
	const wrong = run("coordinator", "--end-at-expiry");
	await wrong.exits(2);
	assert.match(wrong.stderr, /--end-at-expiry needs --client-ca/);
});

import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { type TestContext, test } from "node:test";
import { Client, Coordinator, createCertificateAuthority, issueCertificate } from "../packages/conec/src/index.ts";

/** A Coordinator whose certificate is for `name`, and what a Client needs to reach it. */
async function listen(t: TestContext, name: string, host: string): Promise<{ ca: string; port: number }> {
	const authority = await createCertificateAuthority({ name: "names" });
	const coordinator = await Coordinator.listen({ port: 0, host, ...(await issueCertificate(authority, name)) });
	t.after(() => coordinator.close());
	return { ca: authority.certificate, port: coordinator.address.port };
}

test("internationalised host name: the certificate is checked against its ASCII form, however either side writes it", async (t) => {
	for (const name of ["bücher.example", "xn--bcher-kva.example"]) {
		const { ca, port } = await listen(t, name, "127.0.0.1");
		for (const host of ["bücher.example", "Bücher.Example", "xn--bcher-kva.example"]) {
			const client = await Client.connect({ id: "alice", coordinator: `${host}:${port}`, address: "127.0.0.1", ca });
			await client.close();
		}
		const other = Client.connect({ id: "alice", coordinator: `büchen.example:${port}`, address: "127.0.0.1", ca });
		await assert.rejects(other, { code: "CERTIFICATE_NAME_MISMATCH", message: /xn--bchen-kva\.example/ });
	}
});

/** A link-local address of this machine. */
const [link] = Object.entries(networkInterfaces()).flatMap(([name, list]) =>
	(list ?? []).flatMap((one) => (one.family === "IPv6" && one.scopeid > 0 ? [{ name, address: one.address, number: one.scopeid }] : [])),
);
const needsLink = { skip: link === undefined && "no interface of this machine has a link-local address" };

test("link-local address: a Coordinator listens on it, and Clients reach it, with the zone as a name and as a number", needsLink, async (t) => {
	assert.ok(link !== undefined);
	const { name, address, number } = link;
	const { ca, port } = await listen(t, `${address}%${name}`, `${address}%${name}`);
	for (const zone of [name, String(number)]) {
		const coordinator = `[${address}%${zone}]:${port}`;
		const clients = [
			await Client.connect({ id: "alice", coordinator, ca }),
			await Client.connect({ id: "bob", coordinator, ca, localAddress: `${address}%${zone}` }),
			await Client.connect({ id: "carol", coordinator: `[${address}]:${port}`, address: coordinator, ca }),
		];
		await Promise.all(clients.map((client) => client.close()));
	}
});

test("link-local address: an interface that is not there is told as that", async () => {
	const client = Client.connect({ id: "alice", coordinator: "[fe80::1%nowhere]:1719", pin: "0".repeat(64) });
	await assert.rejects(client, {
		code: "COORDINATOR_UNREACHABLE",
		message: /this machine has no network interface "nowhere" with a link-local address; name one that it has$/,
	});
	await assert.rejects(Coordinator.listen({ port: 0, host: "fe80::1%nowhere" }), { code: "OPTION_INVALID", message: /no interface of that name/ });
});

/**
 * Conec through its public API: a Client and its Coordinator (two processes), or two Clients and one between them (three).
 *
 * @module
 */

import type { ClientLimits, ClientOptions, CoordinatorLimits, CoordinatorOptions } from "conec";
import type { Context } from "../context.ts";
import { makeAuthority } from "../identity.ts";
import type { Remote } from "../remote.ts";
import type { Latency, Received } from "../roles/figures.ts";
import { latency, megabytes, messages, type Subject } from "./subject.ts";

/** A Coordinator process and how to reach it. */
export interface Hub {
	readonly coordinator: Remote;
	readonly connection: ClientOptions;
}

/** The Coordinator between "sender" and "receiver", each a process. */
export interface Network extends Hub {
	readonly sender: Remote;
	readonly receiver: Remote;
}

const TO_COORDINATOR = { from: "sender", to: null };
const TO_RECEIVER = { from: "sender", to: "receiver" };

/** Client to Coordinator: 64 B messages read with `for await`. */
export const streamSmall: Subject = async (context, seconds) =>
	messages(await (await network(context)).sender.call<Received>("bulk", { ...TO_COORDINATOR, size: 64, seconds }));

/** Client to Coordinator: 64 B messages read with `for await` over batches. */
export const streamSmallBatches: Subject = async (context, seconds) =>
	messages(await (await network(context)).sender.call<Received>("bulk", { ...TO_COORDINATOR, mode: "batch-sink", size: 64, seconds }));

/** Client to Coordinator: 64 KiB messages read with `for await`. */
export const streamBulk: Subject = async (context, seconds) =>
	megabytes(await (await network(context)).sender.call<Received>("bulk", { ...TO_COORDINATOR, size: 65_536, seconds }));

/** The same two on a stream that survives the loss of its connection. */
export const streamSmallResumable: Subject = async (context, seconds) =>
	messages(await (await network(context)).sender.call<Received>("bulk", { ...TO_COORDINATOR, resumable: true, size: 64, seconds }));
export const streamBulkResumable: Subject = async (context, seconds) =>
	megabytes(await (await network(context)).sender.call<Received>("bulk", { ...TO_COORDINATOR, resumable: true, size: 65_536, seconds }));

/** Client to Coordinator: objects of 100 B as JSON on a typed stream, read with `for await`. */
export const typedJson: Subject = async (context, seconds) =>
	messages(await (await network(context)).sender.call<Received>("bulk-json", { ...TO_COORDINATOR, seconds }));

/** Client to Client through the Coordinator, 64 KiB messages. */
export const proxyBulk: Subject = async (context, seconds) =>
	megabytes(await (await network(context)).sender.call<Received>("bulk", { ...TO_RECEIVER, size: 65_536, seconds }));

/** Client to Client through the Coordinator, 64 B messages. */
export const proxySmall: Subject = async (context, seconds) =>
	messages(await (await network(context)).sender.call<Received>("bulk", { ...TO_RECEIVER, size: 64, seconds }));

/** Client to Client through the Coordinator and back, one 64 B message at a time. */
export const proxyRtt: Subject = async (context, seconds) =>
	latency(await (await network(context)).sender.call<Latency>("rtt", { ...TO_RECEIVER, size: 64, seconds }));

/** `Client.connect` until `welcome`, by pin, with an identity that was made before. */
export const connect: Subject = async (context, seconds) => {
	const { sender, connection } = await network(context);
	const { certificatePem: certificate, privateKeyPem: privateKey } = context.identity;
	const count = Math.max(10, Math.round(seconds * 25));
	return latency(await sender.call<Latency>("connects", { ...connection, certificate, privateKey, id: "newcomer", count, concurrency: 1 }));
};

/** `Client.connect` and `Client.close`, forty times one after the other. */
export const connectClose: Subject = async (context) => {
	const { sender, connection } = await network(context);
	const { certificatePem: certificate, privateKeyPem: privateKey } = context.identity;
	return latency(await sender.call<Latency>("visits", { ...connection, certificate, privateKey, id: "visitor", count: 40 }));
};

/** `Client.connect` alone, with an ephemeral identity, which `Client.connect` makes first. */
export const connectEphemeral: Subject = async (context, seconds) => {
	const { sender, connection } = await network(context);
	const count = Math.max(10, Math.round(seconds * 25));
	return latency(await sender.call<Latency>("connects", { ...connection, id: "stranger", count, concurrency: 1 }));
};

/** The same in CA mode: each side checks a certificate of the other, which an authority issued, and its name. */
export const connectCa: Subject = async (context, seconds) => {
	const { client, options } = await context.once("CA mode", () => startCaMode(context));
	const count = Math.max(10, Math.round(seconds * 25));
	return latency(await client.call<Latency>("connects", { ...options, count, concurrency: 1 }));
};

/** The network that the interleaved rounds share. */
export function network(context: Context): Promise<Network> {
	return context.once("network", () => startNetwork(context));
}

/** Limits of the two roles. What a role does not have, it refuses. */
export interface NetworkLimits {
	readonly client?: Partial<ClientLimits>;
	readonly coordinator?: Partial<CoordinatorLimits>;
}

/** Another network, for measurements that leave something behind, look at memory, or need other limits. */
export async function startNetwork(context: Context, { client: limits = {}, coordinator = {} }: NetworkLimits = {}): Promise<Network> {
	const hub = await startHub(context, coordinator);
	const sender = context.start("client");
	const receiver = context.start("client");
	await sender.call("connect", { ...hub.connection, limits, id: "sender" });
	await receiver.call("connect", { ...hub.connection, limits, id: "receiver" });
	return { ...hub, sender, receiver };
}

/** A Coordinator alone, reached by pin. */
export async function startHub(context: Context, limits: Partial<CoordinatorLimits> = {}): Promise<Hub> {
	const { certificatePem: certificate, privateKeyPem: privateKey } = context.identity;
	const { coordinator, where, fingerprint } = await startCoordinator(context, { certificate, privateKey, limits });
	return { coordinator, connection: { id: "", ...where, pin: fingerprint } };
}

async function startCaMode(context: Context): Promise<{ client: Remote; options: ClientOptions }> {
	const { ca, coordinator, client } = await makeAuthority();
	const { where } = await startCoordinator(context, { ...coordinator, clientCa: ca });
	return { client: context.start("client"), options: { id: "newcomer", ...where, ca, ...client } };
}

async function startCoordinator(context: Context, options: CoordinatorOptions) {
	const coordinator = context.start("coordinator");
	const { port, fingerprint } = await coordinator.call<{ port: number; fingerprint: string }>("listen", options);
	return { coordinator, fingerprint, where: { coordinator: `localhost:${port}`, address: `127.0.0.1:${port}` } };
}

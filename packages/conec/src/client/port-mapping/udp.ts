/**
 * Mapping by PCP and NAT-PMP over UDP.
 *
 * @module
 */

import { createSocket } from "node:dgram";
import type { Clock } from "../../base/clock.ts";
import { type Random, randomHex } from "../../base/random.ts";
import { LIFETIME_MS, type Mapping, type MappingMethod, NoMapping } from "./mapper.ts";
import {
	decodeNatPmpAddress,
	decodeNatPmpMap,
	decodePcpMap,
	encodeNatPmpMap,
	encodePcpMap,
	GATEWAY_PORT,
	type MapAnswer,
	type MapRequest,
	NAT_PMP_ADDRESS,
} from "./pcp.ts";

/** What the methods here need. */
export interface UdpParts {
	readonly clock: Clock;
	readonly random: Random;
	/** Routers to ask, at most a few. */
	readonly gateways: () => Promise<readonly string[]>;
	/** @default 5351 */
	readonly port?: number;
}

/** PCP, and NAT-PMP where a router knows only that. */
export function createUdpMethod(parts: UdpParts): MappingMethod {
	// One nonce for the life of the mapping: with another one, the router takes a renewal for somebody else's.
	const nonce = new Uint8Array(Buffer.from(randomHex(parts.random, 12), "hex"));
	return async (internalPort, before, signal) => {
		const gateways = await parts.gateways();
		if (gateways.length === 0) throw new NoMapping("this machine has no IPv4 router");
		const reasons: string[] = [];
		for (const gateway of gateways) {
			const request = { internalPort, externalPort: before?.port ?? internalPort, lifetimeS: LIFETIME_MS / 1_000 };
			for (const way of [byPcp, byNatPmp]) {
				try {
					return await way({ ...parts, gateway, nonce }, request, signal);
				} catch (error) {
					reasons.push((error as Error).message);
				}
				if (signal.aborted) break;
			}
		}
		throw new NoMapping(reasons.join("; "));
	};
}

interface Asking extends Omit<UdpParts, "gateways"> {
	readonly gateway: string;
	readonly nonce: Uint8Array;
}

async function byPcp(asking: Asking, request: MapRequest, signal: AbortSignal): Promise<Mapping> {
	const { gateway, nonce } = asking;
	const ask = (what: MapRequest, end: AbortSignal): Promise<MapAnswer> =>
		exchange(
			asking,
			(own) => encodePcpMap(what, nonce, own),
			(bytes) => decodePcpMap(bytes, what.internalPort, nonce),
			`PCP at ${gateway}`,
			end,
		);
	const answer = await ask(request, signal);
	if (answer.type !== "mapped") throw new NoMapping(`PCP at ${gateway}: ${answer.type === "version" ? "not spoken there" : answer.reason}`);
	const external = { address: answer.externalAddress ?? "", port: answer.externalPort };
	return {
		protocol: "pcp",
		external,
		lifetimeMs: answer.lifetimeS * 1_000,
		remove: async (end) => void (await ask({ ...request, externalPort: 0, lifetimeS: 0 }, end)),
	};
}

async function byNatPmp(asking: Asking, request: MapRequest, signal: AbortSignal): Promise<Mapping> {
	const what = `NAT-PMP at ${asking.gateway}`;
	const seen = await exchange(asking, () => NAT_PMP_ADDRESS, decodeNatPmpAddress, what, signal);
	if ("refused" in seen) throw new NoMapping(`${what}: ${seen.refused}`);
	const ask = (asked: MapRequest, end: AbortSignal): Promise<MapAnswer> =>
		exchange(
			asking,
			() => encodeNatPmpMap(asked),
			(bytes) => decodeNatPmpMap(bytes, asked.internalPort),
			what,
			end,
		);
	const answer = await ask(request, signal);
	if (answer.type !== "mapped") throw new NoMapping(`${what}: ${answer.type === "version" ? "not spoken there" : answer.reason}`);
	return {
		protocol: "nat-pmp",
		external: { address: seen.address, port: answer.externalPort },
		lifetimeMs: answer.lifetimeS * 1_000,
		remove: async (end) => void (await ask({ ...request, externalPort: 0, lifetimeS: 0 }, end)),
	};
}

/** Sends a request, again after 250 ms, 500 ms and 1 s, until `read` finds the answer. Only what comes from the router itself is read. */
async function exchange<T>(
	{ clock, gateway, port = GATEWAY_PORT }: Asking,
	request: (ownAddress: string) => Uint8Array,
	read: (bytes: Uint8Array) => T | undefined,
	what: string,
	signal: AbortSignal,
): Promise<T> {
	const socket = createSocket("udp4");
	const timers: unknown[] = [];
	let giveUp = (_: Error): void => {};
	const abort = (): void => giveUp(signal.reason as Error);
	try {
		return await new Promise<T>((resolve, reject) => {
			giveUp = reject;
			if (signal.aborted) return abort();
			signal.addEventListener("abort", abort, { once: true });
			socket.on("error", (error) => reject(new NoMapping(`${what}: ${error.message}`)));
			socket.on("message", (bytes) => {
				const answer = read(bytes);
				if (answer !== undefined) resolve(answer);
			});
			socket.unref();
			socket.connect(port, gateway, (error?: Error) => {
				// Without a way to it, the system says so at once.
				if (error) return reject(new NoMapping(`${what}: ${error.message}`));
				const bytes = request(socket.address().address);
				// An ICMP error says that nobody listens; it comes as an error of the socket.
				for (const afterMs of SEND_AFTER_MS) timers.push(clock.setTimeout(() => socket.send(bytes), afterMs));
				timers.push(clock.setTimeout(() => reject(new NoMapping(`${what}: no answer`)), GIVE_UP_MS));
			});
		});
	} finally {
		for (const timer of timers) clock.clearTimeout(timer);
		signal.removeEventListener("abort", abort);
		socket.removeAllListeners("error").on("error", () => undefined);
		socket.close();
	}
}

const SEND_AFTER_MS = [0, 250, 750];
const GIVE_UP_MS = 1_750;

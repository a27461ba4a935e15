/**
 * What a Client knows of its own place in the network: its addresses, and the NAT in front of its socket.
 *
 * @module
 */

import { randomHex } from "../../base/random.ts";
import { createNatTestKeys, type NatTestKeys } from "../../session/nat-test-keys.ts";
import type { Runtime } from "../../session/runtime.ts";
import type { SocketAddress, Transport } from "../../transport/transport.ts";
import { HOSTS_LISTED, type NatReport } from "../../wire/channel-messages.ts";
import type { Datagram } from "../../wire/datagrams.ts";
import type { CoordinatorLink } from "../uplink/index.ts";
import { hostAddresses, ownAddresses } from "./host-addresses.ts";
import { checkNat, NAT_UNKNOWN, type NatCheck } from "./nat-check.ts";
import { type OwnPlace, ownPlace } from "./own-place.ts";

/** What a Client knows of the NAT in front of it. */
export interface OwnNat extends NatReport {
	/**
	 * What was learned from the Coordinator's second UDP port, which tests the NAT.
	 *
	 * - "none": there is no such port, or the Coordinator is on this machine.
	 * - "answers": it answered.
	 * - "silent": it did not answer. Either this network lets UDP out to some ports only; then direct channels cannot be made. Or the
	 *   Coordinator's firewall keeps the port closed.
	 * - "unknown": the test was given up.
	 */
	readonly secondPort: "none" | "answers" | "silent" | "unknown";
}

/** A port that a router has mapped, or may map soon. */
export interface MappedPort {
	/** Where it can be reached, as the router says. */
	readonly external: SocketAddress | undefined;
	/** Resolves when the router has answered for the first time, or a second later. Never rejects. */
	readonly settled: Promise<void>;
}

/** What of the outside it looks at. */
export type OwnNetworkRuntime = Pick<Runtime, "clock" | "random" | "interfaces" | "routeSources">;

/** See the module. */
export class OwnNetwork {
	readonly #transport: Transport;
	readonly #runtime: OwnNetworkRuntime;
	#check: NatCheck | undefined;
	#keys: NatTestKeys | undefined;
	#nonce = "";
	/** From where this machine sends, while that is being found out. */
	#sources: Promise<readonly string[]> | undefined;
	/** Its addresses, and when they were looked at. */
	#known: string | undefined;
	#lookedAtMs = Number.NEGATIVE_INFINITY;
	#silent = false;
	#interfaces: ReturnType<Runtime["interfaces"]> = {};
	#interfacesUntil = Number.NEGATIVE_INFINITY;
	/** The port of this Client that its router has mapped, if that was asked for. */
	mapping: MappedPort | undefined;
	/** Mappings that this Client has made at a sequential NAT since the check. */
	#made = 0;

	constructor(transport: Transport, runtime: OwnNetworkRuntime) {
		this.#transport = transport;
		this.#runtime = runtime;
	}

	/** Looks at the NAT, again if it has done so before. Where the Coordinator has no second port, or is on this machine, there is nothing to see. */
	look(link: CoordinatorLink): void {
		this.stop();
		this.#check = undefined;
		this.#silent = false;
		this.#made = 0;
		const { natTest } = link.welcome;
		const { address } = link.observedAddress;
		if (natTest === undefined || address === "::1" || address.startsWith("127.")) return;
		const keys = createNatTestKeys(natTest.key);
		this.#keys = keys;
		this.#check = checkNat({
			observed: link.observedAddress,
			hosts: ownAddresses(this.#transport.address, this.#runtime.interfaces()),
			rttMs: link.rttMs,
			clock: this.#runtime.clock,
			sendEcho: () => {
				this.#nonce = randomHex(this.#runtime.random, 8);
				this.#transport.sendDatagram(keys.request(this.#nonce), { address: link.connection.remoteAddress.address, port: natTest.port });
			},
			askForTest: () => link.send({ type: "nat-test" }),
		});
		const check = this.#check;
		void check.answered.then((answers) => {
			if (this.#check === check) this.#silent = answers === false;
		});
	}

	/** Addresses of this Client's socket on its own networks, read anew, as networks come and go, after the one that the router has mapped. `coordinator`: where that is reached. */
	async hosts(coordinator: SocketAddress | undefined): Promise<SocketAddress[]> {
		// Nothing is asked for twice at the same time: calls for many peers come together.
		this.#sources ??= this.#runtime.routeSources(coordinator?.address).finally(() => {
			this.#sources = undefined;
		});
		const hosts = hostAddresses(this.#transport.address, await this.#sources, this.#runtime.interfaces());
		const external = this.mapping?.external;
		return external === undefined ? hosts : [external, ...hosts].slice(0, HOSTS_LISTED);
	}

	/** Whether this machine has other addresses than when this was last asked. Looks once a second at most. */
	changed(): boolean {
		const now = this.#runtime.clock.now();
		if (now < this.#lookedAtMs + LOOK_GAP_MS) return false;
		this.#lookedAtMs = now;
		const before = this.#known;
		this.#known = ownAddresses(this.#transport.address, this.#runtime.interfaces())
			.map(({ address }) => address)
			.sort()
			.join();
		return before !== undefined && before !== this.#known;
	}

	/** Where this Client is, among the addresses of its machine as they are now. `link`: while it lives. */
	place(link: CoordinatorLink | undefined): OwnPlace {
		const now = this.#runtime.clock.now();
		// However often somebody says that a peer has moved.
		if (now >= this.#interfacesUntil) [this.#interfaces, this.#interfacesUntil] = [this.#runtime.interfaces(), now + FRESH_MS];
		const { address: socket } = this.#transport;
		return ownPlace({ socket, observed: link?.observedAddress, coordinator: link?.connection.remoteAddress }, this.#interfaces);
	}

	/** What is known of the NAT by now. */
	get nat(): NatReport {
		const report = this.#check?.report ?? NAT_UNKNOWN;
		const { portStep, lastPort } = report;
		if (portStep === undefined || lastPort === undefined) return report;
		const next = lastPort + portStep * this.#made;
		return { ...report, lastPort: next <= 0xff_ff ? next : lastPort };
	}

	/** Resolves when all is known, within a second. Never rejects. */
	async settled(): Promise<void> {
		await this.mapping?.settled;
		// Given up for a newer one, where this Client has moved meanwhile; not waited for endlessly where it moves all the time.
		for (let checks = 0; checks < MOST_CHECKS; checks++) {
			const check = this.#check;
			await check?.done;
			if (check === this.#check) return;
		}
	}

	/** All of it, with what has become of the second port: within some round trips more. Never rejects. */
	async known(): Promise<OwnNat> {
		await this.settled();
		if (this.#check === undefined) return { ...this.nat, secondPort: "none" };
		const answers = await this.#check.answered;
		return { ...this.nat, secondPort: this.#check.heard ? "answers" : answers === undefined ? "unknown" : "silent" };
	}

	/** Whether the second port has been asked, to the end and in vain. */
	get secondPortIsSilent(): boolean {
		return this.#silent && this.#check?.heard === false;
	}

	/** An attempt has sent to so many new destinations. */
	mapped(destinations: number): void {
		this.#made += destinations;
	}

	/** A datagram of the Coordinator's second port, or one that says so. */
	datagram(datagram: Datagram): void {
		const content = this.#keys?.open(datagram);
		if (content?.type === "nat-test") this.#check?.tested();
		if (content?.type === "nat-echo" && content.nonce === this.#nonce) this.#check?.echoed(content.observed);
	}

	/** Gives a check up that still runs. */
	stop(): void {
		this.#check?.stop();
	}
}

const LOOK_GAP_MS = 1_000;

/** That are waited for, one after another. */
const MOST_CHECKS = 3;
/** How long the addresses of the machine are taken to be the same. */
const FRESH_MS = 1_000;

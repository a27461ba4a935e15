/**
 * What `conec coordinator` says when it has started: how Clients reach it, and the two commands that begin a talk. Pure.
 *
 * @module
 */

import { formatLink } from "../../../index.ts";
import { coordinatorArgument } from "../../machine/index.ts";
import { printable, quoted, shellWord } from "../../text/index.ts";

/** What is known of a Coordinator that has started. */
export interface Started {
	/** The address that it listens on. */
	readonly address: string;
	readonly port: number;
	readonly natTestPort: number | undefined;
	readonly pin: string;
	/** Names and addresses by which others reach it. */
	readonly hosts: readonly string[];
	/** Where its key is kept; `undefined`: it was given a certificate. */
	readonly keyDirectory: string | undefined;
	/** The absolute state directory, where it is not the default one. */
	readonly state: string | undefined;
	/** Whether Clients with the same state directory find it by themselves. */
	readonly remembered: boolean;
	/** The file with the authorities of Clients' certificates. */
	readonly clientCa: string | undefined;
	/** The id that a Client here is to have. */
	readonly id: string;
	readonly platform: string;
}

/** See {@link announcement}. */
export interface Announcement {
	readonly link: string;
	/** The command that waits, on this machine. */
	readonly here: string;
	/** The command that calls it, on another one. */
	readonly there: string;
	readonly lines: readonly string[];
}

/** Everything that is said. `bold` emphasizes. */
export function announcement(started: Started, bold: (text: string) => string): Announcement {
	const { address, port, natTestPort, pin, hosts, keyDirectory, clientCa } = started;
	const link = formatLink({ coordinators: hosts.map((host) => coordinatorArgument(host, port)), pins: [pin] });
	const certificateOf = (id: string): string => (clientCa === undefined ? "" : ` --cert ${id}.pem --key ${id}.key`);
	const state = started.state === undefined ? "" : ` --state ${shellWord(started.state, started.platform)}`;
	const finding = started.remembered ? "" : ` --link ${link}`;
	const here = clientCa === undefined ? `conec chat --id ${started.id}${state}${finding}` : `conec chat${certificateOf("bob")}${state}${finding}`;
	const there = `conec chat --to ${clientCa === undefined ? started.id : "bob"} --link ${link}${certificateOf("alice")}`;
	const loopback = hosts.every((host) => host === "localhost" || host === "::1" || host.startsWith("127."));
	const lines = [
		`Coordinator is listening on ${bold(`${address.includes(":") ? `[${address}]` : address}:${port}`)} (UDP)`,
		...(natTestPort === undefined ? [] : [`  NAT    Clients see theirs through port ${natTestPort} (UDP); firewalls must let it through too`]),
		`  pin    ${pin}`,
		...(keyDirectory === undefined ? [] : [`  key    kept in ${printable(keyDirectory)}`]),
		...(clientCa === undefined ? [] : [`  Clients need a certificate of ${quoted(clientCa)}, such as those of bob and alice below`]),
		`  link   ${bold(link)}`,
		"",
		"A talk, to begin with. In another terminal here, as this user:",
		`  ${bold(here)}`,
		loopback ? "and in one more terminal of this machine (nobody else can reach this address):" : "and on another machine:",
		`  ${bold(there)}`,
		"Instead of chat: send and receive, pipe, ping, broadcast, netcheck.",
		"The link is for all of them. Ctrl-C ends.",
		"",
	];
	return { link, here, there, lines };
}

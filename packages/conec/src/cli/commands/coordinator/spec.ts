/**
 * What `conec coordinator` takes. Apart from the command itself, so that its help loads nothing of it.
 *
 * @module
 */

import { CONGESTION_CHOICES, type CommandSpec, shared } from "../../command-line/index.ts";

/** See `conec coordinator --help`. */
export const coordinatorSpec: CommandSpec = {
	name: "coordinator",
	usage: "",
	summary: "Run a Coordinator until Ctrl-C; without options it makes and keeps its own key, and prints the command that Clients run",
	operands: { least: 0, most: 0, what: "" },
	options: {
		host: { value: "ADDRESS", text: "address to listen on; default: all" },
		port: { value: "N", text: "UDP port; default 1719, 0 picks one" },
		"nat-test-port": { value: "N", text: "second UDP port, with which Clients find out what NAT they are behind; default: the next port" },
		name: { value: "HOST", text: "name for its own certificate, and in the printed command" },
		cert: { value: "FILE", text: "certificate chain (PEM), with --key; then Clients check the name" },
		key: { value: "FILE", text: "private key (PEM)" },
		"client-ca": { value: "FILE", text: "let in only Clients with a certificate of these authorities (PEM, one or more); their id is the name in it" },
		deny: { value: "FILE", text: "never let in these fingerprints, one a line; SIGHUP reads all files again" },
		"end-at-expiry": { text: "with --client-ca: end a Client's connection when its certificate expires" },
		history: {
			value: "PATTERN=N",
			text: "keep N messages of these broadcasts for members that join later: a name, or the beginning of names and *; may be repeated",
			repeats: true,
		},
		block: { value: "PATTERN", text: "let members of these broadcasts make the senders wait (--slow-reader block); may be repeated", repeats: true },
		limit: {
			value: "NAME=N",
			text: "another value for a limit of docs/limits.md, such as clients=500, messageBytes=4M or leaseMs=12h; may be repeated",
			repeats: true,
			key: "limits",
		},
		drain: {
			value: "SECONDS",
			text: "when it is told to end (SIGTERM, Ctrl-C): over how long it ends the connections, telling each Client to come back; 0: all at once; default: 0.01 for each Client, at most 3",
		},
		...shared({
			congestion: {
				value: "HOW",
				text: "cubic, or bbr for sending over lines that lose packets or queue them for long (experimental); default: cubic",
				choices: CONGESTION_CHOICES,
			},
			state: { value: "DIR", text: "where its own key is kept" },
		}),
		config: { value: "FILE", text: "take all options that are given nowhere else from this file: JSON with comments" },
		check: { text: "say what all options come to, where they are from, and what is wrong with them; then end" },
	},
	examples: [
		"conec coordinator",
		"conec coordinator --name conec.example.org --cert fullchain.pem --key privkey.pem",
		"conec coordinator --cert conec.pem --key conec.key --client-ca ca.pem",
		"conec coordinator --history 'chat.*=50' --history news=1000",
		"conec coordinator --config /etc/conec.json --check",
	],
};

/**
 * What `conec certs` takes. Apart from the command itself, so that its help loads nothing of it.
 *
 * @module
 */

import type { CommandSpec } from "../../command-line/index.ts";

/** See `conec certs --help`. */
export const certsSpec: CommandSpec = {
	name: "certs",
	usage: "init | issue NAME... | show FILE... | renew [NAME...]",
	summary:
		"Make a private authority (init), certificates for ids, host names and IP addresses (issue), look at them (show), and make new ones for the same keys (renew: those named, or all that expire within 30 days)",
	operands: { least: 1, most: Number.POSITIVE_INFINITY, what: "init, issue, show or renew", choices: ["init", "issue", "show", "renew"] },
	options: {
		dir: { value: "DIR", text: "where the files are; default: conec-certs" },
		days: { value: "N", text: "days until the end; default: 3650 for init, 365 for issue, as before for renew" },
		name: { value: "TEXT", text: "init: name of the authority, for people" },
		"key-type": { value: "TYPE", text: "init, issue: P-256 (default), P-384, RSA-2048 or RSA-3072", choices: ["P-256", "P-384", "RSA-2048", "RSA-3072"] },
		force: { text: "init, issue: replace existing files" },
	},
	examples: [
		"conec certs init",
		"conec certs issue coordinator.example.org 192.0.2.7",
		"conec certs issue alice",
		"conec certs show conec-certs/alice.pem",
		"conec certs renew",
	],
};

/**
 * The options about the Coordinator and this Client's identity.
 *
 * @module
 */

import { type OptionSpecs, shared } from "./spec.ts";

/** Kinds of congestion control, as `--congestion` takes them. */
export const CONGESTION_CHOICES = ["cubic", "bbr"] as const;

/** Options of every command that connects. */
export const CONNECTION_OPTIONS: OptionSpecs = shared({
	id: { value: "ID", text: "this Client's id; default: the machine's name" },
	link: {
		value: "LINK",
		text: "the Coordinator and its key in one word: conec://HOST[:PORT]#pin=...; - takes the first line of standard input",
	},
	"link-file": { value: "FILE", text: "a file with a link in it" },
	coordinator: { value: "HOST[:PORT]", text: "where the Coordinator is; default: the one that last ran with this state directory" },
	pin: { value: "sha256:HEX", text: "trust the Coordinator by its key" },
	ca: { value: "FILE", text: "trust the Coordinator by this certificate authority (PEM)" },
	cert: { value: "FILE", text: "this Client's certificate chain (PEM), with --key; then --id is the name in it" },
	key: { value: "FILE", text: "its private key (PEM)" },
	timeout: { value: "SECONDS", text: "how long to wait for the Coordinator, and for a peer to answer a call; default: 10" },
	state: { value: "DIR", text: "where keys are kept" },
	"client-ca": { value: "FILE", text: "allow direct channels only with peers that have a certificate of this authority (PEM)" },
	"no-listen": { text: "refuse direct channels that peers open to this Client" },
	"no-hole-punching": { text: "send no probes to open the NATs between this Client and a peer" },
	birthday: { text: "guess ports where symmetric NATs need it, if the peer does so too; a load for small routers" },
	"local-port": { value: "N", text: "the UDP port of this Client, for a firewall or a router that you have opened; default: any" },
	"port-mapping": { text: "ask the router to let peers in (PCP, NAT-PMP or UPnP)" },
	congestion: {
		value: "HOW",
		text: "cubic, or bbr for sending over lines that lose packets or queue them for long (experimental); default: cubic",
		choices: CONGESTION_CHOICES,
	},
});

/** The option of commands that live through losses. */
export const RETURN_OPTION: OptionSpecs = shared({
	"give-up-after": {
		value: "SECONDS",
		text: "how long to try to come back when the Coordinator, or the way to a peer, is lost; with 0 the command ends at once; default: for ever, and 10 minutes for a peer",
	},
});

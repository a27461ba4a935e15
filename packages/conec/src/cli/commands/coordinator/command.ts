/**
 * `conec coordinator`: runs a Coordinator and tells how to reach it.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileProblemWords } from "../../../files/file-error-words.ts";
import { writeAtomically } from "../../../files/write-atomically.ts";
import { type CloseInfo, Coordinator, type CoordinatorStatus } from "../../../index.ts";
import { lostText } from "../../broadcasting/index.ts";
import type { Command, CommandContext } from "../../command-line/index.ts";
import {
	addressField,
	COORDINATOR_NAMES,
	certificateFacts,
	expiryWarning,
	explainError,
	givenIdentity,
	LOCAL_COORDINATOR_FILE,
	namedAsTyped,
	readCertificatesNamed,
	readNamed,
} from "../../connecting/index.ts";
import { coordinatorArgument, idFromHostName, reachableAddresses, stateDirectory } from "../../machine/index.ts";
import { EXIT_CODES, usageError } from "../../outcome/index.ts";
import type { Output } from "../../terminal/index.ts";
import { noticePace, orInterrupted } from "../../terminal/index.ts";
import { printable, quoted } from "../../text/index.ts";
import { CHANNEL_SIGNS, channelLine, rounded } from "../../words/index.ts";
import { announcement, type Started } from "./announcement.ts";
import { check } from "./check.ts";
import { tellDefence } from "./defence-line.ts";
import { drain, drainMs } from "./draining.ts";
import { LagNotices } from "./lag-notices.ts";
import { Refusals } from "./refusals.ts";
import { settingsOf } from "./settings.ts";
import { coordinatorSpec } from "./spec.ts";

/** See `conec coordinator --help`. */
export const coordinatorCommand: Command = {
	spec: coordinatorSpec,
	linesTo: "stdout",
	outputRole: (args) => (args.flag("check") ? "purpose" : "report"),
	isService: () => true,
	isLog: true,
	async run(context) {
		const { args, signal, surroundings } = context;
		const directory = stateDirectory(context);
		const files = await readFiles(context);
		const options = { ...files, ...settingsOf(args, directory, files.clientCa !== undefined, surroundings) };
		const spreadMs = drainMs(args);
		if (args.flag("check")) return check(options, context);
		const { listen = (given) => Coordinator.listen(given) } = surroundings;
		const coordinator = await namedAsTyped(args, COORDINATOR_NAMES, () => listen(options));
		try {
			const watching = watch(coordinator, context);
			await announce(coordinator, context, directory, files);
			warnOfExpiry(files, context);
			if (Object.keys(files).length > 0) context.onHangup(() => void reload(coordinator, context));
			await orInterrupted(coordinator.closed, signal);
			await watching;
			return EXIT_CODES.failed;
		} finally {
			await (signal.aborted ? drain(coordinator, spreadMs, context.output) : coordinator.close());
		}
	},
};

/** Contents of the files that the options name. */
interface Files {
	readonly certificate?: Uint8Array;
	readonly privateKey?: Uint8Array;
	readonly clientCa?: Uint8Array;
	readonly deny?: string[];
}

async function readFiles(context: CommandContext): Promise<Files> {
	const [clientCa, deny] = [context.args.text("client-ca"), context.args.text("deny")];
	return {
		...(await givenIdentity(context)),
		...(clientCa === undefined ? {} : { clientCa: await readCertificatesNamed(clientCa, context.args.named("client-ca")) }),
		...(deny === undefined ? {} : { deny: parseDenyList(await readNamed(deny, context.args.named("deny")), deny) }),
	};
}

/** One fingerprint a line; `#` begins a remark. */
function parseDenyList(content: Uint8Array, path: string): string[] {
	const lines = Buffer.from(content)
		.toString()
		.split(/\r\n|\n|\r/);
	return lines.flatMap((line, index) => {
		const text = line.replace(/#.*/, "").trim();
		if (text === "") return [];
		if (!/^(sha256:)?([0-9a-f]{2}:?){32}$/i.test(text))
			throw usageError(
				`${quoted(path)}, line ${index + 1}, is not a fingerprint`,
				"A fingerprint is sha256: and 64 hexadecimal digits; `conec certs show FILE` shows it.",
			);
		return [text];
	});
}

/** Reads all files again. If something is wrong in them, that is told and nothing changes. */
async function reload(coordinator: Coordinator, context: CommandContext): Promise<void> {
	const { output } = context;
	try {
		const files = await readFiles(context);
		coordinator.reload(files);
		const denied = files.deny?.length;
		const parts = [
			...(files.certificate === undefined ? [] : ["certificate"]),
			...(files.clientCa === undefined ? [] : ["authorities"]),
			...(denied === undefined ? [] : [`${denied} denied`]),
		];
		output.event("reloaded", { pin: coordinator.fingerprint, denied }, `reloaded: ${parts.join(", ")}; pin ${coordinator.fingerprint}`);
		warnOfExpiry(files, context);
	} catch (error) {
		if (context.signal.aborted) return;
		const { message, hint, code } = explainError(error);
		output.error(`Cannot reload, nothing has changed: ${message}`, hint, code);
	}
}

/** Tells of certificates that expire within 30 days, or have. */
function warnOfExpiry({ certificate, clientCa }: Files, { args, output, surroundings }: CommandContext): void {
	const all = [
		[certificate, args.text("cert") ?? ""],
		[clientCa, args.text("client-ca") ?? ""],
	] as const;
	for (const [content, file] of all) {
		if (content === undefined) continue;
		for (const facts of certificateFacts(content, file)) {
			const warning = expiryWarning(facts, surroundings.clock.date().getTime());
			if (warning === undefined) continue;
			output.event("expiring", { file, subject: facts.subject, to: facts.to.toISOString() }, undefined, "warn");
			output.warn(`${quoted(facts.subject)} in ${quoted(file)} ${warning}`);
		}
	}
}

async function announce(coordinator: Coordinator, { args, output, surroundings }: CommandContext, directory: string, files: Files): Promise<void> {
	const { address, port } = coordinator.address;
	const { natTestPort, fingerprint: pin } = coordinator;
	const { machine, platform } = surroundings;
	const hosts = reachableAddresses(address, args.text("name"), machine.interfaces());
	const remembered = await rememberLocally(directory, coordinatorArgument(isEverywhere(address) ? "localhost" : address, port), pin, output);
	const started: Started = {
		...{ address, port, natTestPort, pin, hosts, remembered, platform },
		keyDirectory: files.certificate === undefined ? directory : undefined,
		state: args.text("state") === undefined ? undefined : resolve(directory),
		clientCa: args.text("client-ca"),
		id: idFromHostName(machine.hostName()),
	};
	const { link, here, there, lines } = announcement(started, (text) => output.style("bold", text));
	output.event("listening", { address, port, natTestPort, pin, addresses: hosts, link, commands: [here, there] }, undefined, "always");
	if (!output.json) for (const line of lines) output.line(line);
}

function isEverywhere(address: string): boolean {
	return address === "::" || address === "0.0.0.0";
}

/** Lets Clients with the same state directory find it without options. Whether that was possible: it is told if not, and no reason to end. */
async function rememberLocally(directory: string, coordinator: string, pin: string, output: Output): Promise<boolean> {
	const path = join(directory, LOCAL_COORDINATOR_FILE);
	const content = `${JSON.stringify({ coordinator, pin })}\n`;
	try {
		if ((await readFile(path, "utf8").catch(() => "")) !== content) await writeAtomically(path, content, "replace");
		return true;
	} catch (error) {
		output.warn(`cannot write ${quoted(path)}: ${fileProblemWords(error)}; Clients here need the link`);
		return false;
	}
}

async function watch(coordinator: Coordinator, { output, surroundings: { clock } }: CommandContext): Promise<void> {
	const refusals = new Refusals();
	const pace = noticePace(clock, output);
	/** Where Clients that are connected came from, by their ids. */
	const sources = new Map<string, string>();
	const slow = new LagNotices(clock, (status, left) => {
		const { type, name, id } = status;
		if (!pace.shows(sources.get(id) ?? id)) return;
		const lost = type === "broadcast-caught-up" ? status.lost : undefined;
		const what = lost === undefined ? "is too slow: nobody waits for it" : `has caught up${lost === 0 ? "" : `; ${lostText(lost)} in all`}`;
		const more = left === 0 ? "" : ` (${left} more in between)`;
		output.event(
			type,
			{ name, id, lost, left },
			`${output.style("yellow", "~")} ${id} in broadcast ${quoted(name)} ${what}${more}`,
			type === "broadcast-lagging" ? "warn" : "info",
		);
	});
	for await (const status of coordinator.status()) tell(status);

	function tell(status: CoordinatorStatus): void {
		const clients = coordinator.clientCount;
		switch (status.type) {
			case "connected": {
				const { id, fingerprint, address } = status.client;
				const where = coordinatorArgument(address.address, address.port);
				// Some ends are not told where very much happens.
				if (sources.size > clients + MOST_GONE) sources.clear();
				sources.set(id, address.address);
				if (!pace.shows(address.address)) return;
				return output.event(
					"connected",
					{ id, fingerprint, address: where, clients },
					`${output.style("green", "+")} ${id} from ${where} (${clients} connected)`,
				);
			}
			case "disconnected": {
				const source = sources.get(status.id) ?? status.id;
				// One that was superseded has left its place to another.
				if (status.info.code !== "SUPERSEDED") sources.delete(status.id);
				if (!pace.shows(source)) return;
				return output.event(
					"disconnected",
					{ id: status.id, fingerprint: status.fingerprint, clients, code: status.info.code, by: status.info.by },
					`${output.style("yellow", "-")} ${status.id}${reasonOf(status.info)} (${clients} connected)`,
				);
			}
			case "refused": {
				const { address } = status.address;
				const { shown, left } = refusals.note(status.code, address, clock.nowMs());
				if (!shown || !pace.shows(address)) return;
				return output.event(
					"refused",
					{ id: status.id, address, code: status.code, left },
					`${output.style("red", "x")} refused ${quoted(status.id)} from ${address}: ${printable(status.reason, 200)}${left === 0 ? "" : ` (and ${left} more like it)`}`,
					"warn",
				);
			}
			case "channel": {
				const { peers, outcome, address, rttMs, reason } = status;
				const { shown, left } = refusals.note(outcome, peers.join(" "), clock.nowMs());
				if (!shown || !pace.shows(sources.get(peers[0]) ?? peers[0])) return;
				return output.event(
					"channel",
					{ peers: [...peers], outcome, address: addressField(address), rttMs: rttMs === undefined ? undefined : rounded(rttMs), reason, left },
					`${output.style(outcome === "up" ? "green" : "yellow", CHANNEL_SIGNS[outcome])} ${channelLine(status)}${left === 0 ? "" : ` (and ${left} more like it)`}`,
					"debug",
				);
			}
			case "nat-test-unavailable":
				return output.event(
					"nat-test-unavailable",
					{ code: status.error.code },
					`${output.style("red", "!")} Clients cannot see what NAT they are behind: ${printable(status.error.message, 300)} (--nat-test-port)`,
					"warn",
				);
			case "state-lock-weak":
				return output.event("state-lock-weak", { code: status.error.code }, `${output.style("yellow", "!")} ${printable(status.error.message, 500)}`, "warn");
			case "state-unsaved":
				return output.event("state-unsaved", { code: status.error.code }, `${output.style("red", "!")} ${printable(status.error.message, 300)}`, "error");
			case "broadcast-lagging":
			case "broadcast-caught-up":
				return slow.note(status);
			case "defence":
				return tellDefence(status, output);
			case "handler-failed":
				// This Coordinator handles no protocols, so there is nothing to tell.
				return;
			case "lagged":
				return output.event("lagged", {}, `some notices were left out`, "warn");
		}
	}
}

/** Clients that have gone without a notice, whose addresses are remembered at most. */
const MOST_GONE = 1_000;

function reasonOf(info: CloseInfo): string {
	if (info.code === undefined || info.code === "CLIENT_CLOSED") return " left";
	return ` ended: ${info.code}`;
}

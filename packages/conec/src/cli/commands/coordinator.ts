/**
 * `conec coordinator`: runs a Coordinator and tells how to reach it.
 *
 * @module
 */

import { mkdir, readFile, rename, unlink, writeFile } from "node:fs/promises";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { type CloseInfo, Coordinator, type CoordinatorStatus } from "../../index.ts";
import { usageError } from "../cli-error.ts";
import type { Command, CommandContext } from "../command.ts";
import { LOCAL_COORDINATOR_FILE, readNamed, stateDirectory } from "../connection.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { orInterrupted } from "../interruption.ts";
import { coordinatorArgument, reachableAddresses } from "../reachable.ts";
import { printable, quoted } from "../terminal-text.ts";

/** The port that Clients take when none is given. */
const DEFAULT_PORT = 1_719;

/** See `conec coordinator --help`. */
export const coordinatorCommand: Command = {
	spec: {
		name: "coordinator",
		usage: "",
		summary: "Run a Coordinator until Ctrl-C; without options it makes and keeps its own key, and prints the command that Clients run",
		operands: { least: 0, most: 0, what: "" },
		options: {
			host: { value: "ADDRESS", text: "address to listen on; default: all" },
			port: { value: "N", text: "UDP port; default 1719, 0 picks one" },
			name: { value: "HOST", text: "name for its own certificate, and in the printed command" },
			cert: { value: "FILE", text: "certificate chain (PEM), with --key; then Clients check the name" },
			key: { value: "FILE", text: "private key (PEM)" },
			state: { value: "DIR", text: "where its own key is kept" },
		},
		examples: ["conec coordinator", "conec coordinator --name conec.example.org --cert fullchain.pem --key privkey.pem"],
	},
	linesTo: "stdout",
	async run(context) {
		const { args, signal } = context;
		const directory = stateDirectory(context);
		const given = await givenIdentity(context);
		const name = args.text("name");
		const listening = Coordinator.listen({
			...given,
			names: name === undefined ? ["localhost", ...certificateNames(hostname())] : [name],
			stateDirectory: directory,
			port: args.count("port", 0, 65_535) ?? DEFAULT_PORT,
			...(args.text("host") === undefined ? {} : { host: args.text("host") as string }),
		});
		const coordinator = await listening;
		try {
			const watching = watch(coordinator, context);
			await announce(coordinator, context, directory, given === undefined);
			await orInterrupted(coordinator.closed, signal);
			await watching;
			return EXIT_CODES.failed;
		} finally {
			if (signal.aborted) context.output.note("closing; Ctrl-C again ends at once");
			await coordinator.close();
		}
	},
};

async function givenIdentity({ args }: CommandContext): Promise<{ certificate: Uint8Array; privateKey: Uint8Array } | undefined> {
	const cert = args.text("cert");
	const key = args.text("key");
	if (cert === undefined && key === undefined) return undefined;
	if (cert === undefined || key === undefined) throw usageError("--cert and --key go together");
	return { certificate: await readNamed(cert, "--cert"), privateKey: await readNamed(key, "--key") };
}

/** The machine's name, if a certificate can carry it. */
function certificateNames(host: string): string[] {
	const name = host.toLowerCase();
	return /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/.test(name) && !/^[\d.]+$/.test(name) && name !== "localhost"
		? [name]
		: [];
}

async function announce(coordinator: Coordinator, { args, output }: CommandContext, directory: string, ownKey: boolean): Promise<void> {
	const { address, port } = coordinator.address;
	const pin = coordinator.fingerprint;
	const hosts = reachableAddresses(address, args.text("name"), networkInterfaces());
	const coordinators = hosts.map((host) => coordinatorArgument(host, port));
	const commands = coordinators.map((host) => `conec chat --coordinator ${host} --pin ${pin}`);
	await rememberLocally(directory, coordinatorArgument(isEverywhere(address) ? "localhost" : address, port), pin);
	output.event("listening", { address, port, pin, addresses: hosts, commands });
	if (output.json) return;
	const bold = (text: string): string => output.style("bold", text);
	const lines = [
		`Coordinator is listening on ${bold(`${address.includes(":") ? `[${address}]` : address}:${port}`)} (UDP)`,
		`  pin    ${pin}`,
		...(ownKey ? [`  key    kept in ${printable(directory)}`] : []),
		"",
		`On another machine${hosts.length > 1 ? " (use the address that it can reach)" : ""}:`,
		...commands.map((command) => `  ${bold(command)}`),
		"On this machine, as this user, no option is needed:",
		`  ${bold("conec chat")}`,
		"Instead of chat: send, receive, pipe, ping. Ctrl-C ends.",
		"",
	];
	for (const line of lines) output.line(line);
}

function isEverywhere(address: string): boolean {
	return address === "::" || address === "0.0.0.0";
}

/** Lets Clients with the same state directory find it without options. */
async function rememberLocally(directory: string, coordinator: string, pin: string): Promise<void> {
	const path = join(directory, LOCAL_COORDINATOR_FILE);
	const content = `${JSON.stringify({ coordinator, pin })}\n`;
	if ((await readFile(path, "utf8").catch(() => "")) === content) return;
	await mkdir(directory, { recursive: true, mode: 0o700 });
	const temporary = `${path}.${process.pid}.tmp`;
	await writeFile(temporary, content, { mode: 0o600, flag: "wx" });
	await rename(temporary, path).catch(async (error: unknown) => {
		await unlink(temporary).catch(() => undefined);
		throw error;
	});
}

async function watch(coordinator: Coordinator, { output }: CommandContext): Promise<void> {
	for await (const status of coordinator.status()) tell(status);

	function tell(status: CoordinatorStatus): void {
		const clients = coordinator.clientCount;
		switch (status.type) {
			case "connected": {
				const { id, fingerprint, address } = status.client;
				const where = coordinatorArgument(address.address, address.port);
				return output.event(
					"connected",
					{ id, fingerprint, address: where, clients },
					`${time()} ${output.style("green", "+")} ${id} from ${where} (${clients} connected)`,
				);
			}
			case "disconnected":
				return output.event(
					"disconnected",
					{ id: status.id, fingerprint: status.fingerprint, clients, code: status.info.code, by: status.info.by },
					`${time()} ${output.style("yellow", "-")} ${status.id}${reasonOf(status.info)} (${clients} connected)`,
				);
			case "refused":
				return output.event(
					"refused",
					{ id: status.id, address: status.address.address, code: status.code },
					`${time()} ${output.style("red", "x")} refused ${quoted(status.id)} from ${status.address.address}: ${printable(status.reason, 200)}`,
				);
			default:
				return output.event("lagged", {}, `${time()} some notices were left out`);
		}
	}
}

function reasonOf(info: CloseInfo): string {
	if (info.code === undefined || info.code === "CLIENT_CLOSED") return " left";
	return ` ended: ${info.code}`;
}

function time(): string {
	return new Date().toTimeString().slice(0, 8);
}

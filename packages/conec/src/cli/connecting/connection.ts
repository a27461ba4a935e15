/**
 * How a command becomes a Client: the common options, where its key is kept, and which Coordinator it goes to.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../../files/file-errors.ts";
import {
	Client,
	type ClientOptions,
	type CloseInfo,
	ConecError,
	type ConecErrorCode,
	fingerprint,
	isConecError,
	type JsonValue,
	type MessageStream,
	type ProtocolHandlers,
} from "../../index.ts";
import type { CommandContext } from "../command-line/index.ts";
import { CONGESTION_CHOICES } from "../command-line/index.ts";
import { claimDefaultId, idFromHostName, stateDirectory } from "../machine/index.ts";
import { CliError, EXIT_CODES, usageError } from "../outcome/index.ts";
import type { Surroundings } from "../surroundings/index.ts";
import { orInterrupted } from "../terminal/index.ts";
import { quoted } from "../text/index.ts";
import { endpoint, errnoText, formatMs, pathPhrase, rounded, runningMetadata } from "../words/index.ts";
import { answerPings, turnAwayUnnamed } from "./answers.ts";
import { CLIENT_NAMES, namedAsTyped } from "./as-typed.ts";
import { namesOf } from "./certificate-facts.ts";
import { explainError } from "./explain-error.ts";
import { addressField, explainPeer, pathChoice } from "./path.ts";
import { PROTOCOLS, type Protocol } from "./protocols.ts";
import { timeoutMs } from "./timeout.ts";

/** A connection that takes longer than this is told of, in milliseconds. */
const PATIENCE_MS = 1_000;

/** File in the state directory by which a Coordinator's own user finds it. */
export const LOCAL_COORDINATOR_FILE: string = "coordinator.json";

/** A connected Client and what has to be undone with it. */
export interface Connection {
	readonly client: Client;
	/** Settles as `work` does; rejects at once when the command is interrupted or the Client ends on its own. */
	orEnd<Value>(work: Promise<Value>): Promise<Value>;
	/** Closes gracefully. Never rejects. */
	close(): Promise<void>;
}

/** What the options make of a Client that is not connected yet. */
export interface PreparedClient {
	readonly options: ClientOptions;
	/** Gives the id back, if it is one that was claimed. Never throws. */
	release(): void;
}

/** Reads the options and the files that they name. Rejects with a usage error. */
export async function prepareClient(context: CommandContext): Promise<PreparedClient> {
	const { args, signal, surroundings } = context;
	// Who brings everything along needs no place to keep something.
	const trust = await coordinatorAndTrust(context);
	const identity = await givenIdentity(context);
	const clientCa = args.text("client-ca");
	const channels = {
		...(clientCa === undefined ? {} : { clientCa: await readCertificatesNamed(clientCa, args.named("client-ca")) }),
		listen: !args.flag("no-listen"),
		holePunching: !args.flag("no-hole-punching"),
		birthday: args.flag("birthday"),
	};
	const congestion = args.choice("congestion", CONGESTION_CHOICES);
	const requestTimeoutMs = timeoutMs(args);
	const kept = identity ?? { stateDirectory: stateDirectory(context) };
	const givenId = args.text("id") ?? (identity === undefined ? undefined : idOf(identity.certificate));
	const { id, release } =
		givenId === undefined
			? await claimDefaultId(stateDirectory(context), idFromHostName(surroundings.machine.hostName()))
			: { id: givenId, release: () => undefined };
	const chosen = {
		...(congestion === undefined ? {} : { congestion }),
		...(requestTimeoutMs === undefined ? {} : { limits: { requestTimeoutMs } }),
		// `conec peers` of others shows it.
		metadata: runningMetadata(context.name, surroundings.clock.date()),
	};
	return { options: { id, ...trust, ...kept, ...channels, ...chosen, signal }, release };
}

/**
 * Connects as the options say, and tells the id. Streams of peers go to `handlers`; others are answered as every command does. Rejects
 * with an error of the library, a usage error, or the interruption.
 */
export async function connect(context: CommandContext, handlers: ProtocolHandlers = {}, prepared?: PreparedClient): Promise<Connection> {
	const { args, output, signal, surroundings } = context;
	const { options, release } = prepared ?? (await prepareClient(context));
	const { coordinator } = options;
	let client: Client;
	const waiting = surroundings.clock.after(
		PATIENCE_MS,
		() => {
			output.event("connecting", { coordinator });
			output.note(`connecting to ${coordinator} ...`);
		},
		"background",
	);
	try {
		client = await namedAsTyped(args, CLIENT_NAMES, () => connectClient({ ...options, handlers }, surroundings));
	} catch (error) {
		release();
		throw error;
	} finally {
		waiting.cancel();
	}
	output.event("connected", { id: client.id, fingerprint: client.fingerprint, coordinator });
	output.note(`connected to ${coordinator} as ${quoted(client.id)}`);
	void tellStatus(client, context);
	const ended = client.closed.then((info): never => {
		throw endedError(coordinator, info);
	});
	ended.catch(() => undefined);
	/** A stream may hear of a loss before the Client does. It is told the same way then. */
	const oneWay = (error: unknown): Promise<never> => {
		if (!isConecError(error) || !LOSSES.includes(error.code)) throw error;
		const soon = new Promise<never>((_, reject) => setImmediate(reject, endedError(coordinator, { code: error.code })));
		return Promise.race([ended, soon]);
	};
	return {
		client,
		orEnd: (work) => orInterrupted(Promise.race([work.catch(oneWay), ended]), signal),
		async close() {
			await client.close();
			release();
		},
	};
}

/** The Coordinator is gone, for whatever reason. */
const LOSSES: readonly ConecErrorCode[] = ["COORDINATOR_LOST", "CONNECTION_LOST", "COORDINATOR_CLOSED"];

/** How the end of the connection to the Coordinator is told, whoever notices it. */
function endedError(coordinator: string, { code = "COORDINATOR_LOST", reason, closeCode }: Pick<CloseInfo, "code" | "reason" | "closeCode">): ConecError {
	const why = reason ? `: ${reason}` : "";
	const what = LOSSES.includes(code)
		? `Lost the Coordinator at ${coordinator}${why}`
		: `Cannot continue: the Coordinator at ${coordinator} has ended the connection${why}`;
	return new ConecError(code, what, { closeCode });
}

/**
 * Connects with the function that the surroundings give, or else with `Client.connect`. Rejects as that does. The Client answers pings,
 * and takes no streams but those of `options.handlers`.
 */
export async function connectClient(options: ClientOptions, { connect: connectGiven }: Surroundings): Promise<Client> {
	const all = { ...options, handlers: { [PROTOCOLS.ping]: answerPings, ...options.handlers } };
	const client = await (connectGiven === undefined ? Client.connect(all) : connectGiven(all));
	turnAwayUnnamed(client);
	return client;
}

/** Tells what becomes of direct channels, that they go on where the Coordinator is lost, and what goes wrong with a stream of a peer. */
async function tellStatus(client: Client, { output }: CommandContext): Promise<void> {
	for await (const status of client.status()) {
		if (status.type === "channel") {
			const { peer, state } = status;
			if (status.state === "up") {
				output.event("channel", { peer, state, address: addressField(status.address), durationMs: rounded(status.durationMs) });
				output.note(`direct channel with ${quoted(peer)}: ${pathPhrase("direct", status.address)}, after ${formatMs(status.durationMs)}`, "debug");
			} else {
				output.event("channel", { peer, state, code: status.info.code, by: status.info.by });
				output.note(`the direct channel with ${quoted(peer)} has ended: ${status.info.code ?? "no code"}`, "debug");
			}
		}
		if (status.type === "handler-failed") {
			const { message, hint, code } = explainError(status.error);
			// Somebody has stopped pinging, or was lost. The user of this command knows nothing of it.
			if (status.protocol === PROTOCOLS.ping) output.note(`no more pings of ${quoted(status.peer ?? "the Coordinator")}: ${message}`, "debug");
			else output.error(`Cannot continue ${status.protocol} of ${quoted(status.peer ?? "the Coordinator")}: ${message}`, hint, code);
		}
		if (status.type === "moved") {
			output.event("moved", { address: addressField(status.observedAddress) });
			output.note(`this machine is at ${endpoint(status.observedAddress)} now`, "debug");
		}
		if (status.type === "disconnected" && status.info.by !== "local" && client.channels().length > 0) {
			output.event("disconnected", { code: status.info.code, by: status.info.by });
			output.note("lost the Coordinator; direct channels go on without it", "warn");
		}
	}
}

/** Opens a stream of a protocol to the peer that `--to` names, on the path that `--path` names. Where there is no path, `--explain` says why. */
export async function openTo(
	client: Client,
	peer: string,
	protocol: Protocol,
	context: CommandContext,
	facts?: Readonly<Record<string, JsonValue>>,
): Promise<MessageStream> {
	const { args, signal } = context;
	try {
		return await client.openStream(peer, { protocol, ...(facts === undefined ? {} : { metadata: facts }), path: pathChoice(args), signal });
	} catch (error) {
		if (isConecError(error) && PATH_FAILURES.includes(error.code)) await explainPeer(client, peer, undefined, context);
		throw error;
	}
}

const PATH_FAILURES: readonly string[] = ["DIRECT_UNAVAILABLE", "CHANNEL_CLOSED", "PEER_LOST", "PEER_TIMEOUT"];

interface CoordinatorAndTrust {
	readonly coordinator: string;
	readonly pin?: string;
	readonly ca?: Uint8Array;
}

async function coordinatorAndTrust(context: CommandContext): Promise<CoordinatorAndTrust> {
	const { args } = context;
	const coordinator = args.text("coordinator");
	const pin = args.text("pin");
	const caPath = args.text("ca");
	if (coordinator === undefined) {
		const local = await localCoordinator(stateDirectory(context));
		if (local === undefined) throw usageError("--coordinator HOST[:PORT] is missing", "Start one with `conec coordinator`: it prints the whole command.");
		return { coordinator: local.coordinator, pin: pin ?? local.pin };
	}
	if (pin !== undefined) return { coordinator, pin, ...(caPath === undefined ? {} : { ca: await readCertificatesNamed(caPath, args.named("ca")) }) };
	return caPath === undefined ? { coordinator } : { coordinator, ca: await readCertificatesNamed(caPath, args.named("ca")) };
}

/** The certificate and key that `--cert` and `--key` name, if they do. */
export async function givenIdentity({ args }: Pick<CommandContext, "args">): Promise<{ certificate: Uint8Array; privateKey: Uint8Array } | undefined> {
	const cert = args.text("cert");
	const key = args.text("key");
	if (cert === undefined && key === undefined) return undefined;
	if (cert === undefined || key === undefined) throw usageError("--cert and --key go together");
	return { certificate: await readCertificatesNamed(cert, args.named("cert")), privateKey: await readNamed(key, args.named("key")) };
}

/** The only name in a certificate; `undefined` where there are several or none, or it cannot be read, which the library explains better. */
function idOf(certificate: Uint8Array): string | undefined {
	try {
		const names = namesOf(new X509Certificate(certificate));
		return names.length === 1 ? names[0] : undefined;
	} catch {
		return undefined;
	}
}

/** Reads a file of certificates that an option names, PEM or DER. */
export async function readCertificatesNamed(path: string, option: string): Promise<Uint8Array> {
	const content = await readNamed(path, option);
	try {
		fingerprint(content);
		return content;
	} catch (error) {
		const problem = error instanceof Error ? error.message : String(error);
		throw new CliError(EXIT_CODES.usage, `Cannot use ${quoted(path)}: ${problem}`, `Check ${option}. It takes a file of certificates, in PEM or DER.`, error);
	}
}

/** Reads a file that an option names. `option`: how it was given, as `Arguments.named` says it. */
export async function readNamed(path: string, option: string): Promise<Uint8Array> {
	try {
		return await readFile(path);
	} catch (error) {
		throw new CliError(EXIT_CODES.usage, `Cannot read ${quoted(path)}: ${errnoText(errnoOf(error))}`, `Check ${option}.`, error);
	}
}

async function localCoordinator(directory: string): Promise<{ coordinator: string; pin: string } | undefined> {
	try {
		const value: unknown = JSON.parse(await readFile(join(directory, LOCAL_COORDINATOR_FILE), "utf8"));
		const { coordinator, pin } = value as Readonly<Record<string, unknown>>;
		return typeof coordinator === "string" && typeof pin === "string" ? { coordinator, pin } : undefined;
	} catch {
		return undefined;
	}
}

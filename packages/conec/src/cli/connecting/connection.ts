/**
 * How a command becomes a Client: the common options, where its key is kept, and which Coordinator it goes to.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import {
	Client,
	type ClientOptions,
	type CloseInfo,
	ConecError,
	type ConecErrorCode,
	isConecError,
	type MessageStream,
	type ProtocolHandlers,
	resolveLimits,
	type SocketAddress,
} from "../../index.ts";
import type { CommandContext } from "../command-line/index.ts";
import { CONGESTION_CHOICES } from "../command-line/index.ts";
import { coordinatorArgument, stateDirectory } from "../machine/index.ts";
import { CliError, EXIT_CODES, usageError } from "../outcome/index.ts";
import { delay, type Surroundings } from "../surroundings/index.ts";
import { noticePace, orInterrupted } from "../terminal/index.ts";
import { printable, quoted } from "../text/index.ts";
import { runningMetadata } from "../words/index.ts";
import { answerPings, turnAwayUnnamed } from "./answers.ts";
import { CLIENT_NAMES, namedAsTyped } from "./as-typed.ts";
import { namesOf } from "./certificate-facts.ts";
import { LinkNews } from "./link-news.ts";
import { readCertificatesNamed, readNamed } from "./named-file.ts";
import { defaultId, givenId, type OwnId } from "./own-id.ts";
import { channelTo } from "./path.ts";
import { PROTOCOLS } from "./protocols.ts";
import { tellStatus } from "./status-news.ts";
import { followStream, StreamNews } from "./stream-news.ts";
import { comingBack, survivalMs, timeoutMs } from "./timeout.ts";
import { type CoordinatorChoice, chosenCoordinator, coordinatorOptions } from "./which-coordinator.ts";

/** A connection that takes longer than this is told of, in milliseconds. */
const PATIENCE_MS = 1_000;

/** A connected Client and what has to be undone with it. */
export interface Connection {
	readonly client: Client;
	/** Settles as `work` does; rejects at once when the command is interrupted or the Client ends on its own. */
	orEnd<Value>(work: Promise<Value>): Promise<Value>;
	/**
	 * Tells when the stream loses its way to the peer, finds one again, or takes another one, until it is over. Rejects with `RESUME_EXPIRED` when one
	 * that a peer has opened has had none for as long as `--give-up-after` says: its opener may have said longer. One that was opened here ends by
	 * itself. Needs no waiting for.
	 */
	follow(stream: MessageStream, openedBy: "this" | "peer"): Promise<never>;
	/** Whether the Coordinator is lost, and the Client comes back. */
	isAway(): boolean;
	/** Whether the Client is over. */
	hasEnded(): boolean;
	/** Closes gracefully. Never rejects. */
	close(): Promise<void>;
}

/** What the options make of a Client that is not connected yet. */
export interface PreparedClient {
	readonly options: ClientOptions;
	readonly coordinator: CoordinatorChoice;
	/** Its id, to be given back when the Client has ended. */
	readonly own: OwnId;
}

/** Reads the options and the files that they name, but for the Coordinator's where that is `known` from an earlier time. Rejects with a usage error. */
export async function prepareClient(context: CommandContext, known?: CoordinatorChoice): Promise<PreparedClient> {
	const { args, signal, surroundings } = context;
	// Who brings everything along needs no place to keep something.
	const coordinator = known ?? (await chosenCoordinator(context));
	const identity = await givenIdentity(context);
	const clientCa = args.text("client-ca");
	const channels = {
		...(clientCa === undefined ? {} : { clientCa: await readCertificatesNamed(clientCa, args.named("client-ca")) }),
		listen: !args.flag("no-listen"),
		holePunching: !args.flag("no-hole-punching"),
		birthday: args.flag("birthday"),
		portMapping: args.flag("port-mapping"),
	};
	const localPort = args.count("local-port", 0, 65_535);
	const congestion = args.choice("congestion", CONGESTION_CHOICES);
	const requestTimeoutMs = timeoutMs(args);
	const kept = identity ?? { stateDirectory: stateDirectory(context) };
	const chosen = {
		...(congestion === undefined ? {} : { congestion }),
		...(localPort === undefined ? {} : { localPort }),
		...(requestTimeoutMs === undefined ? {} : { limits: { requestTimeoutMs } }),
		// `conec peers` of others shows it.
		metadata: runningMetadata(context.name, surroundings.clock.date()),
	};
	const rest = { ...coordinatorOptions(coordinator), ...kept, ...channels, ...chosen, signal };
	const atCoordinator = coordinator.pins[0] ?? coordinator.places.join();
	const id = args.text("id") ?? (identity === undefined ? undefined : idOf(identity.certificate));
	const own = id === undefined ? await defaultId(context, atCoordinator) : await givenId(context, id, atCoordinator, identity !== undefined);
	return { options: { id: own.id, ...rest }, coordinator, own };
}

/**
 * Connects as the options say, and tells the id. Streams of peers go to `handlers`; others are answered as every command does. The Client
 * ends when the Coordinator is lost. Rejects with an error of the library, a usage error, or the interruption.
 */
export async function connect(context: CommandContext, handlers: ProtocolHandlers = {}, prepared?: PreparedClient): Promise<Connection> {
	return await connectFor(prepared ?? (await prepareClient(context)), handlers, false, context);
}

/** As {@link connect}, for a command that takes `--give-up-after`: after a loss of the Coordinator the Client comes back, and the user is told of both. */
export async function connectToStay(context: CommandContext, handlers: ProtocolHandlers = {}): Promise<Connection> {
	const reconnect = comingBack(context.args);
	return await connectFor(await prepareClient(context), handlers, reconnect, context);
}

async function connectFor(
	prepared: PreparedClient,
	handlers: ProtocolHandlers,
	reconnect: NonNullable<ClientOptions["reconnect"]>,
	context: CommandContext,
): Promise<Connection> {
	const { output, signal } = context;
	const { client, own, places } = await connectPrepared({ ...prepared, options: { ...prepared.options, reconnect } }, handlers, context);
	const nameOf = (address: SocketAddress | undefined): string => (places.length === 1 ? (places[0] ?? "") : addressText(address));
	const coordinator = nameOf(places.length === 1 ? undefined : await coordinatorAddress(client));
	output.event("connected", { id: client.id, fingerprint: client.fingerprint, coordinator });
	output.note(`connected to ${coordinator} as ${quoted(client.id)}`);
	const { id, fingerprint } = client;
	const { clock } = context.surroundings;
	const of = { id, fingerprint, nameOf, channels: () => client.channels().length };
	const news = new LinkNews(coordinator, of, output, clock);
	const pace = noticePace(clock, output);
	const patienceMs = survivalMs(context.args);
	void tellStatus(client, reconnect === false ? undefined : news, pace, context);
	let hasEnded = false;
	const ended = client.closed.then((info): never => {
		hasEnded = true;
		throw endedError(coordinator, info);
	});
	ended.catch(() => undefined);
	/** A stream may hear of a loss before the Client does. It is told the same way then. */
	const oneWay = (error: unknown): Promise<never> => {
		if (!isConecError(error) || !LOSSES.includes(error.code)) throw error;
		const lost = endedError(coordinator, { code: error.code });
		const why =
			reconnect === false
				? lost
				: new CliError(EXIT_CODES.coordinator, `Cannot go on: this went through the Coordinator at ${coordinator}, which is lost`, ONE_WAY_HINT, lost);
		const soon = new Promise<never>((_, reject) => setImmediate(reject, why));
		return Promise.race([ended, soon]);
	};
	return {
		client,
		orEnd: (work) => orInterrupted(Promise.race([work.catch(oneWay), ended]), signal),
		follow(stream, openedBy) {
			const peer = stream.peer ?? "";
			const about = { peer, address: () => channelTo(client, peer)?.stats().remoteAddress, shows: () => pace.shows(peer), patienceMs };
			const lost = new Promise<never>((_, reject) => {
				const giveUp = openedBy === "this" ? undefined : () => reject(tooLongWithoutWay(peer));
				void followStream(stream, new StreamNews({ ...about, giveUp }, news, output, clock));
			});
			lost.catch(() => undefined);
			return lost;
		},
		isAway: () => reconnect !== false && news.isAway,
		hasEnded: () => hasEnded,
		async close() {
			await client.close();
			own.release();
		},
	};
}

const ONE_WAY_HINT = "Start the command again. What goes over a direct path outlives the Coordinator.";

function tooLongWithoutWay(peer: string): ConecError {
	return new ConecError("RESUME_EXPIRED", `Cannot go on with ${quoted(peer)}: there was no way to it for too long`, { peer });
}

/** The Coordinator is gone, for whatever reason. */
const LOSSES: readonly ConecErrorCode[] = ["COORDINATOR_LOST", "CONNECTION_LOST", "COORDINATOR_CLOSED"];

/** How the end of the connection to the Coordinator is told, whoever notices it. */
function endedError(coordinator: string, { by, code = "COORDINATOR_LOST", reason, closeCode }: Partial<CloseInfo>): ConecError {
	const why = reason ? `: ${reason}` : "";
	// Nobody has ended anything: this side does not try any more.
	if (by === "error" && !LOSSES.includes(code))
		return new ConecError(code, `Lost the Coordinator at ${coordinator}, and cannot come back${why}`, { closeCode });
	const what = LOSSES.includes(code)
		? `Lost the Coordinator at ${coordinator}${why}`
		: `Cannot continue: the Coordinator at ${coordinator} has ended the connection${why}`;
	return new ConecError(code, what, { closeCode });
}

/** Where another machine has a default id, the next one is taken. An id that was given is waited for, where it is about to be free. */
async function connectPrepared({ options, coordinator, own }: PreparedClient, handlers: ProtocolHandlers, context: CommandContext) {
	const { args, output, surroundings } = context;
	const { places } = coordinator;
	const where = places.join(", ");
	const tell = (): void => {
		output.event("connecting", { coordinator: where });
		output.note(`connecting to ${where} ...`);
	};
	const waiting = surroundings.clock.after(PATIENCE_MS, tell, "background");
	const mayWait = args.flag("wait") && options.reconnect !== false;
	try {
		const connectOnce = (id: string, more: Partial<ClientOptions>): Promise<Client> =>
			namedAsTyped(args, CLIENT_NAMES, () => connectClient({ ...options, ...more, id, handlers }, surroundings));
		const connectAs = async (id: string): Promise<Client> => {
			try {
				return await connectOnce(id, {});
			} catch (error) {
				if (!mayWait || !isConecError(error) || !NOT_THERE_YET.includes(error.code)) throw error;
				waiting.cancel();
				output.event("waiting-for-coordinator", { coordinator: where, code: error.code });
				output.note(`waiting for the Coordinator at ${where}: ${printable(error.message)}`, "warn");
			}
			return await connectOnce(id, { waitForFirst: true });
		};
		return await connectWithSomeId(own, places, connectAs, idWait(context));
	} finally {
		waiting.cancel();
	}
}

/**
 * Waits until an id that was refused may be free, and tells so. False: that is not known, or longer than the command may wait. Rejects with
 * the interruption.
 */
function idWait({ args, output, signal, surroundings: { clock } }: CommandContext): (id: string, error: ConecError) => Promise<boolean> {
	const deadlineMs = clock.nowMs() + (timeoutMs(args) ?? resolveLimits({}, "client").requestTimeoutMs);
	return async (id, { code, retryAfterMs }) => {
		if (code !== "ID_TAKEN" || retryAfterMs === undefined || retryAfterMs > MOST_WAITED_MS || clock.nowMs() + retryAfterMs > deadlineMs) return false;
		output.event("waiting", { id, durationMs: retryAfterMs });
		output.note(`the id ${quoted(id)} is being freed; waiting ${Math.max(1, Math.ceil(retryAfterMs / 1_000))} s`);
		await delay(clock, retryAfterMs + 1, signal);
		return true;
	};
}

/** An id that is longer in coming is not waited for. */
const MOST_WAITED_MS = 10_000;

async function connectWithSomeId(
	own: OwnId,
	places: readonly string[],
	connectAs: (id: string) => Promise<Client>,
	wait: (id: string, error: ConecError) => Promise<boolean>,
) {
	for (let id = own, tries = 0; ; tries += 1) {
		try {
			return { client: await connectAs(id.id), own: id, places };
		} catch (error) {
			const next = isConecError(error) && error.code === "ID_TAKEN" && tries < MOST_IDS_TRIED ? id.next : undefined;
			if (next !== undefined) {
				id = await next();
				continue;
			}
			let failure = error;
			try {
				if (isConecError(error) && id.next === undefined && (await wait(id.id, error))) continue;
			} catch (interruption) {
				failure = interruption;
			}
			id.release();
			throw failure;
		}
	}
}

/** With `--wait`, these are waited for. */
const NOT_THERE_YET: readonly ConecErrorCode[] = [
	"COORDINATOR_UNREACHABLE",
	"COORDINATOR_CLOSED",
	"COORDINATOR_LOST",
	"CONNECTION_LOST",
	"HOST_UNRESOLVABLE",
	"LIMIT_EXCEEDED",
];

/** Default ids that are tried, if other machines have the first ones. */
const MOST_IDS_TRIED = 8;

async function coordinatorAddress(client: Client): Promise<SocketAddress | undefined> {
	for await (const status of client.status()) if (status.type === "connected") return status.coordinatorAddress;
	return undefined;
}

function addressText(address: SocketAddress | undefined): string {
	return address === undefined ? "the Coordinator" : coordinatorArgument(address.address, address.port);
}

/**
 * Connects with the function that the surroundings give, or else with `Client.connect`. Rejects as that does. The Client answers pings,
 * and takes no streams but those of `options.handlers`.
 */
export async function connectClient(options: ClientOptions, { connect: connectGiven }: Surroundings): Promise<Client> {
	// Commands end when the Coordinator is lost, unless they say otherwise.
	const all = { reconnect: false, ...options, handlers: { [PROTOCOLS.ping]: answerPings, ...options.handlers } };
	const client = await (connectGiven === undefined ? Client.connect(all) : connectGiven(all));
	turnAwayUnnamed(client);
	return client;
}

/** The certificate and key that `--cert` and `--key` name, if they do. */
export async function givenIdentity({ args }: Pick<CommandContext, "args">): Promise<{ certificate: Uint8Array; privateKey: Uint8Array } | undefined> {
	const cert = args.text("cert");
	const key = args.text("key");
	if (cert === undefined && key === undefined) return undefined;
	if (cert === undefined || key === undefined) throw usageError("--cert and --key go together");
	return { certificate: await readNamed(cert, args.named("cert")), privateKey: await readNamed(key, args.named("key")) };
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

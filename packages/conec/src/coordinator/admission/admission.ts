/**
 * From a connection whose handshake is done to a {@link Session}, or to `refused`. The transport closes the connection if
 * this is not decided in time (`limits.helloTimeoutMs`), so nothing here waits without a bound.
 *
 * @module
 */

import type { PoolKeys } from "../../base/fair-pool.ts";
import { randomHex } from "../../base/random.ts";
import { isConecError } from "../../errors.ts";
import type { CoordinatorLimits } from "../../limits.ts";
import { COORDINATOR_DIALECT } from "../../session/control-stream.ts";
import { type Answering, answerHello, type GreetedEvents, hearHello } from "../../session/greeting.ts";
import type { Runtime } from "../../session/runtime.ts";
import { toldWindow } from "../../stream/flow.ts";
import { certificateId } from "../../tls/certificate-id.ts";
import { identityProblem } from "../../tls/proven-identity.ts";
import type { IncomingStream, TransportConnection } from "../../transport/transport.ts";
import { BROADCAST_CAPABILITY } from "../../wire/broadcast.ts";
import { DIRECT_CAPABILITY } from "../../wire/channel-messages.ts";
import { CLOSE_CODES, type RefusedCode } from "../../wire/codes.ts";
import type { ComeBack } from "../../wire/come-back.ts";
import type { ControlMessage, Hello, Ping, Pong, Refused, WelcomeLimits } from "../../wire/control.ts";
import { RESUME_CAPABILITY } from "../../wire/open.ts";
import { PRESENCE_CAPABILITY } from "../../wire/presence.ts";
import { negotiateVersion, PROTOCOL_VERSIONS } from "../../wire/versions.ts";
import type { DefenceSubject } from "../defence/index.ts";
import type { Introductions } from "../introduction/index.ts";
import type { Claim, Registry } from "../sessions/index.ts";
import { addressSource, Session, type SessionHost, sourceKeys } from "../sessions/index.ts";
import type { HolderTrials } from "./holder-trials.ts";
import type { Lease, Leases } from "./leases.ts";

/** What the Coordinator lends to admissions. */
export interface AdmissionHost {
	readonly limits: CoordinatorLimits;
	readonly runtime: Pick<Runtime, "clock" | "random">;
	/** Names this run of the Coordinator. */
	readonly epoch: string;
	readonly registry: Registry<Session>;
	readonly leases: Leases;
	readonly trials: HolderTrials<Session>;
	/** In CA mode the authorities of now, by one of which a Client's certificate says the id. */
	readonly clientRoots: () => readonly Uint8Array[] | undefined;
	readonly denied: (fingerprint: string) => boolean;
	/** It lets nobody in, and this is what they are told of coming back. `undefined`: it does. */
	readonly stopping: () => ComeBack | undefined;
	/** A Client is about to be welcomed. Its streams come later. */
	readonly welcoming: (client: Pick<Session, "id" | "fingerprint" | "connection">) => void;
	readonly admitted: (session: Session) => void;
	readonly refused: (connection: TransportConnection, refused: Refused, id: string) => void;
	readonly introductions: Introductions;
	/** Something of it is dealt with later, as it is too much. */
	readonly slowed: (session: Session, what: DefenceSubject) => void;
	/** What sessions share. */
	readonly sessions: SessionHost;
}

/** Takes a new connection; never throws and never rejects. */
export function admit(connection: TransportConnection, host: AdmissionHost): void {
	hearHello<ControlMessage, Hello>(connection, {
		dialect: COORDINATOR_DIALECT,
		isHello: (message) => message.type === "hello",
		metadataBytes: host.limits.metadataBytes,
		heard: (incoming, hello) => answer(incoming, hello, host),
	});
}

function answer(incoming: IncomingStream, hello: Hello, host: AdmissionHost): void {
	const { connection } = incoming;
	const answering = answerHello<ControlMessage>(incoming, COORDINATOR_DIALECT, host.limits, host.runtime.clock, host.sessions.work);
	const refuse = (refusal: Refused): void => {
		answering.refuse(refusal);
		host.refused(connection, refusal, hello.id);
	};
	const known = identify(connection, hello, host);
	if (known.type === "refused") return refuse(known);
	// Judged and welcomed in one go, so that no other claim comes in between. By the deny list and the authorities of now: they may have
	// changed while the holder of the id was asked.
	const decide = (): void => {
		const applicant = identify(connection, hello, host);
		if (applicant.type === "refused") return refuse(applicant);
		const refusal = judge(applicant, host);
		if (refusal === undefined) welcome(connection, answering, hello, applicant, host);
		else refuse(refusal);
	};
	const holder = holderToAsk(known, host);
	if (holder === undefined) return decide();
	void host.trials.try(holder).then(() => {
		if (!answering.over) decide();
	});
}

/** Who it is, once that is certain. */
interface Applicant extends Claim {
	readonly type: "applicant";
	readonly version: number;
	readonly fingerprint: string;
	readonly keys: PoolKeys;
}

/** The holder that stands in the way without a lease. One that was killed looks alive until its connection times out, so it is asked. */
function holderToAsk(applicant: Applicant, { registry, leases, runtime: { clock } }: AdmissionHost): Session | undefined {
	if (leaseOfAnother(applicant, leases, clock.now()) !== undefined) return undefined;
	const verdict = registry.judge(applicant, clock.now());
	return verdict.type === "taken" ? verdict.holder : undefined;
}

function leaseOfAnother({ id, identity }: Applicant, leases: Leases, nowMs: number): Lease | undefined {
	const lease = leases.find(id, nowMs);
	// With an authority for Clients the identity is the id, and leases do not count.
	return identity === id || lease?.identity === identity ? undefined : lease;
}

/** Why not, if not. */
function judge(applicant: Applicant, { registry, leases, trials, stopping, runtime: { clock } }: AdmissionHost): Refused | undefined {
	const { id } = applicant;
	const comeBack = stopping();
	if (comeBack !== undefined) return { ...refused("COORDINATOR_CLOSED", "the Coordinator is stopping"), ...comeBack };
	const taken = refused("ID_TAKEN", `another Client holds the id "${id}"`);
	const lease = leaseOfAnother(applicant, leases, clock.now());
	if (lease !== undefined) return lease.untilMs === undefined ? taken : { ...taken, retryAfterMs: Math.max(0, Math.ceil(lease.untilMs - clock.now())) };
	const verdict = registry.judge(applicant, clock.now());
	switch (verdict.type) {
		case "taken":
			return { ...taken, retryAfterMs: trials.leftMs(verdict.holder) };
		case "contended":
			return { ...refused("ID_CONTENDED", `two processes take the id "${id}" from each other`), retryAfterMs: verdict.retryAfterMs };
		case "full":
			return { ...refused("LIMIT_EXCEEDED", "the Coordinator has as many Clients as it takes (limits.clients)"), retryAfterMs: FULL_RETRY_MS };
		case "crowded":
			return {
				...refused("LIMIT_EXCEEDED", "the Coordinator is nearly full (limits.clients), and this key or network holds much of it; the rest is for others"),
				retryAfterMs: FULL_RETRY_MS,
			};
		default:
			return undefined;
	}
}

/** Ends who held the id. `left`: it had left by itself, and that is heard only now. A program that ends and begins again within a moment is not two. */
function supersede(before: Session, left: () => void): void {
	if (before.leaving) left();
	else void before.closed.then(({ by }) => by === "peer" && left());
	before.end(CLOSE_CODES.SUPERSEDED, "a newer connection of the same identity took over");
}

function identify(connection: TransportConnection, hello: Hello, host: AdmissionHost): Applicant | Refused {
	const version = negotiateVersion(PROTOCOL_VERSIONS, hello.versions);
	if (version === undefined) {
		return {
			...refused("VERSION_UNSUPPORTED", `the Client speaks ${hello.versions.join(", ")}, the Coordinator ${PROTOCOL_VERSIONS.join(", ")}`),
			versions: PROTOCOL_VERSIONS,
		};
	}
	const comeBack = host.stopping();
	if (comeBack !== undefined) return { ...refused("COORDINATOR_CLOSED", "the Coordinator is stopping"), ...comeBack };
	const { peer } = connection;
	if (peer.type === "none") return refused(peer.code, `the Client's certificate ${peer.problem}`);
	const { fingerprint } = peer;
	const keys = sourceKeys(fingerprint, provenAddress(connection));
	if (host.denied(fingerprint)) return refused("CERTIFICATE_REFUSED", "its key is on the deny list");
	const roots = host.clientRoots();
	if (roots === undefined) return { type: "applicant", version, id: hello.id, identity: fingerprint, fingerprint, keys };
	const problem = identityProblem(peer, roots, "client", host.runtime.clock.wallMs());
	if (problem !== undefined) return refused("CERTIFICATE_REFUSED", `the certificate ${problem}`);
	try {
		const id = certificateId(peer.leaf);
		if (id !== hello.id) return refused("CERTIFICATE_NAME_MISMATCH", `the certificate is for "${id}", not "${hello.id}"`);
		return { type: "applicant", version, id, identity: id, fingerprint, keys };
	} catch (error) {
		return refused("CERTIFICATE_REFUSED", isConecError(error) ? error.message : "it cannot be read");
	}
}

function welcome(connection: TransportConnection, answering: Answering<ControlMessage>, hello: Hello, applicant: Applicant, host: AdmissionHost): void {
	const { limits } = host;
	const { clock, random } = host.runtime;
	connection.confirm();
	if (hello.limits !== undefined) toldWindow(connection, hello.limits.connectionWindowBytes);
	host.welcoming({ id: applicant.id, fingerprint: applicant.fingerprint, connection });
	const before = host.registry.find(applicant.id);
	const session = new Session(
		{
			id: applicant.id,
			fingerprint: applicant.fingerprint,
			key: hello.key,
			poolKeys: applicant.keys,
			metadata: hello.metadata,
			capabilities: hello.capabilities,
			connection,
			control: answering.control,
			direct: hello.capabilities.includes(DIRECT_CAPABILITY),
		},
		host.sessions,
	);
	const nowMs = clock.now();
	host.registry.hold(applicant, session, nowMs);
	if (hello.key === "kept" && applicant.identity !== applicant.id) {
		host.leases.hold(applicant.id, applicant.identity, addressSource(provenAddress(connection)).host, clock.now());
	}
	if (before !== undefined) supersede(before, () => host.registry.leftBefore(applicant.id, nowMs));
	const natTest = session.direct ? host.introductions.joined(session) : undefined;
	const greeting = answering.welcome({
		type: "welcome",
		version: applicant.version,
		session: randomHex(random, 16),
		epoch: host.epoch,
		limits: welcomeLimits(limits),
		capabilities: [DIRECT_CAPABILITY, PRESENCE_CAPABILITY, BROADCAST_CAPABILITY, RESUME_CAPABILITY],
		observedAddress: connection.remoteAddress,
		...(natTest === undefined ? {} : { natTest }),
	});
	greeting.listen(new Listener(session, host));
	host.admitted(session);
}

/** Tells a session what comes on its control stream. */
class Listener implements GreetedEvents<ControlMessage> {
	readonly #session: Session;
	readonly #host: AdmissionHost;

	constructor(session: Session, host: AdmissionHost) {
		this.#session = session;
		this.#host = host;
	}

	message(message: Exclude<ControlMessage, Ping | Pong>): void {
		this.#session.received(message);
	}

	heard(): void {
		this.#session.gotMessage();
	}

	slowed(): void {
		this.#host.slowed(this.#session, "control");
	}

	broken(closeCode: number, reason: string): void {
		this.#session.end(closeCode, reason);
	}
}

/** Where it was during the handshake: it has proved that it can be reached there, and it cannot change that by moving. */
function provenAddress(connection: TransportConnection): string {
	// Where it is now is asked of the transport each time.
	return (connection.acceptedFrom ?? connection.remoteAddress).address;
}

/** When there may be room for another Client. Nobody knows, and those who are refused must not come back at once. */
const FULL_RETRY_MS = 5_000;

function welcomeLimits({ messageBytes, metadataBytes, streamsPerPair, connectionWindowBytes }: CoordinatorLimits): WelcomeLimits {
	return { messageBytes, metadataBytes, streamsPerPair, connectionWindowBytes };
}

function refused(code: RefusedCode, message: string): Refused {
	return { type: "refused", code, message };
}

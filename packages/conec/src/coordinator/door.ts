/**
 * Who comes in and goes: the credentials that a Coordinator shows, and what happens when a Client has been let in or is over.
 *
 * @module
 */

import { atExpiry } from "../session/end-at-expiry.ts";
import type { StatusFeed } from "../session/status-feed.ts";
import { CLOSE_CODES } from "../wire/codes.ts";
import { ALPN_COORDINATOR } from "../wire/versions.ts";
import { type AdmissionHost, admit } from "./admission/index.ts";
import type { CoordinatorParts } from "./begin.ts";
import type { Broadcasts } from "./broadcast/index.ts";
import { type Credentials, type ReloadOptions, reloaded } from "./credentials.ts";
import { type Dismissal, dismiss } from "./dismissal.ts";
import type { Introductions } from "./introduction/index.ts";
import type { PresenceService } from "./presence/index.ts";
import type { ProxiedStreams } from "./proxy/index.ts";
import type { Registry, Session } from "./sessions/index.ts";
import type { CoordinatorStatus } from "./status.ts";

/** The rooms that hear of it. */
export interface DoorHost {
	readonly registry: Registry<Session>;
	readonly presence: PresenceService;
	readonly broadcasts: Broadcasts;
	readonly proxied: ProxiedStreams;
	readonly introductions: () => Introductions;
	readonly admission: () => AdmissionHost;
	/** Whether the Coordinator ends its Clients, one after the other or all at once. */
	readonly stopping: () => boolean;
	readonly feed: StatusFeed<CoordinatorStatus>;
}

/** See the module. */
export class Door {
	readonly #parts: CoordinatorParts;
	readonly #host: DoorHost;
	#credentials: Credentials;
	/** Those that have been told when to come back, and are still here. */
	readonly #dismissed: WeakSet<Session> = new WeakSet();

	constructor(parts: CoordinatorParts, host: DoorHost) {
		this.#parts = parts;
		this.#host = host;
		this.#credentials = parts.credentials;
	}

	/** The present ones. */
	get credentials(): Credentials {
		return this.#credentials;
	}

	/** Accepts connections from now on. What is not welcome any more has no lease. */
	open(): void {
		const { kept } = this.#parts;
		kept.onProblem = (error) => this.#host.feed.emit({ type: "state-unsaved", error });
		kept.leases.revoke((fingerprint) => this.#credentials.deny.has(fingerprint));
		this.#accept();
	}

	/** See `Coordinator.reload`. */
	reload(options: ReloadOptions): void {
		this.#credentials = reloaded(this.#credentials, options);
		const { deny } = this.#credentials;
		const { registry, introductions } = this.#host;
		this.#accept();
		this.#parts.kept.leases.revoke((fingerprint) => deny.has(fingerprint));
		if (options.deny !== undefined) introductions().denyListChanged();
		for (const session of [...registry.holders()]) if (deny.has(session.fingerprint)) session.end(CLOSE_CODES.CERTIFICATE_REFUSED, DENIED);
	}

	/** See `Coordinator.disconnect`, for a Client that is to come back. One that may not have heard so must not take it for good: for it that is a loss. */
	dismiss(session: Session, how: Pick<Dismissal, "reason" | "comeBack">): void {
		if (this.#dismissed.has(session)) return;
		this.#dismissed.add(session);
		const { options, runtime } = this.#parts;
		const codes = { closeCode: CLOSE_CODES.DISCONNECTED, unheardCode: CLOSE_CODES.PATH_LOST };
		void dismiss(session, { ...how, ...codes }, { clock: runtime.clock, lingerMs: options.limits.lingerMs });
	}

	/** A Client has been welcomed. */
	admitted(session: Session): void {
		const { presence, feed, proxied } = this.#host;
		presence.set(session.peer);
		feed.emit({ type: "connected", client: session.info() });
		const { options, runtime } = this.#parts;
		if (options.endAtExpiry && this.#credentials.clientTrust.roots !== undefined)
			atExpiry(session.connection, runtime.clock, () => session.end(CLOSE_CODES.CERTIFICATE_EXPIRED, "the Client's certificate has expired"));
		// The last one: what has waited for this Client comes now.
		proxied.admitted(session);
	}

	/** A session is over. */
	ended(session: Session): void {
		const { kept, runtime } = this.#parts;
		const { registry, presence, broadcasts, proxied, introductions, feed } = this.#host;
		introductions().left(session);
		proxied.left(session);
		if (registry.free(session.id, session)) {
			presence.delete(session.id);
			kept.leases.release(session.id, session.fingerprint, runtime.clock.now());
		}
		broadcasts.sessionEnded(session, this.#host.stopping());
		void session.closed.then((info) => feed.emit({ type: "disconnected", id: session.id, fingerprint: session.fingerprint, info }));
	}

	/** With the present credentials. */
	#accept(): void {
		const { options, transport } = this.#parts;
		const { limits, retry, keyLog } = options;
		const { identity, clientTrust } = this.#credentials;
		transport.accept({
			...{ identity, clientTrust, retry, keyLog },
			alpnProtocols: [ALPN_COORDINATOR],
			undecidedCode: CLOSE_CODES.HELLO_TIMEOUT,
			connections: limits.clients,
			onConnection: (connection) => admit(connection, this.#host.admission()),
		});
	}
}

const DENIED = "its key is on the deny list";

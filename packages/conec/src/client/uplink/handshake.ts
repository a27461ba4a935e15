/**
 * From a dialled connection to a welcome.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { ConecError } from "../../errors.ts";
import type { ClientLimits } from "../../limits.ts";
import { closeInfoOf } from "../../session/close-info-of.ts";
import { type ControlChannel, type ControlEvents, openControlChannel } from "../../session/control-channel.ts";
import type { TransportCloseInfo, TransportConnection } from "../../transport/transport.ts";
import { CLOSE_CODES } from "../../wire/codes.ts";
import type { Hello, Refused, Welcome } from "../../wire/control.ts";
import { PROTOCOL_VERSIONS } from "../../wire/versions.ts";

/** A connection whose Coordinator has said welcome. */
export interface Greeted {
	readonly connection: TransportConnection;
	readonly control: ControlChannel;
	readonly welcome: Welcome;
	/** Takes the control events over. */
	readonly listen: (events: Pick<ControlEvents, "message" | "broken">) => void;
}

/**
 * Says hello and waits for the answer.
 *
 * Rejects with the code of `refused` (`ID_TAKEN`, `ID_CONTENDED`, `VERSION_UNSUPPORTED`, `CERTIFICATE_*`, `LIMIT_EXCEEDED`,
 * ...), with `PROTOCOL_ERROR`, with how the connection ended (`CERTIFICATE_*`: our certificate was not accepted), or with
 * `signal.reason`; the connection is closed then.
 */
export async function greet(
	connection: TransportConnection,
	hello: Hello,
	limits: ClientLimits,
	where: string,
	signal: AbortSignal,
	clock?: Clock,
): Promise<Greeted> {
	signal.throwIfAborted();
	let settle: ((answer: Welcome | Refused | ConecError) => void) | undefined;
	const answered = new Promise<Welcome | Refused | ConecError>((resolve) => {
		settle = resolve;
	});
	const violation = (reason: string): ConecError => new ConecError("PROTOCOL_ERROR", `Cannot connect to ${where}: ${reason}`);
	// What comes between the welcome and `listen`, as all of it may stand in one packet.
	const missed: (() => void)[] = [];
	let events: Pick<ControlEvents, "message" | "broken"> = {
		message: (message) => {
			if (settle === undefined) missed.push(() => events.message(message));
			else settle(message.type === "welcome" || message.type === "refused" ? message : violation(`"${message.type}" before the welcome`));
			settle = undefined;
		},
		broken: (closeCode, reason) => {
			if (settle === undefined) missed.push(() => events.broken(closeCode, reason));
			else settle(violation(reason));
			settle = undefined;
		},
	};
	const ended = (info: TransportCloseInfo): ConecError => {
		const { code = "CONNECTION_LOST", reason = "the connection ended" } = closeInfoOf(info, "CONNECTION_LOST");
		return new ConecError(code, `Cannot connect to ${where}: ${reason}`, { cause: info.error });
	};
	let control: ControlChannel;
	try {
		control = openControlChannel(
			connection,
			hello,
			{ message: (message) => events.message(message), broken: (closeCode, reason) => events.broken(closeCode, reason), finished: () => undefined },
			limits,
			clock,
		);
	} catch {
		// It was over before we could say anything: a server refuses our certificate only after our side of the handshake is done.
		throw ended(await connection.closed);
	}
	void connection.closed.then((info) => {
		control.end();
		settle?.(ended(info));
	});
	const answer = await withSignal(answered, signal, () => connection.close(CLOSE_CODES.CLIENT_CLOSED, "given up"));
	if (answer instanceof ConecError) {
		connection.close(CLOSE_CODES.PROTOCOL_ERROR, answer.message);
		throw answer;
	}
	if (answer.type === "refused") {
		connection.close(CLOSE_CODES.NORMAL, "refused");
		throw refusal(answer, hello.id, where);
	}
	if (!PROTOCOL_VERSIONS.includes(answer.version)) {
		connection.close(CLOSE_CODES.PROTOCOL_ERROR, "a version that was not offered");
		throw violation(`it chose version ${answer.version}, which was not offered`);
	}
	return {
		connection,
		control,
		welcome: answer,
		listen: (next) => {
			events = next;
			for (const event of missed.splice(0)) event();
		},
	};
}

function refusal(answer: Refused, id: string, where: string): ConecError {
	const versions =
		answer.code === "VERSION_UNSUPPORTED" && answer.versions !== undefined
			? ` (it speaks ${answer.versions.join(", ")}, this Client ${PROTOCOL_VERSIONS.join(", ")})`
			: "";
	return new ConecError(answer.code, `Cannot connect to ${where} as "${id}": ${answer.message ?? "refused"}${versions}`, { retryAfterMs: answer.retryAfterMs });
}

function withSignal<T>(promise: Promise<T>, signal: AbortSignal, onAbort: () => void): Promise<T> {
	return new Promise<T>((resolve, reject) => {
		const abort = (): void => {
			onAbort();
			reject(signal.reason as Error);
		};
		signal.addEventListener("abort", abort, { once: true });
		promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
	});
}

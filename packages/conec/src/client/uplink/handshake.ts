/**
 * From a dialled connection to a welcome.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { ConecError } from "../../errors.ts";
import type { ClientLimits } from "../../limits.ts";
import { COORDINATOR_DIALECT } from "../../session/control-stream.ts";
import { type Greeting, sayHello } from "../../session/greeting.ts";
import { toldWindow } from "../../stream/flow.ts";
import type { TransportConnection } from "../../transport/transport.ts";
import { CLOSE_CODES } from "../../wire/codes.ts";
import type { ControlMessage, Hello, Refused, Welcome } from "../../wire/control.ts";
import { PROTOCOL_VERSIONS } from "../../wire/versions.ts";

/** A connection whose Coordinator has said welcome. */
export interface Greeted extends Greeting<ControlMessage> {
	readonly welcome: Welcome;
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
	const { answer, control, listen } = await sayHello<ControlMessage, Welcome | Refused>({
		dialect: COORDINATOR_DIALECT,
		connection,
		hello,
		isAnswer: (message) => message.type === "welcome" || message.type === "refused",
		action: `Cannot connect to ${where}`,
		lostCode: "CONNECTION_LOST",
		limits,
		signal,
		givenUpCode: CLOSE_CODES.CLIENT_CLOSED,
		clock,
	});
	if (answer.type === "welcome") {
		toldWindow(connection, answer.limits.connectionWindowBytes);
		return { connection, control, welcome: answer, listen };
	}
	connection.close(CLOSE_CODES.NORMAL, "refused");
	throw refusal(answer, hello.id, where);
}

function refusal(answer: Refused, id: string, where: string): ConecError {
	const versions =
		answer.code === "VERSION_UNSUPPORTED" && answer.versions !== undefined
			? ` (it speaks ${answer.versions.join(", ")}, this Client ${PROTOCOL_VERSIONS.join(", ")})`
			: "";
	const { retryAfterMs, alternatives } = answer;
	return new ConecError(answer.code, `Cannot connect to ${where} as "${id}": ${answer.message ?? "refused"}${versions}`, { retryAfterMs, alternatives });
}

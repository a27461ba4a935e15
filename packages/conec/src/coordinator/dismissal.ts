/**
 * A Client that its Coordinator sends away, and tells when and where to come back.
 *
 * @module
 */

import { checkOptions, type OptionKind } from "../base/check-options.ts";
import type { Clock } from "../base/clock.ts";
import { within } from "../base/signals.ts";
import { argumentError, optionError } from "../errors.ts";
import { ALTERNATIVES_LISTED, type ComeBack, isAlternative } from "../wire/come-back.ts";
import type { Session } from "./sessions/index.ts";

/** When and where Clients may come back, as an application says it. */
export interface ComeBackOptions {
	/** In how many milliseconds a Client that comes to this address is welcome again, 0 to 86,400,000. @default 0 */
	readonly retryAfterMs?: number;
	/** Over how many milliseconds after that Clients spread their return, 0 to 3,600,000: each waits a part of it at random. @default 0 */
	readonly spreadMs?: number;
	/** Other Coordinators to which a Client may go at once: `host:port` or `[ipv6]:port`, 16 at most, in ASCII and with the port. @default none */
	readonly alternatives?: readonly string[];
}

/** How {@link ComeBackOptions} look. */
export const COME_BACK_KINDS: Readonly<Record<keyof ComeBackOptions, OptionKind>> = { retryAfterMs: "integer", spreadMs: "integer", alternatives: "strings" };

/** A checked copy of what has these kinds. `prefix`: where it is, for messages. Throws TypeError or RangeError `OPTION_INVALID`. */
export function checkedComeBack({ retryAfterMs, spreadMs, alternatives = [] }: ComeBackOptions, prefix: string = ""): ComeBackOptions {
	checkTime(`${prefix}retryAfterMs`, retryAfterMs, RETRY_AFTER_MS_MAX);
	checkTime(`${prefix}spreadMs`, spreadMs, SPREAD_MS_MAX);
	if (alternatives.length > ALTERNATIVES_LISTED) throw optionError("range", `${prefix}alternatives`, `must list at most ${ALTERNATIVES_LISTED}`);
	const wrong = alternatives.find((text) => !isAlternative(text));
	if (wrong !== undefined) throw optionError("type", `${prefix}alternatives`, `must list "host:port" or "[ipv6]:port", not ${JSON.stringify(wrong)}`);
	return { ...(retryAfterMs === undefined ? {} : { retryAfterMs }), ...(spreadMs === undefined ? {} : { spreadMs }), alternatives: [...alternatives] };
}

/** What a Client is told. It always says when, so that it is told to come back at all. */
export function comeBackOf({ retryAfterMs = 0, spreadMs = 0, alternatives = [] }: ComeBackOptions): ComeBack {
	return { retryAfterMs, ...(spreadMs === 0 ? {} : { spreadMs }), ...(alternatives.length === 0 ? {} : { alternatives }) };
}

/** Options of `Coordinator.disconnect`. With one of those of {@link ComeBackOptions}, the Client comes back; without, it does not by itself. */
export interface DisconnectOptions extends ComeBackOptions {
	/** A text that the Client is told. @default none */
	readonly reason?: string;
}

/** How a Client is disconnected. `comeBack` is absent: it is not to come back by itself. */
export interface Disconnection {
	readonly reason: string;
	readonly comeBack?: ComeBack;
}

/** Reads what `Coordinator.disconnect` is given. Throws TypeError or RangeError `OPTION_INVALID`. */
export function disconnection(how: string | DisconnectOptions): Disconnection {
	if (typeof how === "string") return { reason: how };
	if (typeof how !== "object" || how === null) throw argumentError("type", "OPTION_INVALID", "A reason must be a string, or options");
	checkOptions(how, { ...COME_BACK_KINDS, reason: "string" });
	const { reason = "", ...said } = how;
	const comeBack = checkedComeBack(said);
	return Object.values(said).every((value) => value === undefined) ? { reason } : { reason, comeBack: comeBackOf(comeBack) };
}

/** How a Client is sent away. */
export interface Dismissal {
	readonly reason: string;
	readonly comeBack: ComeBack;
	/** Ends its connection. */
	readonly closeCode: number;
	/** The same, where the Client may not have heard when to come back. @default closeCode */
	readonly unheardCode?: number;
}

/** Tells a Client when and where to come back, and ends its connection then. One with streams has up to `lingerMs` to end them. Never rejects. */
export async function dismiss(session: Session, how: Dismissal, { clock, lingerMs }: { readonly clock: Clock; readonly lingerMs: number }): Promise<void> {
	const { reason, comeBack, closeCode, unheardCode = closeCode } = how;
	session.control.send({ type: "close", reason, ...comeBack });
	const heard = session.control.flush(lingerMs);
	// Its streams may end by themselves, and it may go by itself.
	if (session.streams > 0) await within(lingerMs, session.over, clock);
	session.end((await heard) ? closeCode : unheardCode, reason);
}

function checkTime(option: string, value: number | undefined, max: number): void {
	if (value === undefined || (Number.isInteger(value) && value >= 0 && value <= max)) return;
	throw optionError("range", option, `must be whole milliseconds, 0 to ${max}, not ${value}`);
}

const SPREAD_MS_MAX = 3_600_000;

const RETRY_AFTER_MS_MAX = 86_400_000;
